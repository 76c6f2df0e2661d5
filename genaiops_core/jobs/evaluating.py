"""Queues of evaluation runs: enqueues runs, takes over those of dead workers, and pauses the job engine."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time

import sqlalchemy as sa

from db.commits import CommitCounter
from db.transaction import reading
from genaiops_core.clock import now
from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs import judging, states
from genaiops_core.evaluation.runs.evaluation import list_open_attempts
from genaiops_core.jobs import heartbeat
from genaiops_core.jobs.evaluation_workflows import Evaluate, workflow_id
from genaiops_core.jobs.system import PARTS_QUEUE, QUEUE, JobEngine
from genaiops_core.logs import get_logger

RETENTION_DAYS = 7
PAUSE_AFTER_SECONDS = 30.0
"""Time after which an idle job engine is paused; the next run starts it again."""

_GIVEN_UP = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")

log = get_logger()


class Runs:
    """Maintains the queues of evaluations; called by the periodic tasks of a worker."""

    def __init__(self, engine: sa.Engine, jobs: JobEngine, evaluate: Evaluate) -> None:
        self._engine = engine
        self._jobs = jobs
        self._evaluate = evaluate
        self._commits = CommitCounter(engine)
        self._seen_commits: int | None = None
        self._enqueued: set[tuple[str, int]] = set()
        self._busy_at = time.monotonic()
        """Last time at which the job engine had work."""

    def start_queued(self) -> None:
        """Enqueue every queued run; a second time has no effect, because the workflow id is the same."""
        commits = self._commits.value()
        if commits is not None and commits == self._seen_commits:
            return
        with self._jobs.lock:
            attempts = self._list_open_attempts()
            if attempts:
                self._jobs.start()
                self._busy_at = time.monotonic()
            waiting = {(id, attempt) for id, attempt, state in attempts if state == "queued"}
            # Runs that have begun need no entry; the set stays small.
            self._enqueued &= waiting
            if waiting - self._enqueued:
                threading.Thread(target=self.load_libraries, name="load libraries", daemon=True).start()
            for id, attempt in sorted(waiting - self._enqueued):
                self._enqueue(id, attempt)
                self._enqueued.add((id, attempt))
                log.info("evaluation enqueued", evaluation=id, attempt=attempt)
        # The number from before the read: a commit in between is seen at the next call.
        self._seen_commits = commits

    def pause_when_idle(self) -> None:
        """Pause the job engine when for `PAUSE_AFTER_SECONDS` no run was open and no workflow unfinished."""
        from dbos import DBOS

        with self._jobs.lock:
            if not self._jobs.is_running:
                return
            unfinished = DBOS.list_workflows(
                status=["PENDING", "ENQUEUED", "DELAYED"], limit=1, load_input=False, load_output=False
            )
            if unfinished or self._list_open_attempts():
                self._busy_at = time.monotonic()
            elif time.monotonic() - self._busy_at >= PAUSE_AFTER_SECONDS:
                self.forget_old()
                self._jobs.pause()
                log.debug("job engine paused")

    def reap(self) -> None:
        """Return the runs and parts of dead workers to their queues."""
        from dbos import DBOS

        with self._jobs.lock:
            if not self._jobs.is_running:
                return  # nothing was unfinished when it was paused, and an open run starts it again
            for queue in (QUEUE, PARTS_QUEUE):
                pending = DBOS.list_workflows(
                    status="PENDING", queue_name=queue, load_input=False, load_output=False
                )
                if not pending:
                    continue
                with reading(self._engine) as connection:
                    # Read after the pending workflows: a worker that started in between counts as alive.
                    alive = heartbeat.alive_workers(connection, now())
                orphans = [run.workflow_id for run in pending if run.executor_id not in alive]
                if orphans:
                    DBOS.resume_workflows(orphans, queue_name=queue)
                    log.warning("taken over from a dead worker", workflows=orphans)

    def adopt(self) -> None:
        """Continue running evaluations without an active process.

        When the command that ran it was killed, or the job engine's tables were lost, the run is enqueued again. When
        the job engine gave it up, the run fails.
        """
        from dbos import DBOS

        with reading(self._engine) as connection:
            running = runs.list_evaluations(connection, state="running", limit=None)
        with self._jobs.lock:
            for run in running:
                runner = run.config.get("runner")
                if runner and not heartbeat.is_gone(runner):
                    continue
                self._jobs.start()
                status = DBOS.get_workflow_status(workflow_id(run.id, run.attempt))
                if status is None:
                    self._enqueue(run.id, run.attempt)
                    log.warning("evaluation adopted", evaluation=run.id)
                elif status.status in _GIVEN_UP:
                    problem = f"The job engine stopped the run: {status.error or status.status}."
                    states.fail(self._engine, run.id, problem, run.attempt)

    def forget_old(self) -> None:
        """Delete the workflows of runs that ended more than `RETENTION_DAYS` ago; their scores are in other tables."""
        from dbos import DBOS

        with self._jobs.lock:
            if not self._jobs.is_running:
                return  # it was done when the engine was paused
            before = (now() - dt.timedelta(days=RETENTION_DAYS)).isoformat()
            ended = ["SUCCESS", *_GIVEN_UP]
            old = DBOS.list_workflows(
                status=ended, end_time=before, limit=1000, load_input=False, load_output=False
            )
            if old:
                DBOS.delete_workflows([run.workflow_id for run in old], delete_children=True)

    def _list_open_attempts(self) -> list[tuple[str, int, str]]:
        with reading(self._engine) as connection:
            return list_open_attempts(connection)

    def load_libraries(self) -> None:
        """Import the libraries that open runs need, in a thread of its own.

        Meanwhile a new run is enqueued, and the run of a dead worker still waits for its takeover.
        """
        with reading(self._engine) as connection:
            open_runs = [run for run in runs.list_evaluations(connection) if run.is_open]
        for run in open_runs:
            # A run whose libraries are not installed here fails with that reason when it begins.
            with contextlib.suppress(GenAIOpsError):
                judging.load_libraries(run)

    def _enqueue(self, id: str, attempt: int) -> None:
        from dbos import DBOS, SetWorkflowID

        with SetWorkflowID(workflow_id(id, attempt)):
            DBOS.enqueue_workflow(QUEUE, self._evaluate, id, attempt)
