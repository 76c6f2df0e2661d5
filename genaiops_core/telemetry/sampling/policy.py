"""Decides which production requests are judged. Pure functions without I/O.

Requests with a reason (negative feedback, new user, high cost, high latency) are always judged, and a small share of
the others. The share is selected by a hash of the trace id, so that every process makes the same decision at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from genaiops_core.errors import BadInput

PPM = 1_000_000
"""Rates are stored in millionths, because whole numbers can be keys of tables."""

Reason = Literal["negative_feedback", "new_user", "high_cost", "high_latency", "base_rate", "chosen"]

REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        "negative_feedback": "negative feedback of a user",
        "new_user": "the user's first request",
        "high_cost": "cost above the threshold",
        "high_latency": "latency above the threshold",
        "base_rate": "selected at random by the sample rate",
        "chosen": "a reviewer chose it",
    }
)
PRIORITIES: Mapping[Reason, int] = MappingProxyType(
    {"negative_feedback": 1, "new_user": 2, "high_cost": 2, "high_latency": 3, "base_rate": 4, "chosen": 1}
)
"""1 is judged first."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Thresholds above which a request is always judged, and the sample rate of the others."""

    rate: float = 0.02
    """Sample rate: the share of requests without a reason that is judged, 0 to 1."""
    cost_usd: float = 0.05
    latency_ms: float = 3_000.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise BadInput(f"The sample rate is {self.rate}; use a number from 0 to 1.")

    @property
    def rate_ppm(self) -> int:
        return round(self.rate * PPM)


@dataclass(frozen=True, kw_only=True)
class RequestFacts:
    """The facts about a request that the decision uses."""

    trace_id: str
    cost_nano_usd: int
    duration_ns: int
    is_new_user: bool
    has_negative_feedback: bool


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether to judge a request, with the reason, the priority and the sampling probability."""

    should_evaluate: bool
    reason: Reason
    priority: int
    rate_ppm: int
    """Sampling probability in millionths, also for a request that was not chosen."""

    @property
    def rate(self) -> float:
        return self.rate_ppm / PPM


def decide(facts: RequestFacts, policy: Policy) -> Decision:
    """Decide by the first reason that applies, in order of priority; without a reason by the sample rate."""
    reason = _find_certain_reason(facts, policy)
    if reason is not None:
        return Decision(should_evaluate=True, reason=reason, priority=PRIORITIES[reason], rate_ppm=PPM)
    return Decision(
        should_evaluate=hash_to_bucket(facts.trace_id) < policy.rate_ppm,
        reason="base_rate",
        priority=PRIORITIES["base_rate"],
        rate_ppm=policy.rate_ppm,
    )


def hash_to_bucket(trace_id: str) -> int:
    """A number from 0 to 999,999 that depends only on the trace id.

    The id is hashed, because the ids of some tracers are not random in all bits.
    """
    return int.from_bytes(hashlib.sha256(trace_id.encode()).digest()[:8]) % PPM


def build_queue_message(
    *,
    trace_id: str,
    query: str,
    response: str | None,
    context: Sequence[str] | None,
    priority: int,
    reason: str,
) -> dict[str, Any]:
    """A chosen request as a JSON message for the queue of another system; see docs/how-to/score-production.md.

    Args:
        trace_id: becomes request_id.
        query: the user's question.
        response: the answer; None without an answer.
        context: the retrieved texts; None when the trace has none.
        priority: 1 is judged first.
        reason: a key of `REASONS`.
    """
    return {
        "request_id": trace_id,
        "query": query,
        "response": response,
        "context": None if context is None else list(context),
        "priority": priority,
        "reason": reason,
    }


def _find_certain_reason(facts: RequestFacts, policy: Policy) -> Reason | None:
    if facts.has_negative_feedback:
        return "negative_feedback"
    if facts.is_new_user:
        return "new_user"
    if facts.cost_nano_usd > policy.cost_usd * 1e9:
        return "high_cost"
    if facts.duration_ns > policy.latency_ms * 1e6:
        return "high_latency"
    return None
