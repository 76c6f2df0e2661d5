"""Records of calls, answers and scores: rows of the database, and the JSON of a reply."""

from __future__ import annotations

import array
import base64
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.calls.unit import UnitKey
from genaiops_core.evaluation.models.protocol import Embedding, Reply, Usage


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """A finished call to a judge's model: a row of `judge_call`."""

    unit: UnitKey
    call_sha256: str
    reply: Mapping[str, Any]
    """The result of `pack_reply`, or {"failed": message} for a failure that was billed."""
    usage: Usage
    cost_nano_usd: int | None
    """None when the price is unknown."""
    latency_ms: float
    called_at: dt.datetime

    def to_row(self, evaluation_id: str) -> dict[str, Any]:
        """The columns of the row."""
        return {
            "evaluation_id": evaluation_id,
            "call_sha256": self.call_sha256,
            **self.unit._asdict(),
            "reply": self.reply,
            "input_tokens": self.usage.input_tokens,
            "output_tokens": self.usage.output_tokens,
            "cost_nano_usd": self.cost_nano_usd,
            "latency_ms": self.latency_ms,
            "called_at": self.called_at,
        }


@dataclass(frozen=True, kw_only=True)
class ScoreRecord:
    """A scored unit: a row of `evaluation_score`."""

    unit: UnitKey
    value: float | None
    reason: str
    is_failed: bool
    cost_nano_usd: int | None
    latency_ms: float

    def to_row(self, evaluation_id: str) -> dict[str, Any]:
        """The columns of the row."""
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
class AnswerRecord:
    """The answer of a target, or why there is none: a row of `generated_answer`."""

    case_no: int
    repetition: int
    answer: str | None
    contexts: tuple[str, ...] | None
    problem: str
    latency_ms: float | None
    """None when the call failed; a resume deletes such rows and repeats the call."""
    usage: Usage
    cost_nano_usd: int | None
    is_paid: bool
    """Whether a call was made; with a cost of None its price is unknown."""
    answered_at: dt.datetime

    def to_row(self, evaluation_id: str) -> dict[str, Any]:
        """The columns of the row."""
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


def pack_reply(reply: Reply | Embedding) -> dict[str, Any]:
    """The reply of a model as JSON; a vector takes 4 bytes (float32) per dimension, base64 encoded."""
    cached = {"cache_read": reply.usage.cache_read_tokens, "cache_write": reply.usage.cache_write_tokens}
    packed: dict[str, Any] = {name: tokens for name, tokens in cached.items() if tokens}
    if isinstance(reply, Embedding):
        # In the byte order of the machine: all processes of one database must have the same.
        packed["vector"] = base64.b64encode(array.array("f", reply.vector).tobytes()).decode()
    else:
        packed.update(text=reply.text, stop_reason=reply.stop_reason)
    return packed


def unpack_vector(packed: Mapping[str, Any]) -> tuple[float, ...]:
    """The vector in the result of `pack_reply`."""
    return tuple(array.array("f", base64.b64decode(packed["vector"])))


def unpack_reply(packed: Mapping[str, Any], latency_ms: float) -> Reply:
    """The reply in the result of `pack_reply`, without its usage: a cached call is not billed again."""
    return Reply(
        text=packed["text"], usage=Usage(), latency_ms=latency_ms, stop_reason=packed.get("stop_reason", "")
    )
