"""The call sessions of one worker: an event loop in its own thread, and one session per evaluation with a batch there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.access.outbound import parse_outbound_rule
from genaiops_core.clock import now
from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation import targets
from genaiops_core.evaluation.calls.call_session import (
    AliveExecutors,
    CallSession,
    RunStatus,
    no_executors,
)
from genaiops_core.evaluation.judges.protocol import Judge
from genaiops_core.evaluation.rate_limits import MAX_CONCURRENCY, RateLimits
from genaiops_core.evaluation.runs import judging, states
from genaiops_core.evaluation.runs.evaluation import Evaluation, get_evaluation
from genaiops_core.evaluation.runs.scoring import score_cases
from genaiops_core.evaluation.targets import Target
from genaiops_core.logs import get_logger
from genaiops_core.settings import Settings

IDLE_S = 10.0
"""How long a session waits for the next batch: opening one makes connections and imports libraries."""

log = get_logger(__name__)


class WorkerStopping(Exception):
    """The worker stops within a batch; the worker that takes the batch over reuses everything that was recorded."""


class EvaluationAttempt:
    """One attempt of an evaluation; implements `calls.call_session.SessionRun`."""

    def __init__(self, run: Evaluation) -> None:
        self._run = run
        self.id = run.id
        self.attempt = run.attempt
        self.rate_limits: RateLimits = run.rate_limits

    def create_judge(self) -> Judge:
        judging.load_libraries(self._run)
        return judging.build_judge(self._run)

    def create_target(self) -> Target | None:
        document = self._run.config.get("target")
        if not document:
            return None
        settings = Settings()
        hosts = targets.parse_allowed_hosts(settings.target_hosts)
        rule = parse_outbound_rule(settings.private_hosts, hosts)
        return targets.build_target(document, allowed_hosts=hosts, outbound_rule=rule)

    def read_status(self, connection: sa.Connection) -> RunStatus:
        current = get_evaluation(connection, self.id)
        is_running = (current.state, current.attempt) == ("running", self.attempt)
        return RunStatus(is_running=is_running, overrun=states.find_overrun(current, now()))

    def note_throttling(self, engine: sa.Engine, seconds: float) -> None:
        states.note_throttling(engine, self.id, self.attempt, seconds)

    def pause(self, engine: sa.Engine, problem: str) -> None:
        states.pause_for_decision(engine, self.id, self.attempt, problem)

    def fail(self, engine: sa.Engine, problem: str) -> None:
        states.fail(engine, self.id, problem, self.attempt)


async def open_session(
    engine: sa.Engine, run: Evaluation, *, executor_id: str, alive: AliveExecutors = no_executors
) -> CallSession | None:
    """An open session; None when judge or target cannot be built on this machine, which fails the evaluation."""
    attempt = EvaluationAttempt(run)
    session = CallSession(engine, attempt, executor_id=executor_id, alive=alive)
    try:
        await session.open()
    except GenAIOpsError as error:
        await asyncio.to_thread(attempt.fail, engine, str(error))
        return None
    return session


class SessionPool:
    """Scores batches of evaluations for threads that wait for the result."""

    def __init__(self, engine: sa.Engine, executor_id: str, alive: AliveExecutors) -> None:
        self._engine = engine
        self._executor_id = executor_id
        self._alive = alive
        self._sessions: dict[tuple[str, int], _SharedSession] = {}
        self._is_stopping = False
        self._loop = asyncio.new_event_loop()
        # Models with blocking clients use one thread per call, and the reads of sessions use this executor too.
        self._loop.set_default_executor(
            ThreadPoolExecutor(MAX_CONCURRENCY + 16, thread_name_prefix="session")
        )
        self._thread = threading.Thread(target=self._loop.run_forever, name="session-pool", daemon=True)
        self._thread.start()

    def score(self, id: str, attempt: int, numbers: Sequence[int]) -> bool:
        """Score a batch of cases; see `scoring.score_cases`.

        Raises:
            WorkerStopping: this process stops.
        """
        if self._is_stopping:
            raise WorkerStopping
        return asyncio.run_coroutine_threadsafe(self._score(id, attempt, numbers), self._loop).result()

    def stop(self, limit_s: float) -> None:
        """Begin no further call; record those that end within `limit_s`."""
        # Set by another thread; a batch that has passed the check in `score` checks again at its end.
        self._is_stopping = True
        asyncio.run_coroutine_threadsafe(self._stop(limit_s), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1.0)

    async def _score(self, id: str, attempt: int, numbers: Sequence[int]) -> bool:
        key = (id, attempt)
        shared = self._sessions.get(key)
        if shared is None:
            opening = asyncio.create_task(self._open(id, attempt))
            # No await since the look-up: two batches would open two sessions.
            shared = self._sessions[key] = _SharedSession(opening)
        shared.batches += 1
        session: CallSession | None = None
        try:
            # Shielded: other batches wait for the same session.
            opened = await asyncio.shield(shared.opening)
            if opened is None:
                return False
            run, session = opened
            is_done = await score_cases(session, run, numbers)
        finally:
            shared.batches -= 1
            # A session that stopped or failed to write must not serve the next batch.
            if session is None or session.stopping.is_set() or session.writer.problem is not None:
                self._sessions.pop(key, None)
            if session is not None and not shared.batches:
                # A session that left the pool serves no further batch, so it is closed at once.
                idle_s = IDLE_S if key in self._sessions else 0.0
                shared.closing = asyncio.create_task(self._close(key, shared, session, idle_s))
        if self._is_stopping:
            raise WorkerStopping
        return is_done

    async def _open(self, id: str, attempt: int) -> tuple[Evaluation, CallSession] | None:
        with reading(self._engine) as connection:
            run = get_evaluation(connection, id)
        if (run.state, run.attempt) != ("running", attempt):
            return None
        session = await open_session(self._engine, run, executor_id=self._executor_id, alive=self._alive)
        return None if session is None else (run, session)

    async def _close(
        self, key: tuple[str, int], shared: _SharedSession, session: CallSession, idle_s: float
    ) -> None:
        try:
            await asyncio.wait_for(session.stopping.wait(), idle_s)
        except TimeoutError:
            log.debug("session idle", evaluation=key[0])
        if shared.batches:
            return  # another batch came; it closes the session at its end
        if self._sessions.get(key) is shared:
            del self._sessions[key]
        await session.close()

    async def _stop(self, limit_s: float) -> None:
        sessions = list(self._sessions.values())
        for shared in sessions:
            opening = shared.opening
            if opening.done() and not opening.exception() and (opened := opening.result()):
                opened[1].stopping.set()
        closing = {shared.closing for shared in sessions if shared.closing} | {
            asyncio.create_task(shared.wait_closed()) for shared in sessions
        }
        if closing:
            await asyncio.wait(closing, timeout=limit_s)
        # Calls that take longer are cancelled: a thread that waits for a batch must not wait forever.
        remaining = asyncio.all_tasks() - {asyncio.current_task()}
        for task in remaining:
            task.cancel()
        if remaining:
            await asyncio.wait(remaining, timeout=0.5)


class _SharedSession:
    """A session and the number of batches that use it."""

    def __init__(self, opening: asyncio.Task[tuple[Evaluation, CallSession] | None]) -> None:
        self.opening = opening
        self.batches = 0
        self.closing: asyncio.Task[None] | None = None

    async def wait_closed(self) -> None:
        """Wait until no batch uses the session and it is closed."""
        while self.batches or (self.closing is not None and not self.closing.done()):
            await asyncio.sleep(0.02)
