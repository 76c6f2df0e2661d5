"""How a run moves on by itself: taken up, failed, held up. What people do with it is in `runs`."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from db.tables.evaluations import evaluation
from db.transaction import writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.evaluation.runs import records
from genaiops_core.evaluation.runs.records import Evaluation
from genaiops_core.evaluation.verdicts import pipeline

WORKER = "worker"
"""Who acts in the audit log where nobody asked."""


def claim(engine: sa.Engine, id: str, runner: str) -> bool:
    """Take a queued run away from the workers; False when one of them was quicker.

    Args:
        runner: the process that runs it (`jobs.heartbeat.new_executor_id`): a worker takes the run over when that
            process is gone.
    """
    with writing(engine) as connection:
        asked = records.get_evaluation(connection, id)
        if not _begin(connection, id, asked.attempt):
            return False
        connection.execute(
            sa.update(evaluation)
            .where(evaluation.c.id == id)
            .values(config={**asked.config, "runner": runner})
        )
        return True


def begin(engine: sa.Engine, id: str, attempt: int) -> Evaluation | None:
    """Mark a queued run as running; None when it is not to run any more, or not in this attempt."""
    with writing(engine) as connection:
        _begin(connection, id, attempt)
        asked = records.get_evaluation(connection, id)
        return asked if (asked.state, asked.attempt) == ("running", attempt) else None


def fail(engine: sa.Engine, id: str, problem: str, attempt: int | None = None) -> None:
    """End an open run without a verdict; the sentence says why.

    Args:
        attempt: only if it is still in this one.
    """
    values = {"state": "failed", "problem": problem, "finished_at": now()}
    with writing(engine) as connection:
        connection.execute(sa.update(evaluation).where(_is_open(id, attempt)).values(values))


def hold(engine: sa.Engine, id: str, attempt: int, problem: str) -> None:
    """Pause a run that cannot go on until somebody decides; the sentence says what."""
    with writing(engine) as connection:
        before = records.get_evaluation(connection, id)
        held = connection.execute(
            sa.update(evaluation)
            .where(_is_open(id, attempt))
            .values(state="paused", problem=problem, finished_at=now())
        )
        if held.rowcount:
            audit.record(
                connection,
                actor=WORKER,
                action="evaluation.pause",
                subject=id,
                application=before.application,
                reason=problem,
                before={"state": before.state},
                after={"state": "paused"},
            )


def lateness(asked: Evaluation, at: dt.datetime) -> str:
    """Why the run has had its time, '' while it has not."""
    document = asked.config.get("pipeline")
    minutes = pipeline.parse(document).timeout_minutes if document else None
    since = asked.resumed_at or asked.started_at
    if minutes and since and at - since > dt.timedelta(minutes=minutes):
        return f"The run took longer than its {minutes:g} minutes; its scores are partial."
    return ""


def _begin(connection: sa.Connection, id: str, attempt: int) -> bool:
    at = now()
    begun = connection.execute(
        sa.update(evaluation)
        .where(evaluation.c.id == id, evaluation.c.state == "queued", evaluation.c.attempt == attempt)
        .values(
            state="running",
            started_at=sa.func.coalesce(evaluation.c.started_at, at),
            resumed_at=at,
            units_at_resume=evaluation.c.units_done,
        )
    )
    return bool(begun.rowcount)


def _is_open(id: str, attempt: int | None) -> sa.ColumnElement[bool]:
    is_open = sa.and_(evaluation.c.id == id, evaluation.c.state.in_(records.OPEN_STATES))
    return is_open if attempt is None else sa.and_(is_open, evaluation.c.attempt == attempt)
