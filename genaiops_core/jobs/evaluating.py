"""Evaluation runs as workflows: a run hands out its parts, workers score them, and what is finished stays finished."""

from __future__ import annotations

import datetime as dt
import threading

import sqlalchemy as sa
import structlog

from db.tables.evaluations import evaluation
from db.transaction import reading
from genaiops_core.clock import now
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs import judging, states
from genaiops_core.jobs import heartbeat
from genaiops_core.jobs.evaluation_workflows import Evaluate, workflow_id
from genaiops_core.jobs.system import PARTS_QUEUE, QUEUE

RETENTION_DAYS = 7

_GIVEN_UP = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")

log = structlog.get_logger()


class Runs:
    """The keeping of the queues of evaluations."""

    def __init__(self, engine: sa.Engine, evaluate: Evaluate) -> None:
        self._engine = engine
        self._evaluate = evaluate
        self._enqueued: set[tuple[str, int]] = set()

    def start_queued(self) -> None:
        """Give every run that waits to the job engine; the id makes a second time harmless."""
        with reading(self._engine) as connection:
            query = sa.select(evaluation.c.id, evaluation.c.attempt).where(evaluation.c.state == "queued")
            waiting = {(row.id, row.attempt) for row in connection.execute(query)}
        self._enqueued &= waiting
        if waiting - self._enqueued:
            threading.Thread(target=self.load_libraries, name="load libraries", daemon=True).start()
        for id, attempt in sorted(waiting - self._enqueued):
            self._enqueue(id, attempt)
            self._enqueued.add((id, attempt))
            log.info("evaluation enqueued", evaluation=id, attempt=attempt)

    def reap(self) -> None:
        """Put the runs and parts of dead workers back into their queues."""
        from dbos import DBOS

        for queue in (QUEUE, PARTS_QUEUE):
            pending = DBOS.list_workflows(
                status="PENDING", queue_name=queue, load_input=False, load_output=False
            )
            if not pending:
                continue
            with reading(self._engine) as connection:
                alive = heartbeat.alive_workers(connection, now())
            orphans = [run.workflow_id for run in pending if run.executor_id not in alive]
            if orphans:
                DBOS.resume_workflows(orphans, queue_name=queue)
                log.warning("taken over from a dead worker", workflows=orphans)

    def adopt(self) -> None:
        """Care for runs that are under way but that nobody carries on.

        The command line that ran it was killed, or the job engine's tables were lost: enqueue it again. The job
        engine gave it up: say so on the run.
        """
        from dbos import DBOS

        with reading(self._engine) as connection:
            query = sa.select(evaluation).where(evaluation.c.state == "running")
            running = connection.execute(query).all()
        for run in running:
            runner = run.config.get("runner")
            if runner and not heartbeat.is_gone(runner):
                continue
            status = DBOS.get_workflow_status(workflow_id(run.id, run.attempt))
            if status is None:
                self._enqueue(run.id, run.attempt)
                log.warning("evaluation adopted", evaluation=run.id)
            elif status.status in _GIVEN_UP:
                problem = f"The job engine gave the run up: {status.error or status.status}."
                states.fail(self._engine, run.id, problem, run.attempt)

    def forget_old(self) -> None:
        """Delete what the job engine remembers of runs that ended long ago; their scores are ours and stay."""
        from dbos import DBOS

        before = (now() - dt.timedelta(days=RETENTION_DAYS)).isoformat()
        ended = ["SUCCESS", *_GIVEN_UP]
        old = DBOS.list_workflows(
            status=ended, end_time=before, limit=1000, load_input=False, load_output=False
        )
        if old:
            DBOS.delete_workflows([run.workflow_id for run in old], delete_children=True)

    def load_libraries(self) -> None:
        """Import, beside all else, what the runs that wait or are under way will need.

        A run that was just launched is handed out meanwhile, and a dead worker's is still waited for.
        """
        with reading(self._engine) as connection:
            open_runs = [run for run in runs.list_evaluations(connection) if run.is_open]
        for run in open_runs:
            judging.load_libraries(run)

    def _enqueue(self, id: str, attempt: int) -> None:
        from dbos import DBOS, SetWorkflowID

        with SetWorkflowID(workflow_id(id, attempt)):
            DBOS.enqueue_workflow(QUEUE, self._evaluate, id, attempt)
