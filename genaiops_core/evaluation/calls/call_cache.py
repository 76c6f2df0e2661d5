"""Calls that were finished before: by a worker that died, or in an earlier attempt. They are read, not paid again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import sqlalchemy as sa

from db.tables.evaluations import judge_call
from genaiops_core.evaluation.calls.record_writer import Keeper
from genaiops_core.evaluation.calls.records import KeptCall
from genaiops_core.evaluation.calls.unit import Unit
from genaiops_core.evaluation.judges.protocol import Usage


class Journal(Protocol):
    """Where finished calls are kept and found again."""

    def find(self, call_sha256: str) -> KeptCall | None:
        """The call of this name, when it was finished before."""

    async def keep(self, call: KeptCall) -> None:
        """Keep a call; it is safe when this returns."""


class NoJournal:
    """For work that is done at one go."""

    def find(self, call_sha256: str) -> KeptCall | None:
        return None

    async def keep(self, call: KeptCall) -> None:
        return None


class RunJournal:
    """The calls of a run; those of the cases at hand are in memory."""

    def __init__(self, id: str, keeper: Keeper) -> None:
        self._id = id
        self._keeper = keeper
        self._calls: dict[str, KeptCall] = {}

    def load(self, connection: sa.Connection, cases: Collection[int]) -> None:
        """Read the calls of these cases."""
        call = judge_call.c
        rows = connection.execute(
            sa.select(judge_call).where(call.evaluation_id == self._id, call.case_no.in_(cases))
        )
        for row in rows:
            self._calls[row.call_sha256] = KeptCall(
                unit=Unit(row.case_no, row.repetition, row.metric),
                call_sha256=row.call_sha256,
                reply=row.reply,
                usage=Usage(input_tokens=row.input_tokens, output_tokens=row.output_tokens),
                cost_nano_usd=row.cost_nano_usd,
                latency_ms=row.latency_ms,
                called_at=row.called_at,
            )

    def forget(self, cases: Collection[int]) -> None:
        """Let go of the calls of these cases."""
        done = set(cases)
        self._calls = {name: call for name, call in self._calls.items() if call.unit.case_no not in done}

    def find(self, call_sha256: str) -> KeptCall | None:
        return self._calls.get(call_sha256)

    async def keep(self, call: KeptCall) -> None:
        await self._keeper.put(call)
