"""The spend limit of a run across all processes that share it: the most a call may cost is reserved before it begins.

Each process has a reservation, a row of `spend_hold`. Spent plus reserved never exceeds the limit, because both change in
transactions that lock the row of the run. The unused rest of a call stays in the process's reservation; what no call
needs is returned every poll while several processes share the run.
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

_CALLS_PER_RESERVATION = 8
"""A reservation is enlarged by so many times what one call lacks, so that not every call queries the database."""
_RECHECK_S = 1.0


class SpendLimitReached(Exception):
    """The next call might exceed the limit, and no call in flight can release a part of its reservation."""


class SpendBudget(Protocol):
    """Reserves the cost of calls before they begin."""

    async def reserve(self, max_nano_usd: int | None) -> None:
        """Wait until a call that costs at most this may begin; None is an unknown price.

        Raises:
            SpendLimitReached: it may not begin, and waiting does not help.
        """

    def settle(self, max_nano_usd: int | None, cost_nano_usd: int | None) -> None:
        """Account for the end of a call for which `max_nano_usd` was reserved; an unknown cost counts as the maximum."""


class UnlimitedBudget:
    """No limit."""

    async def reserve(self, max_nano_usd: int | None) -> None:
        """Let any call begin."""

    def settle(self, max_nano_usd: int | None, cost_nano_usd: int | None) -> None:
        """Do nothing: nothing was reserved."""


class RunBudget:
    """One process's reservation within the limit of a run."""

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
        # In nano-USD: the row of this process in the database, and the part of it that calls in flight may
        # use.
        self._granted = 0
        self._reserved = 0
        # One enlargement at a time: two callers would both request what the first one already got.
        self._lock = asyncio.Lock()
        self._settled = asyncio.Event()

    async def reserve(self, max_nano_usd: int | None) -> None:
        if max_nano_usd is None:
            raise SpendLimitReached(
                "The price of the next call is unknown, so the spend limit cannot be enforced; import it with "
                "genaiops import prices and resume the run."
            )
        async with self._lock:
            while self._granted - self._reserved < max_nano_usd:
                # Cleared before the query, so that a call that settles meanwhile ends the wait below at once.
                self._settled.clear()
                missing = max_nano_usd - (self._granted - self._reserved)
                grant, remaining, is_shared = await asyncio.to_thread(self._enlarge_reservation, missing)
                self._granted += grant
                if self._granted - self._reserved >= max_nano_usd:
                    break
                if not self._reserved and not is_shared:
                    raise SpendLimitReached(
                        f"The next call may cost up to {format_usd(max_nano_usd)} USD and {format_usd(remaining)} USD "
                        "of the spend limit is left; resume the run with a higher limit."
                    )
                # A call in flight, here or in another process, will end and release what it did not use.
                try:
                    await asyncio.wait_for(self._settled.wait(), _RECHECK_S)
                # The event covers this process only; what other processes release is seen by the next query.
                except TimeoutError:
                    continue
            self._reserved += max_nano_usd

    def settle(self, max_nano_usd: int | None, cost_nano_usd: int | None) -> None:
        self._reserved -= max_nano_usd or 0
        # The transaction that recorded the call reduced the row by its cost; see `record_writer.write_records`.
        self._granted = max(
            0, self._granted - (max_nano_usd or 0 if cost_nano_usd is None else cost_nano_usd)
        )
        self._settled.set()

    async def return_unused(self) -> None:
        """Return what no call of this process has reserved, for other processes to use."""
        async with self._lock:
            unused = self._granted - self._reserved
            if unused > 0:
                self._granted -= unused
                await asyncio.to_thread(self._reduce_reservation, unused)

    async def close(self) -> None:
        """Return everything; no call of this process may be in flight."""
        await asyncio.to_thread(self._delete_reservation)

    def _enlarge_reservation(self, missing: int) -> tuple[int, int, bool]:
        """(granted, remainder of the limit before calls in flight, whether other processes have a reservation)."""
        with writing(self._engine) as connection:
            run = connection.execute(
                sa.select(evaluation.c.cost_nano_usd, evaluation.c.answers_cost_nano_usd, evaluation.c.config)
                .where(evaluation.c.id == self._id)
                .with_for_update()
            ).one()
            limit = RateLimits.from_json(run.config.get("pace")).spend_limit_nano_usd
            reservation = spend_hold.c
            rows = connection.execute(
                sa.select(reservation.executor_id, reservation.nano_usd).where(self._is_of_run())
            ).all()
            alive = {*self._alive(connection), self._executor_id}
            # Limit of the method: what a dead process had in flight was billed, but is not counted as spent.
            dead = [row.executor_id for row in rows if row.executor_id not in alive]
            if dead:
                connection.execute(
                    sa.delete(spend_hold).where(self._is_of_run(), reservation.executor_id.in_(dead))
                )
            spent = run.cost_nano_usd + run.answers_cost_nano_usd
            reserved = sum(row.nano_usd for row in rows if row.executor_id in alive)
            by_others = sum(row.nano_usd for row in rows if row.executor_id in alive - {self._executor_id})
            grant = missing * _CALLS_PER_RESERVATION
            if limit is not None:
                grant = max(0, min(limit - spent - reserved, grant))
            if grant:
                upsert = insert(connection, spend_hold).values(
                    evaluation_id=self._id, executor_id=self._executor_id, nano_usd=grant
                )
                connection.execute(
                    upsert.on_conflict_do_update(
                        index_elements=["evaluation_id", "executor_id"],
                        set_={"nano_usd": reservation.nano_usd + grant},
                    )
                )
            return grant, max(0, (limit or 0) - spent), by_others > 0

    def _reduce_reservation(self, unused: int) -> None:
        reservation = spend_hold.c
        with writing(self._engine) as connection:
            connection.execute(
                sa.update(spend_hold)
                .where(self._is_of_run(), reservation.executor_id == self._executor_id)
                .values(
                    nano_usd=sa.case((reservation.nano_usd > unused, reservation.nano_usd - unused), else_=0)
                )
            )

    def _delete_reservation(self) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                sa.delete(spend_hold).where(self._is_of_run(), spend_hold.c.executor_id == self._executor_id)
            )

    def _is_of_run(self) -> sa.ColumnElement[bool]:
        return spend_hold.c.evaluation_id == self._id
