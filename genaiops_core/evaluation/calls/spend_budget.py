"""The spend limit of a run, over all processes that share it: what a call may cost is set aside before it begins.

A process holds a part of the limit in `spend_hold`; spent plus held never exceeds the limit, because both change in
transactions that lock the run's row. What a call did not use stays in the process's part; what nobody needs is given
back every second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

import sqlalchemy as sa

from db.tables.evaluations import evaluation, spend_hold
from db.transaction import insert, writing
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.telemetry.figures import format_usd

_CALLS_AT_ONCE = 8
"""What is taken for one call that lacks money, so that not every call asks the database."""
_RECHECK_S = 1.0


class SpendLimitReached(Exception):
    """The next call might go beyond the limit, and no call is under way that could leave something of its share."""


class Purse(Protocol):
    """Where calls get their money from."""

    async def reserve(self, most_nano_usd: int | None) -> None:
        """Wait until a call that costs at most this may begin.

        Raises:
            SpendLimitReached: it may not, and waiting will not help.
        """

    def settle(self, most_nano_usd: int | None, cost_nano_usd: int | None) -> None:
        """A call for which `most` was reserved has ended and cost this; None: nobody knows, so `most` is taken for it."""


class OpenPurse:
    """No limit."""

    async def reserve(self, most_nano_usd: int | None) -> None:
        """Any call may begin."""

    def settle(self, most_nano_usd: int | None, cost_nano_usd: int | None) -> None:
        """Nothing was set aside."""


class RunPurse:
    """One process's part of the limit of a run."""

    def __init__(
        self,
        engine: sa.Engine,
        id: str,
        executor_id: str,
        alive: Callable[[sa.Connection], Collection[str]],
    ) -> None:
        self._engine = engine
        self._id = id
        self._executor_id = executor_id
        self._alive = alive
        self._held = 0
        self._reserved = 0
        self._turn = asyncio.Lock()
        self._settled = asyncio.Event()

    async def reserve(self, most_nano_usd: int | None) -> None:
        if most_nano_usd is None:
            raise SpendLimitReached(
                "The price of the next call is not known, so the spend limit cannot be kept; import it with "
                "genaiops import prices and resume the run."
            )
        async with self._turn:
            while self._held - self._reserved < most_nano_usd:
                self._settled.clear()
                lacking = most_nano_usd - (self._held - self._reserved)
                granted, left, is_shared = await asyncio.to_thread(self._take, lacking)
                self._held += granted
                if self._held - self._reserved >= most_nano_usd:
                    break
                if not self._reserved and not is_shared:
                    raise SpendLimitReached(
                        f"The next call may cost up to {format_usd(most_nano_usd)} USD and {format_usd(left)} USD of the spend "
                        "limit is left; resume the run with a higher limit."
                    )
                # Somebody's call will end and leave what it did not use.
                try:
                    await asyncio.wait_for(self._settled.wait(), _RECHECK_S)
                except TimeoutError:
                    continue
            self._reserved += most_nano_usd

    def settle(self, most_nano_usd: int | None, cost_nano_usd: int | None) -> None:
        self._reserved -= most_nano_usd or 0
        # The commit of the call took its cost off the row; see `keeping`.
        self._held = max(0, self._held - (most_nano_usd or 0 if cost_nano_usd is None else cost_nano_usd))
        self._settled.set()

    async def give_back(self) -> None:
        """Leave to others what no call of this process has reserved."""
        async with self._turn:
            spare = self._held - self._reserved
            if spare > 0:
                self._held -= spare
                await asyncio.to_thread(self._return, spare)

    async def close(self) -> None:
        """Leave everything: no call of this process is under way any more."""
        await asyncio.to_thread(self._leave)

    def _take(self, lacking: int) -> tuple[int, int, bool]:
        """(granted, left of the limit before calls under way, whether others hold a part)."""
        with writing(self._engine) as connection:
            run = connection.execute(
                sa.select(evaluation.c.cost_nano_usd, evaluation.c.answers_cost_nano_usd, evaluation.c.config)
                .where(evaluation.c.id == self._id)
                .with_for_update()
            ).one()
            limit = RateLimits.from_json(run.config.get("pace")).spend_limit_nano_usd
            holds = spend_hold.c
            rows = connection.execute(
                sa.select(holds.executor_id, holds.nano_usd).where(self._of_run())
            ).all()
            alive = {*self._alive(connection), self._executor_id}
            gone = [row.executor_id for row in rows if row.executor_id not in alive]
            if gone:
                connection.execute(sa.delete(spend_hold).where(self._of_run(), holds.executor_id.in_(gone)))
            spent = run.cost_nano_usd + run.answers_cost_nano_usd
            held = sum(row.nano_usd for row in rows if row.executor_id in alive)
            others = sum(row.nano_usd for row in rows if row.executor_id in alive - {self._executor_id})
            if limit is None:
                granted = lacking * _CALLS_AT_ONCE
            else:
                granted = max(0, min(limit - spent - held, lacking * _CALLS_AT_ONCE))
            if granted:
                mine = insert(connection, spend_hold).values(
                    evaluation_id=self._id, executor_id=self._executor_id, nano_usd=granted
                )
                connection.execute(
                    mine.on_conflict_do_update(
                        index_elements=["evaluation_id", "executor_id"],
                        set_={"nano_usd": holds.nano_usd + granted},
                    )
                )
            return granted, max(0, (limit or 0) - spent), others > 0

    def _return(self, spare: int) -> None:
        holds = spend_hold.c
        with writing(self._engine) as connection:
            connection.execute(
                sa.update(spend_hold)
                .where(self._of_run(), holds.executor_id == self._executor_id)
                .values(nano_usd=sa.case((holds.nano_usd > spare, holds.nano_usd - spare), else_=0))
            )

    def _leave(self) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                sa.delete(spend_hold).where(self._of_run(), spend_hold.c.executor_id == self._executor_id)
            )

    def _of_run(self) -> sa.ColumnElement[bool]:
        return spend_hold.c.evaluation_id == self._id
