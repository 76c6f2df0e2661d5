"""What is kept of calls, answers and scores: rows on their way into the database, and calls on their way back."""

from __future__ import annotations

import array
import base64
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.calls.unit import Unit
from genaiops_core.evaluation.judges.protocol import Embedded, Reply, Usage


@dataclass(frozen=True, kw_only=True)
class KeptCall:
    """A finished call to a judge's model: a row of `judge_call`."""

    unit: Unit
    call_sha256: str
    reply: Mapping[str, Any]
    usage: Usage
    cost_nano_usd: int | None
    latency_ms: float
    called_at: dt.datetime

    def row(self, evaluation_id: str) -> dict[str, Any]:
        """As the table has it."""
        return {
            "evaluation_id": evaluation_id,
            "call_sha256": self.call_sha256,
            "case_no": self.unit.case_no,
            "repetition": self.unit.repetition,
            "metric": self.unit.metric,
            "reply": self.reply,
            "input_tokens": self.usage.input_tokens,
            "output_tokens": self.usage.output_tokens,
            "cost_nano_usd": self.cost_nano_usd,
            "latency_ms": self.latency_ms,
            "called_at": self.called_at,
        }


@dataclass(frozen=True, kw_only=True)
class KeptScore:
    """A scored unit: a row of `evaluation_score`."""

    unit: Unit
    value: float | None
    reason: str
    is_failed: bool
    cost_nano_usd: int | None
    latency_ms: float

    def row(self, evaluation_id: str) -> dict[str, Any]:
        """As the table has it."""
        return {
            "evaluation_id": evaluation_id,
            **self.unit._asdict(),
            "value": self.value,
            "reason": self.reason,
            "is_failed": self.is_failed,
            "cost_nano_usd": self.cost_nano_usd,
            "latency_ms": self.latency_ms,
        }


@dataclass(frozen=True, kw_only=True)
class KeptAnswer:
    """What a target answered, or why it did not: a row of `generated_answer`."""

    case_no: int
    repetition: int
    answer: str | None
    contexts: tuple[str, ...] | None
    problem: str
    latency_ms: float | None
    usage: Usage
    cost_nano_usd: int | None
    is_paid: bool
    """Whether a call was made; its cost is unknown then, where it is None."""
    answered_at: dt.datetime

    def row(self, evaluation_id: str) -> dict[str, Any]:
        """As the table has it."""
        return {
            "evaluation_id": evaluation_id,
            "case_no": self.case_no,
            "repetition": self.repetition,
            "answer": self.answer,
            "contexts": None if self.contexts is None else list(self.contexts),
            "problem": self.problem,
            "latency_ms": self.latency_ms,
            "input_tokens": self.usage.input_tokens,
            "output_tokens": self.usage.output_tokens,
            "cost_nano_usd": self.cost_nano_usd,
            "answered_at": self.answered_at,
        }


def packed(answer: Reply | Embedded) -> dict[str, Any]:
    """What a model answered, as JSON; a vector takes 4 bytes a number."""
    cached = {"cache_read": answer.usage.cache_read_tokens, "cache_write": answer.usage.cache_write_tokens}
    kept: dict[str, Any] = {name: tokens for name, tokens in cached.items() if tokens}
    if isinstance(answer, Embedded):
        kept["vector"] = base64.b64encode(array.array("f", answer.vector).tobytes()).decode()
    else:
        kept.update(text=answer.text, stop_reason=answer.stop_reason)
    return kept


def vector_of(kept: Mapping[str, Any]) -> tuple[float, ...]:
    """The vector in what `packed` made."""
    return tuple(array.array("f", base64.b64decode(kept["vector"])))


def reply_of(kept: Mapping[str, Any], latency_ms: float) -> Reply:
    """The reply in what `packed` made."""
    return Reply(
        text=kept["text"], usage=Usage(), latency_ms=latency_ms, stop_reason=kept.get("stop_reason", "")
    )
