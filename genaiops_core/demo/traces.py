"""One demo request as a trace of several spans, with the attributes OpenTelemetry asks for: pure, decided by a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from genaiops_core.demo.arrivals import Arrival
from genaiops_core.demo.knowledge import UNSUPPORTED, Topic
from genaiops_core.demo.profiles import ENVIRONMENT, METRICS, NOVA, ApplicationProfile, ReleaseProfile

_MS = 1_000_000
_SCORED_SHARE = 0.4
_UNDEFINED_SHARE = 0.01
_BLOCKED_SHARE = 0.012
_SLOWEST_NS = 4_600 * _MS
"""Nothing in the demo is slower: the canary looks bad, yet stays under the default policy's 5,000 ms."""

THROTTLED = "ThrottlingException: Too many requests, please wait before trying again."
UNREACHABLE = "ConnectionTimeout: the vector index did not answer within 2 s."


class DemoSpan(NamedTuple):
    """One span before it is told to the console in whichever form. Instants are Unix nanoseconds."""

    span_id: str
    parent_span_id: str
    name: str
    start_ns: int
    end_ns: int
    error: str
    """Status message; empty when the span succeeded."""
    attributes: dict[str, Any]


class DemoScore(NamedTuple):
    """One drawn score of a request; None with a reason where a judge would have found nothing to judge."""

    metric: str
    value: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class DemoTrace:
    """A whole request: root first."""

    application: str
    trace_id: str
    release: str
    user_id: str
    spans: list[DemoSpan]
    scores: list[DemoScore]
    thumb: str
    """'up', 'down', or empty when the user said nothing."""

    @property
    def start_ns(self) -> int:
        return self.spans[0].start_ns


@dataclass(frozen=True, kw_only=True)
class _Exchange:
    """What is said about one question on one release; the same for every user, so made once."""

    question: str
    rewritten: str
    prompt: str
    documents: str
    document_ids: str
    input_messages: str
    output_messages: tuple[str, ...]
    """The sound answer first, then those with an unsupported sentence."""
    answers: tuple[str, ...]
    input_tokens: int


def resource(application: str) -> dict[str, str]:
    """The resource attributes every span of a demo application has."""
    return {
        "service.name": application,
        "deployment.environment.name": ENVIRONMENT,
        "telemetry.sdk.language": "python",
        "cloud.provider": "aws",
        "cloud.region": "us-east-1",
    }


class TraceBuilder:
    """Makes the traces of one application; the draws depend on `rng` alone."""

    def __init__(self, profile: ApplicationProfile, rng: random.Random) -> None:
        self._profile = profile
        self._rng = rng
        self._exchanges: dict[tuple[str, int, int], _Exchange] = {}

    def build(self, arrival: Arrival, release: ReleaseProfile, *, fails: bool | None = None) -> DemoTrace:
        """The trace of one arrival, answered by `release`.

        `fails` says whether the request ends in an error; it is drawn from the release's error share when None.
        """
        rng, profile = self._rng, self._profile
        topic_no = int(len(profile.topics) * rng.random() ** 1.3)
        question_no = int(rng.random() * len(profile.topics[topic_no].questions))
        drift = arrival.phase_share if release.quality_drift else 1.0
        if fails is None:
            # A release that gets worse does so over its phase.
            fails = rng.random() < release.error_share * (0.4 + 0.6 * drift)
        blocked = not fails and "guardrail" in profile.components and rng.random() < _BLOCKED_SHARE
        unsupported = rng.random() < release.unsupported_share * drift
        answer_no = 1 + int(rng.random() * len(UNSUPPORTED)) if unsupported else 0
        writer = _SpanWriter(profile, release, arrival, rng, self._exchange(release, topic_no, question_no))
        writer.run(fails=fails, blocked=blocked, answer_no=answer_no, drift=drift)
        scored = not fails and not blocked and rng.random() < _SCORED_SHARE
        return DemoTrace(
            application=profile.application,
            trace_id=f"{rng.getrandbits(128):032x}",
            release=release.release,
            user_id=arrival.user_id,
            spans=writer.spans,
            scores=_scores(release, arrival, rng, is_unsupported=unsupported) if scored else [],
            thumb=_thumb(rng, is_bad=fails or unsupported),
        )

    def _exchange(self, release: ReleaseProfile, topic_no: int, question_no: int) -> _Exchange:
        key = (release.release, topic_no, question_no)
        if key not in self._exchanges:
            self._exchanges[key] = _exchange(self._profile, release, topic_no, question_no)
        return self._exchanges[key]


class _SpanWriter:
    """Lays spans one after the other under a root."""

    def __init__(
        self,
        profile: ApplicationProfile,
        release: ReleaseProfile,
        arrival: Arrival,
        rng: random.Random,
        exchange: _Exchange,
    ) -> None:
        self.spans: list[DemoSpan] = []
        self._profile = profile
        self._release = release
        self._exchange = exchange
        self._rng = rng
        self._start_ns = arrival.start_ns
        self._at_ns = arrival.start_ns + 2 * _MS
        self._root_id = self._new_id()
        self._shared = {
            "genaiops.release": release.release,
            "gen_ai.conversation.id": arrival.session_id,
            "user.id": arrival.user_id,
        }

    def run(self, *, fails: bool, blocked: bool, answer_no: int, drift: float) -> None:
        """Every component in order, until one fails or a guardrail blocks; the root span comes first in the list."""
        error = ""
        if fails:
            error = UNREACHABLE if self._rng.random() < 0.2 else THROTTLED
        failing = "retrieval" if error == UNREACHABLE else "generation"
        slow = 1 + (self._release.latency_factor - 1) * drift
        steps = {
            "guardrail": lambda: self._guardrail("input_guardrail", blocked=blocked),
            "rewriting": self._rewriting,
            "expansion": self._expansion,
            "retrieval": lambda: self._retrieval(slow, error if failing == "retrieval" else ""),
            "reranking": lambda: self._reranking(slow),
            "prompt": self._prompt,
            "generation": lambda: self._generation(slow, answer_no, error if failing == "generation" else ""),
            "output_guardrail": lambda: self._guardrail("output_guardrail", blocked=False),
        }
        for component in self._profile.components:
            steps[component]()
            if (blocked and component == "guardrail") or (error and component == failing):
                break
        answer = "" if error else "I cannot help with that." if blocked else self._exchange.answers[answer_no]
        # The answering call before the rewriting one: a request is known by the first model told of.
        self.spans.sort(key=lambda span: "gen_ai.input.messages" not in span.attributes)
        self.spans.insert(0, self._root(answer, error))

    def _root(self, answer: str, error: str) -> DemoSpan:
        attributes = {
            **self._shared,
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": self._profile.application,
            "input.value": self._exchange.question,
            "output.value": answer,
        }
        name = f"invoke_workflow {self._profile.application}"
        return DemoSpan(self._root_id, "", name, self._start_ns, self._at_ns + _MS, error, attributes)

    def _add(
        self, name: str, duration_ms: float, attributes: dict[str, Any], error: str = "", parent_id: str = ""
    ) -> None:
        start_ns = self._at_ns
        longest = self._start_ns + _SLOWEST_NS - 120 * _MS - start_ns
        self._at_ns = start_ns + min(int(duration_ms * _MS), max(longest, 5 * _MS))
        attributes.update(self._shared)
        if error:
            attributes["error.type"] = error.partition(":")[0]
        self.spans.append(
            DemoSpan(
                self._new_id(), parent_id or self._root_id, name, start_ns, self._at_ns, error, attributes
            )
        )

    def _guardrail(self, name: str, *, blocked: bool) -> None:
        attributes = {
            "openinference.span.kind": "GUARDRAIL",
            "aws.bedrock.guardrail.id": f"{self._profile.application}-guard",
            "genaiops.guardrail.action": "GUARDRAIL_INTERVENED" if blocked else "NONE",
        }
        self._add(name, self._around(45, 0.3), attributes)

    def _rewriting(self) -> None:
        """A small model call of its own inside the rewriting step."""
        rewriting_id = self._new_id()
        start_ns = self._at_ns
        call = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.request.model": NOVA,
            "gen_ai.response.model": NOVA,
            "gen_ai.usage.input_tokens": 90 + len(self._exchange.question) // 4,
            "gen_ai.usage.output_tokens": len(self._exchange.rewritten) // 4,
        }
        self._add(f"chat {NOVA}", self._around(240, 0.25), call, parent_id=rewriting_id)
        attributes = {
            **self._shared,
            "genaiops.component": "rewriting",
            "input.value": self._exchange.question,
            "output.value": self._exchange.rewritten,
        }
        self._at_ns += _MS
        self.spans.append(
            DemoSpan(rewriting_id, self._root_id, "query_rewriting", start_ns, self._at_ns, "", attributes)
        )

    def _expansion(self) -> None:
        attributes = {
            "genaiops.component": "rewriting",
            "input.value": self._exchange.question,
            "output.value": self._exchange.rewritten,
        }
        self._add("query_expansion", self._around(12, 0.3), attributes)

    def _retrieval(self, slow: float, error: str) -> None:
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": f"{self._profile.application}-index",
            "gen_ai.retrieval.query.text": self._exchange.rewritten,
            "gen_ai.retrieval.top_k": self._release.top_k,
        }
        if not error:
            attributes["gen_ai.retrieval.documents"] = self._exchange.documents
        self._add("retrieval", 2000 if error else self._around(110, 0.35) * slow, attributes, error)

    def _reranking(self, slow: float) -> None:
        attributes = {
            "openinference.span.kind": "RERANKER",
            "reranker.query": self._exchange.rewritten,
            "reranker.top_k": self._release.top_k,
            "output.value": self._exchange.document_ids,
        }
        self._add("reranking", self._around(80, 0.3) * slow, attributes)

    def _prompt(self) -> None:
        attributes = {
            "openinference.span.kind": "PROMPT",
            "gen_ai.prompt.name": self._profile.prompt_name,
            "gen_ai.prompt.version": str(self._release.prompt_version),
            "output.value": self._exchange.prompt,
        }
        self._add("prompt_construction", 3.0, attributes)

    def _generation(self, slow: float, answer_no: int, error: str) -> None:
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.request.model": self._release.model,
            "gen_ai.prompt.name": self._profile.prompt_name,
            "gen_ai.prompt.version": str(self._release.prompt_version),
            "gen_ai.input.messages": self._exchange.input_messages,
        }
        if error:
            self._add(f"chat {self._release.model}", self._around(350, 0.3), attributes, error)
            return
        output_tokens = int(len(self._exchange.answers[answer_no]) / 3.6 * self._rng.uniform(0.9, 1.15))
        is_nova = self._release.model == NOVA
        first_token_ms = self._around(240 if is_nova else 420, 0.3) * slow
        attributes["gen_ai.response.model"] = self._release.model
        attributes["gen_ai.response.finish_reasons"] = ["end_turn"]
        attributes["gen_ai.response.time_to_first_chunk"] = first_token_ms / 1000
        attributes["gen_ai.usage.input_tokens"] = self._exchange.input_tokens
        attributes["gen_ai.usage.output_tokens"] = output_tokens
        attributes["gen_ai.output.messages"] = self._exchange.output_messages[answer_no]
        per_token_ms = self._around(9 if is_nova else 14, 0.2) * slow
        self._add(f"chat {self._release.model}", first_token_ms + per_token_ms * output_tokens, attributes)

    def _around(self, typical: float, spread: float) -> float:
        return typical * self._rng.lognormvariate(0.0, spread)

    def _new_id(self) -> str:
        return f"{self._rng.getrandbits(64):016x}"


def _exchange(
    profile: ApplicationProfile, release: ReleaseProfile, topic_no: int, question_no: int
) -> _Exchange:
    topic = profile.topics[topic_no]
    question = topic.questions[question_no]
    documents = retrieved(profile, topic_no, release.top_k)
    passages = "\n\n".join(f"[{no}] {document.passage}" for no, document in enumerate(documents, 1))
    prompt = release.prompt_text.format(passages=passages, question=question)
    messages = [
        {"role": "system", "parts": [{"type": "text", "content": profile.system_prompt}]},
        {"role": "user", "parts": [{"type": "text", "content": prompt}]},
    ]
    answers = (topic.answer, *(f"{topic.answer} {sentence}" for sentence in UNSUPPORTED))
    return _Exchange(
        question=question,
        rewritten=f"{topic.title}: {question.rstrip('?.').lower()}",
        prompt=prompt,
        documents=_json(
            [
                {"id": each.source, "score": round(0.93 - 0.07 * no, 2), "content": each.passage}
                for no, each in enumerate(documents)
            ]
        ),
        document_ids=_json([each.source for each in documents]),
        input_messages=_json(messages),
        output_messages=tuple(
            _json(
                [
                    {
                        "role": "assistant",
                        "parts": [{"type": "text", "content": answer}],
                        "finish_reason": "stop",
                    }
                ]
            )
            for answer in answers
        ),
        answers=answers,
        # The rest of the real prompt (rules, examples, history) is told by its size only.
        input_tokens=620 + len(prompt) // 4 + 160 * release.top_k,
    )


def retrieved(profile: ApplicationProfile, topic_no: int, top_k: int) -> list[Topic]:
    """The right passage first, then its neighbours in the knowledge base, at most `top_k`."""
    count = len(profile.topics)
    return [profile.topics[(topic_no + step) % count] for step in range(min(top_k, count))]


def _scores(
    release: ReleaseProfile, arrival: Arrival, rng: random.Random, *, is_unsupported: bool
) -> list[DemoScore]:
    scores = []
    for metric, mean in zip(METRICS, release.quality, strict=True):
        if rng.random() < _UNDEFINED_SHARE:
            scores.append(DemoScore(metric, None, "The answer makes no claim that could be judged."))
            continue
        centre = mean + release.quality_drift * arrival.phase_share
        if is_unsupported and metric == "faithfulness":
            centre -= 0.06
        value = min(1.0, max(0.0, centre + rng.gauss(0, 0.05)))
        scores.append(DemoScore(metric, round(value, 3), ""))
    return scores


def _thumb(rng: random.Random, *, is_bad: bool) -> str:
    if rng.random() > 0.04:
        return ""
    return "down" if rng.random() < (0.7 if is_bad else 0.12) else "up"


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
