"""Evaluation runs as workflows: recorded step by step, so that a crash repeats one batch at most."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa
import structlog

from db.tables.evaluations import evaluation
from db.transaction import reading
from genaiops_core.clock import now
from genaiops_core.evaluation import execution
from genaiops_core.jobs import heartbeat
from genaiops_core.jobs.system import QUEUE

RETENTION_DAYS = 7
_RETRIES = 4

_GIVEN_UP = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")

log = structlog.get_logger()


class Runs:
    """The workflow of an evaluation, and the keeping of its queue."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._workflow = _workflow(engine)
        self._enqueued: set[str] = set()

    def start_queued(self) -> None:
        """Give every run that waits to the job engine; the id makes a second time harmless."""
        from dbos import DBOS, SetWorkflowID

        waiting = self._ids("queued")
        self._enqueued &= waiting
        for id in sorted(waiting - self._enqueued):
            with SetWorkflowID(id):
                DBOS.enqueue_workflow(QUEUE, self._workflow, id)
            self._enqueued.add(id)
            log.info("evaluation enqueued", evaluation=id)

    def reap(self) -> None:
        """Put the runs of dead workers back into the queue."""
        from dbos import DBOS

        pending = DBOS.list_workflows(status="PENDING", queue_name=QUEUE, load_input=False, load_output=False)
        if not pending:
            return
        with reading(self._engine) as connection:
            alive = heartbeat.alive(connection, now())
        left = [run.workflow_id for run in pending if run.executor_id not in alive]
        if left:
            DBOS.resume_workflows(left, queue_name=QUEUE)
            log.warning("evaluations taken over from a dead worker", evaluations=left)

    def adopt(self) -> None:
        """Care for runs that are under way but that nobody carries on.

        The command line that ran it was killed, or the job engine's tables were lost: enqueue it again. The job
        engine gave it up: say so on the run.
        """
        from dbos import DBOS, SetWorkflowID

        with reading(self._engine) as connection:
            query = sa.select(evaluation.c.id, evaluation.c.config).where(evaluation.c.state == "running")
            running = {row.id: row.config for row in connection.execute(query)}
        for id, config in running.items():
            runner = config.get("runner")
            if runner and not heartbeat.is_gone(runner):
                continue
            status = DBOS.get_workflow_status(id)
            if status is None:
                with SetWorkflowID(id):
                    DBOS.enqueue_workflow(QUEUE, self._workflow, id)
                log.warning("evaluation adopted", evaluation=id)
            elif status.status in _GIVEN_UP:
                execution.fail(
                    self._engine, id, f"The job engine gave the run up: {status.error or status.status}."
                )

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

    def _ids(self, state: str) -> set[str]:
        with reading(self._engine) as connection:
            return set(
                connection.execute(sa.select(evaluation.c.id).where(evaluation.c.state == state)).scalars()
            )


def _workflow(engine: sa.Engine) -> Callable[[str], str]:
    """Register workflow and steps with the job engine; once a process, before it is launched."""
    from dbos import DBOS, error

    @DBOS.step(name="begin", retries_allowed=True, max_attempts=_RETRIES)
    def begin(id: str) -> list[list[int]]:
        return execution.begin(engine, id)

    @DBOS.step(name="score_batch", retries_allowed=True, max_attempts=_RETRIES)
    def score_batch(id: str, batch: list[int]) -> bool:
        return execution.score_batch(engine, id, batch) is not None

    @DBOS.step(name="finish", retries_allowed=True, max_attempts=_RETRIES)
    def finish(id: str) -> str:
        return execution.finish(engine, id).state

    @DBOS.step(name="fail")
    def fail(id: str, problem: str) -> None:
        execution.fail(engine, id, problem)

    @DBOS.workflow(name="evaluate")
    def evaluate(id: str) -> str:
        try:
            for batch in begin(id):
                if not score_batch(id, batch):
                    break
            return finish(id)
        except error.DBOSMaxStepRetriesExceeded as exceeded:
            # The last of the attempts says why; the first three may have met something else.
            problem = (
                f"A step failed {_RETRIES} times: {exceeded.errors[-1] if exceeded.errors else exceeded}"
            )
            fail(id, problem)
            return "failed"

    return evaluate
