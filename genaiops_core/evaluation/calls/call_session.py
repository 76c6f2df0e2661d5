"""The desk of one run in one process: its judge, its target, its calls, and an eye on what becomes of the run."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection

import anyio
import sqlalchemy as sa
import structlog

from db.transaction import reading
from genaiops_core.clock import now
from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation import targets
from genaiops_core.evaluation.calls.call_cache import RunJournal
from genaiops_core.evaluation.calls.prices import Prices
from genaiops_core.evaluation.calls.rate_limiter import RateLimiter
from genaiops_core.evaluation.calls.record_writer import Keeper
from genaiops_core.evaluation.calls.spend_budget import OpenPurse, RunPurse
from genaiops_core.evaluation.calls.unit_calls import Means
from genaiops_core.evaluation.judges.protocol import Judge
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.runs import judging, records, states
from genaiops_core.evaluation.runs.records import Evaluation
from genaiops_core.evaluation.targets import Target
from genaiops_core.settings import Settings

LOOK_S = 0.5
"""How often the run is looked at: a pause or a cancellation takes effect within this time."""
MOST_FAILURES_IN_A_ROW = 25
"""Calls that fail one after the other mean a wrong model, a missing permission or an outage, not odd cases."""
DRAIN_S = 30.0
"""How long calls under way may take to end once the run does not go on."""
_PRICES_EVERY = 60

Alive = Callable[[sa.Connection], Collection[str]]

log = structlog.get_logger(__name__)


def alone(_connection: sa.Connection) -> Collection[str]:
    """Nobody shares the run."""
    return ()


async def opened(
    engine: sa.Engine, run: Evaluation, *, executor_id: str, alive: Alive = alone
) -> Desk | None:
    """A desk that is ready; None when judge or target cannot be made here, which fails the run and says why."""
    desk = Desk(engine, run, executor_id=executor_id, alive=alive)
    try:
        await desk.open()
    except GenAIOpsError as error:
        await asyncio.to_thread(states.fail, engine, run.id, str(error), run.attempt)
        return None
    return desk


class Desk:
    """Used inside one event loop; `open` it first, `close` it at the end."""

    def __init__(self, engine: sa.Engine, run: Evaluation, *, executor_id: str, alive: Alive = alone) -> None:
        """Set it up for one attempt of a run.

        Args:
            engine: of the product's database.
            run: as it is now.
            executor_id: names this process.
            alive: the processes that share the run, this one among them or not.
        """
        self.engine = engine
        self.run = run
        self.pace = RateLimits.from_json(run.config.get("pace"))
        self.stopping = asyncio.Event()
        """Set when no further unit is to be begun."""
        is_limited = self.pace.spend_limit_nano_usd is not None
        self.keeper = Keeper(engine, run.id, run.attempt, executor_id if is_limited else "")
        self.journal = RunJournal(run.id, self.keeper)
        self.pacer = RateLimiter(self.pace)
        self.units = anyio.CapacityLimiter(_units(self.pacer.slots))
        """Units under way: more than calls, since a unit also thinks, writes and waits."""
        self.purse = RunPurse(engine, run.id, executor_id, alive) if is_limited else OpenPurse()
        self.judge: Judge
        self.target: Target | None = None
        self.means: Means
        self._executor_id = executor_id
        self._alive = alive
        self._failures = 0
        self._watching: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Load judge, target and prices.

        Raises:
            BadInput: the judge or the target cannot be made here.
        """
        # Libraries of judges take seconds to load; other runs go on meanwhile.
        await asyncio.to_thread(judging.load_libraries, self.run)
        self.judge = judging.build_judge(self.run)
        if document := self.run.config.get("target"):
            hosts = targets.allowed_hosts(Settings().target_hosts)
            self.target = targets.target(document, allowed_hosts=hosts)
        prices = await asyncio.to_thread(self._prices)
        self.means = Means(
            pacer=self.pacer,
            prices=prices,
            purse=self.purse,
            journal=self.journal,
            attempt=self.run.attempt,
            outcome=self._outcome,
            limit_reached=self.hold,
            is_stopping=self.stopping.is_set,
        )
        await self._look(0)
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Finish what is under way, keep it, and let go of everything."""
        self.stopping.set()
        if self._watching is not None:
            self._watching.cancel()
        await self.settle()
        await self.keeper.close()
        if isinstance(self.purse, RunPurse):
            await self.purse.close()
        if self.judge.model is not None:
            await self.judge.model.close()
        if self.target is not None:
            await self.target.close()

    async def settle(self) -> None:
        """Wait for the calls under way and keep them, and for what this desk decided about the run."""
        await self.means.drain(DRAIN_S)
        if self._ending is not None:
            await asyncio.wait({self._ending})

    def hold(self, problem: str) -> None:
        """Pause the run: it needs a decision."""
        self._end(states.hold, problem)

    def fail(self, problem: str) -> None:
        """Fail the run."""
        self._end(lambda engine, id, attempt, said: states.fail(engine, id, said, attempt), problem)

    def _end(self, how: Callable[[sa.Engine, str, int, str], None], problem: str) -> None:
        if not self.stopping.is_set():
            self.stopping.set()
            self._ending = asyncio.create_task(
                asyncio.to_thread(how, self.engine, self.run.id, self.run.attempt, problem)
            )

    def _outcome(self, failure: CallFailed | None) -> None:
        self._failures = 0 if failure is None else self._failures + 1
        if failure is not None and self._failures >= MOST_FAILURES_IN_A_ROW:
            self.fail(
                f"{self._failures} calls failed in a row, the last one: {str(failure).rstrip('.')}. "
                "Nothing that was finished is lost: resume the run when this is mended."
            )

    def _prices(self) -> Prices:
        with reading(self.engine) as connection:
            return Prices.load(connection)

    async def _watch(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(LOOK_S)
            looks += 1
            try:
                await self._look(looks)
            except sa.exc.SQLAlchemyError:
                log.exception("the run could not be looked at; it is tried again", evaluation=self.run.id)

    async def _look(self, looks: int) -> None:
        current, alive = await asyncio.to_thread(self._seen, looks)
        if (current.state, current.attempt) != ("running", self.run.attempt):
            self.stopping.set()
        elif problem := states.lateness(current, now()):
            self.fail(problem)
        if self._executor_id in alive:
            self.pacer.share(len(alive), sorted(alive).index(self._executor_id))
            self.units.total_tokens = _units(self.pacer.slots)
        if isinstance(self.purse, RunPurse) and len(alive) > 1:
            await self.purse.give_back()

    def _seen(self, looks: int) -> tuple[Evaluation, Collection[str]]:
        with reading(self.engine) as connection:
            if looks % _PRICES_EVERY == _PRICES_EVERY - 1:
                self.means.prices.refresh(connection)
            return records.get_evaluation(connection, self.run.id), self._alive(connection)


def _units(slots: int) -> int:
    return math.ceil(slots * 1.5) + 4
