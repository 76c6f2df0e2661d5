"""Finds why an answer went wrong: a verdict, a summary and the evidence for it.

The diagnosis uses only data of the trace. Scores by judges take precedence over word overlap, which is a proxy: it
detects an empty or wrong context and an answer made of other words, but no subtle untruth. Without evidence the
verdict is `can't tell`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from genaiops_core.telemetry.traces.overlaps import WordOverlaps, measure_overlaps

Verdict = Literal[
    "error", "guardrail cut", "truncated", "retrieval failed", "generation failed", "can't tell"
]
Kind = Literal["span", "score", "proxy", "feedback"]

TRUNCATED_REASONS = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "token_limit"})
"""Finish reasons, in lower case, of an answer that was cut off at a token limit."""
GUARDRAIL_REASONS = frozenset(
    {"guardrail_intervened", "content_filter", "content_filtered", "safety", "blocked"}
)
"""Finish reasons, in lower case, of an answer that a guardrail blocked."""

RETRIEVAL_COMPONENTS = frozenset({"retrieval", "reranking", "embedding"})
CONTEXT_METRICS = ("context_recall", "context_precision", "context_relevance", "context_relevancy")
ANSWER_METRICS = ("faithfulness", "groundedness", "answer_correctness", "correctness")
LOW_SCORE = 0.5
"""A judge's score on [0, 1] below this is evidence of a failure of what the metric measures."""

LOW_RETRIEVAL_SCORE = 0.2
"""A best document score below this is low, for retrievers that score within [0, 1]."""
FEW_QUESTION_WORDS = 0.2
"""Share of the question's words in the context: 7 % of good retrievals have less, 72 % of swapped contexts (MT-RAG)."""
FEW_ANSWER_WORDS = 0.4
"""Share of the answer's words in the context: reviewers rate the faithfulness of answers below it 2.1 of 4, of others
3.7 (MT-RAG)."""
FEW_SENTENCE_WORDS = 0.15
"""The same for one sentence: 2.5 of 4, others 3.6."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The facts about one span that a diagnosis uses."""

    span_id: str
    name: str
    component: str
    is_error: bool
    status_message: str
    finish_reasons: Sequence[str]
    has_failed_child: bool
    is_root: bool = False
    guardrail_action: str = ""
    """Action that a guardrail reports, such as `blocked`; '' when it did not intervene."""
    documents: int | None = None
    """Number of documents of a retrieval; None when the span does not report it."""
    best_score: float | None = None
    """Highest document score; None when no document has a score."""


@dataclass(frozen=True, kw_only=True)
class ScoreEvidence:
    """One score of the request by one judge."""

    metric: str
    judge: str
    value: float | None


@dataclass(frozen=True, kw_only=True)
class RequestEvidence:
    """Everything that the diagnosis of one request uses."""

    observations: Sequence[Observation]
    """In order of time."""
    question: str | None = None
    query: str | None = None
    """The retrieval query, when it differs from the question."""
    answer: str | None = None
    contexts: Sequence[str] = ()
    scores: Sequence[ScoreEvidence] = ()
    thumbs_down: int = 0
    comments: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One piece of evidence."""

    text: str
    kind: Kind
    """`proxy`: calculated from word overlap, which indicates a cause and does not prove it."""
    span_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A verdict with its reason in a sentence, the evidence, and the cost of the request in words."""

    verdict: Verdict
    summary: str
    findings: tuple[Finding, ...]
    cost: str = ""

    @property
    def evidence(self) -> tuple[str, ...]:
        """The findings as sentences."""
        return tuple(finding.text for finding in self.findings)


def diagnose(evidence: RequestEvidence, cost: str = "") -> Diagnosis:
    """Diagnose a request. The first cause with evidence gives the verdict.

    The order of causes: a failed request; a guardrail that cut the answer; a retrieval that failed or returned no
    document; an answer cut at its token limit; low scores by judges; low word overlap.
    """
    common = measure_overlaps(evidence.question, evidence.query, evidence.answer, evidence.contexts)
    verdict, summary = _find_verdict(evidence, common)
    findings = tuple(_list_findings(evidence, common))
    return Diagnosis(verdict=verdict, summary=summary, findings=findings, cost=cost)


def _find_verdict(evidence: RequestEvidence, common: WordOverlaps) -> tuple[Verdict, str]:
    failures = [observation for observation in evidence.observations if observation.is_error]
    is_cut = any(observation.guardrail_action for observation in evidence.observations)
    # Some applications mark the request as failed when their guardrail intervenes.
    is_only_cut = is_cut and all(
        observation.is_root or observation.component == "guardrail" for observation in _find_origins(failures)
    )
    if not is_only_cut and (
        any(observation.is_root for observation in failures) or (failures and not _has_answer(evidence))
    ):
        return "error", f"The request failed at {_find_origins(failures)[0].name}."
    if is_cut:
        return "guardrail cut", "A guardrail intervened, so the user did not get the model's answer."
    retrievals = [
        observation for observation in evidence.observations if observation.component in RETRIEVAL_COMPONENTS
    ]
    if any(observation.is_error for observation in retrievals) and not _has_documents(retrievals):
        return "retrieval failed", "Retrieval failed, so the model answered without its documents."
    retrievals_with_counts = [observation for observation in retrievals if observation.documents is not None]
    if retrievals_with_counts and not _has_documents(retrievals_with_counts):
        return "retrieval failed", "Retrieval returned no document."
    if _find_truncated_generation(evidence):
        return "truncated", "The answer stopped at its token limit, so its end is missing."
    if failures and _find_origins(failures)[0].component not in ("generation", "tool"):
        return "error", f"{_find_origins(failures)[0].name} failed before this answer."
    return (
        _find_verdict_by_scores(evidence)
        or _find_verdict_by_words(evidence, common)
        or ("can't tell", _explain_no_verdict(evidence, common))
    )


def _has_answer(evidence: RequestEvidence) -> bool:
    """Whether the request has an answer or a successful generation; the application then recovered from failures."""
    return bool(evidence.answer) or any(
        observation.component == "generation" and not observation.is_error
        for observation in evidence.observations
    )


def _has_documents(retrievals: Sequence[Observation]) -> bool:
    return any(retrieval.documents for retrieval in retrievals)


def _find_truncated_generation(evidence: RequestEvidence) -> Observation | None:
    """The last generation with a finish reason, if it ended at a token limit; earlier ones are not the answer."""
    finished = [observation for observation in evidence.observations if observation.finish_reasons]
    return next(
        (
            observation
            for observation in finished[-1:]
            if any(reason.lower() in TRUNCATED_REASONS for reason in observation.finish_reasons)
        ),
        None,
    )


def _find_verdict_by_scores(evidence: RequestEvidence) -> tuple[Verdict, str] | None:
    low = {score.metric for score in evidence.scores if score.value is not None and score.value < LOW_SCORE}
    rules: tuple[tuple[Verdict, Sequence[str], str], ...] = (
        ("retrieval failed", CONTEXT_METRICS, "the context"),
        ("generation failed", ANSWER_METRICS, "the answer"),
    )
    for verdict, metrics, subject in rules:
        low_metrics = [metric for metric in metrics if metric in low]
        if low_metrics:
            summary = f"A judge scored {subject} low ({', '.join(low_metrics)})."
            return verdict, summary
    return None


def _find_verdict_by_words(evidence: RequestEvidence, common: WordOverlaps) -> tuple[Verdict, str] | None:
    lacks_question = common.question is not None and common.question < FEW_QUESTION_WORDS
    if common.is_refusal:
        if lacks_question or (evidence.contexts == () and evidence.question):
            return (
                "retrieval failed",
                "The answer states that it does not know, and the context lacks the question's words.",
            )
        return None
    scores = [
        observation.best_score for observation in evidence.observations if observation.best_score is not None
    ]
    if lacks_question and scores and 0 <= max(scores) < LOW_RETRIEVAL_SCORE:
        return "retrieval failed", "The documents found score low and lack the question's words."
    if common.answer is not None and common.answer < FEW_ANSWER_WORDS:
        if lacks_question:
            return "retrieval failed", "The context lacks the words of the question and of the answer."
        return (
            "generation failed",
            "The context has the question's words, but the answer has few of its words.",
        )
    if common.worst_share is not None and common.worst_share < FEW_SENTENCE_WORDS:
        return "generation failed", "A sentence of the answer is not in the context."
    return None


def _explain_no_verdict(evidence: RequestEvidence, common: WordOverlaps) -> str:
    if evidence.answer is None and evidence.question is None:
        return "The spans contain no messages, so the answer cannot be diagnosed."
    if common.answer is None and not evidence.contexts:
        return "Nothing failed, and the trace has no context to compare the answer with."
    return "The trace contains no evidence of a failure."


def _list_findings(evidence: RequestEvidence, common: WordOverlaps) -> Iterator[Finding]:
    failures = [observation for observation in evidence.observations if observation.is_error]
    for observation in _find_origins(failures)[:5]:
        message = f": {observation.status_message}" if observation.status_message else ""
        yield Finding(
            text=f"{observation.component} '{observation.name}' failed{message}",
            kind="span",
            span_id=observation.span_id,
        )
    for observation in evidence.observations:
        if observation.guardrail_action:
            text = f"{observation.component} '{observation.name}' reports {observation.guardrail_action}"
            yield Finding(text=text, kind="span", span_id=observation.span_id)
        if observation.documents is not None and not observation.is_error:
            best = "" if observation.best_score is None else f", the best scored {observation.best_score:g}"
            number = f"{observation.documents} document{'' if observation.documents == 1 else 's'}"
            text = f"{observation.component} '{observation.name}' found {number}{best}"
            yield Finding(text=text, kind="span", span_id=observation.span_id)
        for reason in observation.finish_reasons:
            if reason.lower() in TRUNCATED_REASONS:
                text = f"{observation.component} '{observation.name}' stopped at its token limit (finish reason {reason})"
                yield Finding(text=text, kind="span", span_id=observation.span_id)
    for score in evidence.scores:
        value = "not scored" if score.value is None else f"{score.value:.2f}"
        yield Finding(text=f"{score.metric} {value} by {score.judge}", kind="score")
    yield from _list_proxies(common)
    if evidence.thumbs_down:
        comment = f": {evidence.comments[0][:200]}" if evidence.comments else ""
        yield Finding(text=f"the user gave a thumb down{comment}", kind="feedback")


def _list_proxies(common: WordOverlaps) -> Iterator[Finding]:
    for share, description in (
        (common.question, "the question's words are in the context"),
        (common.answer, "the answer's words are in the context"),
    ):
        if share is not None:
            yield Finding(text=f"{share:.0%} of {description} (proxy: word overlap)", kind="proxy")
    if common.worst_share is not None and common.worst_share < FEW_SENTENCE_WORDS:
        text = f"{common.worst_share:.0%} of the words of “{common.worst_sentence[:200]}” are in the context"
        yield Finding(text=f"{text} (proxy: word overlap)", kind="proxy")
    if common.is_refusal:
        yield Finding(text="the answer has a phrase for not knowing (proxy: common phrases)", kind="proxy")


def _find_origins(failures: Sequence[Observation]) -> Sequence[Observation]:
    """Where the failure began: failed spans without a failed child; all failed spans when their parents form a circle."""
    return [failure for failure in failures if not failure.has_failed_child] or failures
