"""The desks of one worker: an event loop in a thread of its own, and one desk for each run that has a part here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
import structlog

from db.transaction import reading
from genaiops_core.evaluation.calls.call_session import Alive, Desk, opened
from genaiops_core.evaluation.rate_limits import MAX_CONCURRENCY
from genaiops_core.evaluation.runs import records, scoring

IDLE_S = 10.0
"""How long a desk waits for the next part of its run: opening one makes connections and loads code."""

log = structlog.get_logger(__name__)


class WorkerStops(Exception):
    """The worker ends in the middle of a part; whoever takes it over finds everything that was finished."""


class Desks:
    """Scores parts of runs for threads that wait for them."""

    def __init__(self, engine: sa.Engine, executor_id: str, alive: Alive) -> None:
        self._engine = engine
        self._executor_id = executor_id
        self._alive = alive
        self._desks: dict[tuple[str, int], _Shared] = {}
        self._is_stopping = False
        self._loop = asyncio.new_event_loop()
        # Models whose clients block put each call into a thread, and so do this package's reads.
        self._loop.set_default_executor(ThreadPoolExecutor(MAX_CONCURRENCY + 16, thread_name_prefix="desk"))
        self._thread = threading.Thread(target=self._loop.run_forever, name="desks", daemon=True)
        self._thread.start()

    def score(self, id: str, attempt: int, numbers: Sequence[int]) -> bool:
        """Score some cases; see `scoring.score`.

        Raises:
            WorkerStops: this process ends.
        """
        if self._is_stopping:
            raise WorkerStops
        return asyncio.run_coroutine_threadsafe(self._score(id, attempt, numbers), self._loop).result()

    def stop(self, limit_s: float) -> None:
        """Begin no further call; keep those that end in time."""
        self._is_stopping = True
        done = asyncio.run_coroutine_threadsafe(self._stop(limit_s), self._loop)
        done.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1.0)

    async def _score(self, id: str, attempt: int, numbers: Sequence[int]) -> bool:
        key = (id, attempt)
        shared = self._desks.get(key)
        if shared is None:
            shared = self._desks[key] = _Shared(asyncio.create_task(self._open(id, attempt)))
        shared.parts += 1
        desk: Desk | None = None
        try:
            desk = await asyncio.shield(shared.opening)
            if desk is None:
                return False
            is_done = await scoring.score(desk, numbers)
        finally:
            shared.parts -= 1
            if desk is None or desk.stopping.is_set() or desk.keeper.problem is not None:
                self._desks.pop(key, None)
            if desk is not None and not shared.parts:
                idle_s = IDLE_S if key in self._desks else 0.0
                shared.closing = asyncio.create_task(self._close(key, shared, desk, idle_s))
        if self._is_stopping:
            raise WorkerStops
        return is_done

    async def _open(self, id: str, attempt: int) -> Desk | None:
        with reading(self._engine) as connection:
            run = records.get_evaluation(connection, id)
        if (run.state, run.attempt) != ("running", attempt):
            return None
        return await opened(self._engine, run, executor_id=self._executor_id, alive=self._alive)

    async def _close(self, key: tuple[str, int], shared: _Shared, desk: Desk, idle_s: float) -> None:
        try:
            await asyncio.wait_for(desk.stopping.wait(), idle_s)
        except TimeoutError:
            log.debug("desk idle", evaluation=key[0])
        if shared.parts:
            return  # another part came; it closes the desk in its turn
        if self._desks.get(key) is shared:
            del self._desks[key]
        await desk.close()

    async def _stop(self, limit_s: float) -> None:
        shared = list(self._desks.values())
        for one in shared:
            if one.opening.done() and not one.opening.exception() and (desk := one.opening.result()):
                desk.stopping.set()
        closing = {one.closing for one in shared if one.closing} | {
            asyncio.create_task(one.ended()) for one in shared
        }
        if closing:
            await asyncio.wait(closing, timeout=limit_s)
        # Calls that take longer are given up: a thread that waits for a part must not wait for ever.
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=0.5)


class _Shared:
    """A desk and how many parts use it."""

    def __init__(self, opening: asyncio.Task[Desk | None]) -> None:
        self.opening = opening
        self.parts = 0
        self.closing: asyncio.Task[None] | None = None

    async def ended(self) -> None:
        """Wait until no part uses it and it is closed."""
        while self.parts or (self.closing is not None and not self.closing.done()):
            await asyncio.sleep(0.02)
