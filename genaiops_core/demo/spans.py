"""The spans of a demo request with OpenTelemetry attributes, as a pure function of a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

from genaiops_core.demo.arrivals import Arrival
from genaiops_core.demo.exchanges import Exchange
from genaiops_core.demo.profiles import NOVA, ApplicationProfile, ReleaseProfile

_MS = 1_000_000
_SLOWEST_NS = 4_600 * _MS
"""Highest latency of the demo: the canary is slow, but below the 5,000 ms of the default policy."""

THROTTLED = "ThrottlingException: Too many requests, please wait before trying again."
UNREACHABLE = "ConnectionTimeout: the vector index did not answer within 2 s."


class DemoSpan(NamedTuple):
    """A span before its encoding; times are Unix nanoseconds."""

    span_id: str
    parent_span_id: str
    name: str
    start_ns: int
    end_ns: int
    error: str
    """Status message; empty when the span succeeded."""
    attributes: dict[str, Any]


class SpanWriter:
    """Builds consecutive spans under a root span."""

    def __init__(
        self,
        profile: ApplicationProfile,
        release: ReleaseProfile,
        arrival: Arrival,
        rng: random.Random,
        exchange: Exchange,
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
        """Build the components in order until one fails or a guardrail blocks; the root span is first in the list."""
        error = ""
        if fails:
            error = UNREACHABLE if self._rng.random() < 0.2 else THROTTLED
        failing = "retrieval" if error == UNREACHABLE else "generation"
        slow = 1 + (self._release.latency_factor - 1) * drift
        steps: dict[str, Callable[[], None]] = {
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
        # The answering call precedes the rewriting call, because the first model names the request.
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
        # 120 ms are left for the components that follow.
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
        """Add a small model call inside the rewriting step."""
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
