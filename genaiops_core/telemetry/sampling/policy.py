"""Which production requests are judged: the decider, pure.

Requests that are likely to matter are always judged; of all others a small share, drawn by the trace id, so that
every process decides alike and a decision can be repeated years later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from genaiops_core.errors import BadInput

PPM = 1_000_000
"""Rates are kept in millionths: whole numbers can be keys."""

Reason = Literal["negative_feedback", "new_user", "high_cost", "high_latency", "base_rate", "chosen"]

REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        "negative_feedback": "a user disliked the answer",
        "new_user": "the user's first request",
        "high_cost": "it cost more than the threshold",
        "high_latency": "it took longer than the threshold",
        "base_rate": "drawn by chance",
        "chosen": "a person chose it",
    }
)
PRIORITIES: Mapping[Reason, int] = MappingProxyType(
    {"negative_feedback": 1, "new_user": 2, "high_cost": 2, "high_latency": 3, "base_rate": 4, "chosen": 1}
)
"""1 is judged first."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is always judged, and how much of the rest."""

    rate: float = 0.02
    """Of the requests that nothing speaks for, the share that is judged."""
    cost_usd: float = 0.05
    latency_ms: float = 3_000.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise BadInput(f"The sample rate is {self.rate}; give a share from 0 to 1.")

    @property
    def rate_ppm(self) -> int:
        return round(self.rate * PPM)


@dataclass(frozen=True, kw_only=True)
class RequestFacts:
    """What the decision rests on."""

    trace_id: str
    cost_nano_usd: int
    duration_ns: int
    is_new_user: bool
    has_negative_feedback: bool


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether to judge a request, why, how soon, and how probable that was."""

    should_evaluate: bool
    reason: Reason
    priority: int
    rate_ppm: int
    """Probability of being chosen, in millionths, also of those that were not."""

    @property
    def rate(self) -> float:
        return self.rate_ppm / PPM


def decide(facts: RequestFacts, policy: Policy) -> Decision:
    """The first reason that applies, in order of priority; then chance."""
    reason = _certain(facts, policy)
    if reason is not None:
        return Decision(should_evaluate=True, reason=reason, priority=PRIORITIES[reason], rate_ppm=PPM)
    return Decision(
        should_evaluate=hash_to_bucket(facts.trace_id) < policy.rate_ppm,
        reason="base_rate",
        priority=PRIORITIES["base_rate"],
        rate_ppm=policy.rate_ppm,
    )


def hash_to_bucket(trace_id: str) -> int:
    """A number from 0 to 999,999 that the trace id alone decides.

    Hashed, because the ids of some tracers are not random in all their bits.
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
    """A chosen request as a message for a queue of another system, ready for JSON; see docs/how-to/score-production.md.

    Args:
        trace_id: becomes request_id.
        query: what the user asked.
        response: what was answered; None when nothing was.
        context: the retrieved texts; None when the trace tells none.
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


def _certain(facts: RequestFacts, policy: Policy) -> Reason | None:
    if facts.has_negative_feedback:
        return "negative_feedback"
    if facts.is_new_user:
        return "new_user"
    if facts.cost_nano_usd > policy.cost_usd * 1e9:
        return "high_cost"
    if facts.duration_ns > policy.latency_ms * 1e6:
        return "high_latency"
    return None
