"""The workflows of an evaluation: `evaluate` enqueues its parts, `score_part` scores a part on any worker.

Workflow ids consist of the run, its attempt and the number of the part, so that a run that continues after a crash
finds the parts that it enqueued before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.clock import now
from genaiops_core.evaluation.runs import execution, states
from genaiops_core.evaluation.runs.session_pool import SessionPool, WorkerStopping
from genaiops_core.evaluation.verdicts.verdict import WARNING
from genaiops_core.jobs import heartbeat
from genaiops_core.jobs.system import PARTS_AT_ONCE, PARTS_QUEUE
from genaiops_core.logs import get_logger

log = get_logger()

Evaluate = Callable[[str, int], str]

_RETRIES = 4
_PART_POLL_S = 0.2
_SETTLE_S = 60.0
"""Maximum wait of a resumed run for the calls of its previous attempt."""


def workflow_id(id: str, attempt: int) -> str:
    """The workflow id of the run; parts append their number."""
    return f"{id}:{attempt}"


def register(engine: sa.Engine, sessions: SessionPool) -> Evaluate:
    """Register workflows and steps with the job engine; once per process, before it is launched."""
    from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

    step: dict[str, Any] = {
        "retries_allowed": True,
        "max_attempts": _RETRIES,
        "should_retry": lambda problem: not isinstance(problem, WorkerStopping),
    }

    @DBOS.step(name="begin", **step)
    def begin(id: str, attempt: int) -> list[list[int]]:
        _wait_for_earlier(id, attempt)
        return execution.begin(engine, id, attempt)

    @DBOS.step(name="ahead", **step)
    def ahead() -> int:
        # Enough parts that no worker is idle, and few enough that a pause leaves little in the queue.
        with reading(engine) as connection:
            return PARTS_AT_ONCE * max(1, len(heartbeat.alive_workers(connection, now()))) + 2

    @DBOS.step(name="score", **step)
    def score(id: str, attempt: int, numbers: list[int]) -> bool:
        return sessions.score(id, attempt, numbers)

    @DBOS.step(name="finish", **step)
    def finish(id: str, attempt: int) -> str:
        ended = execution.finish(engine, id, attempt)
        log.info("evaluation ended", evaluation=id, state=ended.state, problem=ended.problem)
        for gate in (ended.results or {}).get("gates") or ():
            if gate["verdict"] == WARNING:
                log.warning("gate passed with a warning", evaluation=id, gate=gate["name"], why=gate["why"])
        return ended.state

    @DBOS.step(name="fail")
    def fail(id: str, attempt: int, problem: str) -> None:
        states.fail(engine, id, problem, attempt)

    @DBOS.workflow(name="score_part")
    def score_part(id: str, attempt: int, numbers: list[int]) -> bool:
        return score(id, attempt, numbers)

    @DBOS.workflow(name="evaluate")
    def evaluate(id: str, attempt: int) -> str:
        try:
            waiting = begin(id, attempt)
            handles: list[Any] = []
            handed_out = 0
            while waiting or handles:
                most_parts = ahead() if waiting else 0
                while waiting and len(handles) < most_parts:
                    handed_out += 1
                    with (
                        SetWorkflowID(f"{workflow_id(id, attempt)}:{handed_out}"),
                        SetEnqueueOptions(queue_partition_key=id),
                    ):
                        handles.append(
                            DBOS.enqueue_workflow(PARTS_QUEUE, score_part, id, attempt, waiting.pop(0))
                        )
                # The oldest part first: the results are only needed to know when the next part may start.
                if not handles.pop(0).get_result(polling_interval_sec=_PART_POLL_S):
                    waiting = []  # stopped: the enqueued parts end at once
            return finish(id, attempt)
        except Exception as problem:  # also of a part, whose type depends on the serializer
            fail(id, attempt, describe_problem(problem))
            return "failed"

    def describe_problem(problem: Any) -> str:
        # The last attempt has the reason; earlier attempts may have failed for another one.
        errors = getattr(problem, "errors", None)
        return (
            f"A step failed {_RETRIES} times: {errors[-1]}" if errors else f"The job engine failed: {problem}"
        )

    return evaluate


def _wait_for_earlier(id: str, attempt: int) -> None:
    """Wait for running calls of the previous attempt, whose results are written when they end."""
    from dbos import DBOS

    deadline = time.monotonic() + _SETTLE_S
    while attempt > 1 and time.monotonic() < deadline:
        if not DBOS.list_workflows(
            workflow_id_prefix=f"{workflow_id(id, attempt - 1)}:",
            status=["PENDING", "ENQUEUED"],
            load_input=False,
            load_output=False,
        ):
            return
        time.sleep(_PART_POLL_S)
