"""Calls that finished before, in an earlier attempt or in a worker that died: they are reused, not paid again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import sqlalchemy as sa

from db.tables.evaluations import judge_call
from genaiops_core.evaluation.calls.record_writer import RecordWriter
from genaiops_core.evaluation.calls.records import CallRecord
from genaiops_core.evaluation.calls.unit import UnitKey
from genaiops_core.evaluation.models.protocol import Usage


class CallCache(Protocol):
    """Stores finished calls and finds them again."""

    def find(self, call_sha256: str) -> CallRecord | None:
        """The call of this key; None when it has not finished before."""

    async def store(self, call: CallRecord) -> None:
        """Store a call durably: it is committed when this returns."""


class NoCache:
    """For work that is small enough to be repeated as a whole."""

    def find(self, call_sha256: str) -> CallRecord | None:
        return None

    async def store(self, call: CallRecord) -> None:
        return None


class RunCallCache:
    """The calls of a run in `judge_call`; those of the cases in progress are in memory."""

    def __init__(self, id: str, writer: RecordWriter) -> None:
        self._id = id
        self._writer = writer
        self._calls: dict[str, CallRecord] = {}

    def load(self, connection: sa.Connection, cases: Collection[int]) -> None:
        """Read the calls of these cases into memory."""
        call = judge_call.c
        rows = connection.execute(
            sa.select(judge_call).where(call.evaluation_id == self._id, call.case_no.in_(cases))
        )
        for row in rows:
            self._calls[row.call_sha256] = CallRecord(
                unit=UnitKey(row.case_no, row.repetition, row.metric),
                call_sha256=row.call_sha256,
                reply=row.reply,
                usage=Usage(input_tokens=row.input_tokens, output_tokens=row.output_tokens),
                cost_nano_usd=row.cost_nano_usd,
                latency_ms=row.latency_ms,
                called_at=row.called_at,
            )

    def forget(self, cases: Collection[int]) -> None:
        """Free the memory of these cases' calls."""
        numbers = set(cases)
        self._calls = {key: call for key, call in self._calls.items() if call.unit.case_no not in numbers}

    def find(self, call_sha256: str) -> CallRecord | None:
        return self._calls.get(call_sha256)

    async def store(self, call: CallRecord) -> None:
        # Not added to memory: keys count occurrences, so a unit never looks for a call of its own process.
        await self._writer.write(call)
