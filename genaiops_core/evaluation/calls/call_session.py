"""The calls of one run in one process: its judge, target, limits and records, and a poll of the run's state.

This room lies below `runs`, so the run is handed in as a `SessionRun`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import anyio
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.evaluation.calls.call_cache import RunCallCache
from genaiops_core.evaluation.calls.prices import Prices
from genaiops_core.evaluation.calls.rate_limiter import RateLimiter
from genaiops_core.evaluation.calls.record_writer import RecordWriter
from genaiops_core.evaluation.calls.spend_budget import RunBudget, UnlimitedBudget
from genaiops_core.evaluation.calls.unit_calls import CallContext
from genaiops_core.evaluation.judges.protocol import Judge
from genaiops_core.evaluation.models.protocol import CallFailed, Throttled
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.targets import Target
from genaiops_core.logs import get_logger

POLL_S = 0.5
"""How often the state of the run is read: a pause or a cancellation takes effect within this time."""
MAX_CONSECUTIVE_FAILURES = 25
"""So many consecutive failures mean a wrong model, a missing permission or an outage, not difficult cases."""
DRAIN_S = 30.0
"""How long calls in flight may take to end once the run stops."""
# 30 s: prices that are imported during a run apply to its later calls.
_POLLS_PER_PRICE_REFRESH = 60

AliveExecutors = Callable[[sa.Connection], Collection[str]]

log = get_logger(__name__)


def no_executors(_connection: sa.Connection) -> Collection[str]:
    """No other process shares the run."""
    return ()


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """The state of a run at one moment."""

    is_running: bool
    """Whether the run is running, and still in the attempt of the session."""
    overrun: str
    """Why the run exceeded its time limit; '' while it has not."""


class SessionRun(Protocol):
    """One attempt of a run, as a session needs it. All methods but `create_target` block: call them in a thread."""

    @property
    def id(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    @property
    def rate_limits(self) -> RateLimits: ...

    def create_judge(self) -> Judge:
        """Import the judge's libraries and build it.

        Raises:
            BadInput: the judge cannot be built on this machine.
        """

    def create_target(self) -> Target | None:
        """Build the target; None when the answers of the dataset are scored.

        Raises:
            BadInput: the target cannot be built on this machine.
        """

    def read_status(self, connection: sa.Connection) -> RunStatus:
        """Read the state of the run."""

    def note_throttling(self, engine: sa.Engine, seconds: float) -> None:
        """Note that calls of this process wait so long for a provider that throttles them."""

    def pause(self, engine: sa.Engine, problem: str) -> None:
        """Pause the run until a user decides how it goes on."""

    def fail(self, engine: sa.Engine, problem: str) -> None:
        """Fail the run."""


class CallSession:
    """Used inside one event loop; `open` it first, `close` it at the end."""

    def __init__(
        self, engine: sa.Engine, run: SessionRun, *, executor_id: str, alive: AliveExecutors = no_executors
    ) -> None:
        """Prepare a session for one attempt of a run.

        Args:
            engine: of the product's database.
            run: the attempt.
            executor_id: the ID of this process.
            alive: returns the processes that share the run, with or without this one.
        """
        self.engine = engine
        self.rate_limits = run.rate_limits
        self.stopping = asyncio.Event()
        """Set when no further unit may begin."""
        is_limited = self.rate_limits.spend_limit_nano_usd is not None
        self.writer = RecordWriter(engine, run.id, run.attempt, executor_id if is_limited else "")
        self.cache = RunCallCache(run.id, self.writer)
        self.limiter = RateLimiter(self.rate_limits)
        self.units = anyio.CapacityLimiter(_count_unit_slots(self.limiter.slots))
        """Units in progress: more than calls, since a unit also computes, writes and waits."""
        self.budget = RunBudget(engine, run.id, executor_id, alive) if is_limited else UnlimitedBudget()
        self.judge: Judge
        self.target: Target | None = None
        self.context: CallContext
        self._run = run
        self._executor_id = executor_id
        self._alive = alive
        self._failures = 0
        self._polling: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Load judge, target and prices.

        Raises:
            BadInput: the judge or the target cannot be built on this machine.
        """
        # Libraries of judges take seconds to import; other sessions of this event loop continue meanwhile.
        self.judge = await asyncio.to_thread(self._run.create_judge)
        self.target = self._run.create_target()
        prices = await asyncio.to_thread(self._load_prices)
        self.context = CallContext(
            limiter=self.limiter,
            prices=prices,
            budget=self.budget,
            cache=self.cache,
            attempt=self._run.attempt,
            on_outcome=self._count_failures,
            on_limit_reached=self.pause,
            is_stopping=self.stopping.is_set,
        )
        # Before the first call: the run may have been paused while the libraries were loading.
        await self._poll(0)
        self._polling = asyncio.create_task(self._poll_until_closed())

    async def close(self) -> None:
        """Finish the calls in flight, write their records and release all resources."""
        self.stopping.set()
        if self._polling is not None:
            self._polling.cancel()
        # The order matters: calls in flight use the writer, the budget and the models until they are settled.
        await self.settle()
        await self.writer.close()
        if isinstance(self.budget, RunBudget):
            await self.budget.close()
        if self.judge.model is not None:
            await self.judge.model.close()
        if self.target is not None:
            await self.target.close()

    async def settle(self) -> None:
        """Wait until the calls in flight are stored, and until a pause or failure by this session is written."""
        await self.context.drain(DRAIN_S)
        if self._ending is not None:
            await asyncio.wait({self._ending})

    def pause(self, problem: str) -> None:
        """Stop the session and pause the run: a user must decide how it goes on."""
        self._end(self._run.pause, problem)

    def fail(self, problem: str) -> None:
        """Stop the session and fail the run."""
        self._end(self._run.fail, problem)

    def _end(self, change_state: Callable[[sa.Engine, str], None], problem: str) -> None:
        # The first problem wins: later ones are often consequences of the stop.
        if not self.stopping.is_set():
            self.stopping.set()
            self._ending = asyncio.create_task(asyncio.to_thread(change_state, self.engine, problem))

    def _count_failures(self, failure: CallFailed | None) -> None:
        # A provider that throttles works: the call waits, and neither continues nor ends a series of failures.
        if isinstance(failure, Throttled):
            return
        self._failures = 0 if failure is None else self._failures + 1
        if failure is not None and self._failures >= MAX_CONSECUTIVE_FAILURES:
            self.fail(
                f"{self._failures} consecutive calls failed; the last error: {str(failure).rstrip('.')}. "
                "Finished work is saved. Fix the problem, then resume the run."
            )

    def _load_prices(self) -> Prices:
        with reading(self.engine) as connection:
            return Prices.load(connection)

    async def _poll_until_closed(self) -> None:
        polls = 0
        while True:
            await asyncio.sleep(POLL_S)
            polls += 1
            try:
                await self._poll(polls)
            except sa.exc.SQLAlchemyError:
                log.exception("the state of the run could not be read; retrying", evaluation=self._run.id)

    async def _poll(self, polls: int) -> None:
        status, alive = await asyncio.to_thread(self._read_status, polls)
        if not status.is_running:
            self.stopping.set()
        elif status.overrun:
            self.fail(status.overrun)
        # With a late heartbeat this process is not listed, and its share stays as it is until the next poll.
        if self._executor_id in alive:
            # All processes sort the same list, so their shares add up to the limit without any exchange.
            self.limiter.share(len(alive), sorted(alive).index(self._executor_id))
            self.units.total_tokens = _count_unit_slots(self.limiter.slots)
        if isinstance(self.budget, RunBudget) and len(alive) > 1:
            await self.budget.return_unused()
        throttled_s = self.limiter.throttled_s
        # Shorter waits are over before anybody reads of them.
        if throttled_s > POLL_S:
            await asyncio.to_thread(self._run.note_throttling, self.engine, throttled_s)

    def _read_status(self, polls: int) -> tuple[RunStatus, Collection[str]]:
        with reading(self.engine) as connection:
            if polls % _POLLS_PER_PRICE_REFRESH == _POLLS_PER_PRICE_REFRESH - 1:
                self.context.prices.refresh(connection)
            return self._run.read_status(connection), self._alive(connection)


def _count_unit_slots(slots: int) -> int:
    return math.ceil(slots * 1.5) + 4
