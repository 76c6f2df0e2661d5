"""Why an answer went wrong, in plain words, from evidence that is named beside the verdict.

Only what the trace shows is used. What judges scored is trusted before what words in common suggest, and words in
common are named as the proxies they are: they tell an empty or wrong context and an answer made of other words, not
a subtle untruth. Where nothing points anywhere, the verdict is `can't tell`.
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
"""Finish reasons, in lower case, that mean the answer was cut off at a token limit."""
GUARDRAIL_REASONS = frozenset(
    {"guardrail_intervened", "content_filter", "content_filtered", "safety", "blocked"}
)
"""Finish reasons, in lower case, that mean a guardrail took the answer away."""

RETRIEVAL_COMPONENTS = frozenset({"retrieval", "reranking", "embedding"})
CONTEXT_METRICS = ("context_recall", "context_precision", "context_relevance", "context_relevancy")
ANSWER_METRICS = ("faithfulness", "groundedness", "answer_correctness", "correctness")
LOW_SCORE = 0.5
"""A judge's score on [0, 1] below this points at what it measures."""

LOW_RETRIEVAL_SCORE = 0.2
"""A best document score below this counts as low, on retrievers that score within [0, 1]."""
FEW_QUESTION_WORDS = 0.2
"""Of the question's words in the context: 7 % of good retrievals have less, 72 % of swapped contexts (MT-RAG)."""
FEW_ANSWER_WORDS = 0.4
"""Of the answer's words in the context: people rate such answers' faithfulness 2.1 of 4, others 3.7 (MT-RAG)."""
FEW_SENTENCE_WORDS = 0.15
"""The same of one sentence: 2.5 of 4, others 3.6."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one span says about itself."""

    span_id: str
    name: str
    component: str
    is_error: bool
    status_message: str
    finish_reasons: Sequence[str]
    has_failed_child: bool
    is_root: bool = False
    guardrail_action: str = ""
    """What a guardrail says it did, when it stepped in."""
    documents: int | None = None
    """Documents a retrieval came back with; None when it does not say."""
    best_score: float | None = None
    """Highest score of a document."""


@dataclass(frozen=True, kw_only=True)
class ScoreEvidence:
    """One judgement of the request."""

    metric: str
    judge: str
    value: float | None


@dataclass(frozen=True, kw_only=True)
class RequestEvidence:
    """What is known of one request when it is diagnosed."""

    observations: Sequence[Observation]
    """In order of time."""
    question: str | None = None
    query: str | None = None
    """What was searched for, where it was rewritten."""
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
    """`proxy`: computed from words in common, which suggests and does not prove."""
    span_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A verdict, why in a sentence, the evidence it rests on, and what the interaction cost."""

    verdict: Verdict
    summary: str
    findings: tuple[Finding, ...]
    cost: str = ""

    @property
    def evidence(self) -> tuple[str, ...]:
        """The findings as sentences."""
        return tuple(finding.text for finding in self.findings)


def diagnose(seen: RequestEvidence, cost: str = "") -> Diagnosis:
    """Weigh what was seen; the first of these that there is evidence for.

    A request that failed; one that a guardrail cut; a retrieval that failed or found nothing; an answer cut at a token
    limit; what judges scored; what words in common suggest.
    """
    common = measure_overlaps(seen.question, seen.query, seen.answer, seen.contexts)
    verdict, summary = _find_verdict(seen, common)
    findings = tuple(_list_findings(seen, common))
    return Diagnosis(verdict=verdict, summary=summary, findings=findings, cost=cost)


def _find_verdict(seen: RequestEvidence, common: WordOverlaps) -> tuple[Verdict, str]:
    failures = [one for one in seen.observations if one.is_error]
    is_cut = any(one.guardrail_action for one in seen.observations)
    # Some applications fail the request when their guardrail steps in.
    is_only_cut = is_cut and all(one.is_root or one.component == "guardrail" for one in _find_origins(failures))
    if not is_only_cut and (any(one.is_root for one in failures) or (failures and not _has_answer(seen))):
        return "error", f"The request failed: {_find_origins(failures)[0].name} did not get through."
    if is_cut:
        return "guardrail cut", "A guardrail stepped in, so the user did not get the model's own answer."
    retrievals = [one for one in seen.observations if one.component in RETRIEVAL_COMPONENTS]
    if any(one.is_error for one in retrievals) and not _has_documents(retrievals):
        return "retrieval failed", "Retrieval failed, so the model answered without its documents."
    asked = [one for one in retrievals if one.documents is not None]
    if asked and not _has_documents(asked):
        return "retrieval failed", "Retrieval came back with no document."
    if _find_truncated_generation(seen):
        return "truncated", "The answer stopped at its token limit, so its end is missing."
    if failures and _find_origins(failures)[0].component not in ("generation", "tool"):
        return "error", f"{_find_origins(failures)[0].name} failed on the way to this answer."
    return _find_verdict_by_scores(seen) or _find_verdict_by_words(seen, common) or ("can't tell", _explain_no_verdict(seen, common))


def _has_answer(seen: RequestEvidence) -> bool:
    """Whether a generation succeeded, or the root did with an answer: then what failed before was recovered."""
    return bool(seen.answer) or any(
        one.component == "generation" and not one.is_error for one in seen.observations
    )


def _has_documents(retrievals: Sequence[Observation]) -> bool:
    return any(one.documents for one in retrievals)


def _find_truncated_generation(seen: RequestEvidence) -> Observation | None:
    """The last generation that says how it ended, if it ended at a limit: earlier ones are not what the user got."""
    ended = [one for one in seen.observations if one.finish_reasons]
    return next(
        (
            one
            for one in ended[-1:]
            if any(reason.lower() in TRUNCATED_REASONS for reason in one.finish_reasons)
        ),
        None,
    )


def _find_verdict_by_scores(seen: RequestEvidence) -> tuple[Verdict, str] | None:
    low = {one.metric for one in seen.scores if one.value is not None and one.value < LOW_SCORE}
    pointing: tuple[tuple[Verdict, Sequence[str], str], ...] = (
        ("retrieval failed", CONTEXT_METRICS, "the context it was given"),
        ("generation failed", ANSWER_METRICS, "the answer itself"),
    )
    for verdict, metrics, what in pointing:
        named = [metric for metric in metrics if metric in low]
        if named:
            summary = f"A judge scored {what} low ({', '.join(named)})."
            return verdict, summary
    return None


def _find_verdict_by_words(seen: RequestEvidence, common: WordOverlaps) -> tuple[Verdict, str] | None:
    lacks_question = common.question is not None and common.question < FEW_QUESTION_WORDS
    if common.is_refusal:
        if lacks_question or (seen.contexts == () and seen.question):
            return (
                "retrieval failed",
                "The answer says it does not know, and the context lacks the question's words.",
            )
        return None
    scores = [one.best_score for one in seen.observations if one.best_score is not None]
    if lacks_question and scores and 0 <= max(scores) < LOW_RETRIEVAL_SCORE:
        return "retrieval failed", "The documents found score low and lack the question's words."
    if common.answer is not None and common.answer < FEW_ANSWER_WORDS:
        if lacks_question:
            return "retrieval failed", "The context lacks the words of the question and of the answer."
        return "generation failed", "The context has the question's words, but the answer is made of others."
    if common.worst_share is not None and common.worst_share < FEW_SENTENCE_WORDS:
        return "generation failed", "A sentence of the answer is not in the context."
    return None


def _explain_no_verdict(seen: RequestEvidence, common: WordOverlaps) -> str:
    if seen.answer is None and seen.question is None:
        return "The spans carry no messages, so there is nothing to judge the answer by."
    if common.answer is None and not seen.contexts:
        return "Nothing failed, and no context was found to hold the answer against."
    return "Nothing in this trace says that it went wrong."


def _list_findings(seen: RequestEvidence, common: WordOverlaps) -> Iterator[Finding]:
    failures = [one for one in seen.observations if one.is_error]
    for one in _find_origins(failures)[:5]:
        message = f": {one.status_message}" if one.status_message else ""
        yield Finding(text=f"{one.component} '{one.name}' failed{message}", kind="span", span_id=one.span_id)
    for one in seen.observations:
        if one.guardrail_action:
            text = f"{one.component} '{one.name}' says {one.guardrail_action}"
            yield Finding(text=text, kind="span", span_id=one.span_id)
        if one.documents is not None and not one.is_error:
            best = "" if one.best_score is None else f", the best scored {one.best_score:g}"
            number = f"{one.documents} document{'' if one.documents == 1 else 's'}"
            text = f"{one.component} '{one.name}' found {number}{best}"
            yield Finding(text=text, kind="span", span_id=one.span_id)
        for reason in one.finish_reasons:
            if reason.lower() in TRUNCATED_REASONS:
                text = f"{one.component} '{one.name}' stopped at its token limit (finish reason {reason})"
                yield Finding(text=text, kind="span", span_id=one.span_id)
    for scored in seen.scores:
        value = "no value" if scored.value is None else f"{scored.value:.2f}"
        yield Finding(text=f"{scored.metric} {value} by {scored.judge}", kind="score")
    yield from _list_proxies(common)
    if seen.thumbs_down:
        said = f": {seen.comments[0][:200]}" if seen.comments else ""
        yield Finding(text=f"the user gave a thumb down{said}", kind="feedback")


def _list_proxies(common: WordOverlaps) -> Iterator[Finding]:
    for share, what in (
        (common.question, "the question's words are in the context"),
        (common.answer, "the answer's words are in the context"),
    ):
        if share is not None:
            yield Finding(text=f"{share:.0%} of {what} (proxy: words in common)", kind="proxy")
    if common.worst_share is not None and common.worst_share < FEW_SENTENCE_WORDS:
        text = f"{common.worst_share:.0%} of the words of “{common.worst_sentence[:200]}” are in the context"
        yield Finding(text=f"{text} (proxy: words in common)", kind="proxy")
    if common.is_refusal:
        yield Finding(text="the answer reads as if it does not know (proxy: usual phrases)", kind="proxy")


def _find_origins(failures: Sequence[Observation]) -> Sequence[Observation]:
    """Where the failure began: the failed spans without a failed child; all of them where they go in a circle."""
    return [one for one in failures if not one.has_failed_child] or failures
