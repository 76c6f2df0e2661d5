"""State changes of an evaluation: by a worker (begin, fail, pause) and by a user (pause, cancel, resume)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation
from db.transaction import writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict
from genaiops_core.evaluation.calls.record_writer import delete_failed
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.runs.evaluation import OPEN_STATES, Evaluation, get_evaluation
from genaiops_core.evaluation.verdicts import pipeline
from genaiops_core.telemetry.figures import format_usd

RESUMABLE_STATES = ("paused", "cancelled", "failed")

WORKER = "worker"
"""The actor in the audit log when no user acted."""


def claim(engine: sa.Engine, id: str, runner: str) -> bool:
    """Take a queued evaluation for this process; False when a worker was faster.

    Args:
        engine: of the product's database.
        id: of the evaluation.
        runner: the ID of this process (`jobs.heartbeat.new_executor_id`): a worker takes the evaluation over when
            the process is gone.
    """
    with writing(engine) as connection:
        run = get_evaluation(connection, id)
        if not _mark_running(connection, id, run.attempt):
            return False
        connection.execute(
            sa.update(evaluation).where(evaluation.c.id == id).values(config={**run.config, "runner": runner})
        )
        return True


def begin(engine: sa.Engine, id: str, attempt: int) -> Evaluation | None:
    """Mark a queued evaluation as running; None when it must not run, or not in this attempt."""
    with writing(engine) as connection:
        _mark_running(connection, id, attempt)
        run = get_evaluation(connection, id)
        return run if (run.state, run.attempt) == ("running", attempt) else None


def fail(engine: sa.Engine, id: str, problem: str, attempt: int | None = None) -> None:
    """End an open evaluation without a verdict.

    Args:
        engine: of the product's database.
        id: of the evaluation.
        problem: a sentence that says why.
        attempt: fail it only in this attempt; None fails it in any.
    """
    values = {"state": "failed", "problem": problem, "finished_at": now()}
    with writing(engine) as connection:
        # Needs no lock: of two changes at once, the second one matches no open row.
        connection.execute(sa.update(evaluation).where(_is_open(id, attempt)).values(values))


def note_throttling(engine: sa.Engine, id: str, attempt: int, seconds: float) -> None:
    """Note that calls of an open evaluation wait so long for a provider that throttles them."""
    until = now() + dt.timedelta(seconds=seconds)
    with writing(engine) as connection:
        connection.execute(
            sa.update(evaluation)
            .where(
                _is_open(id, attempt),
                # Several workers share an evaluation: the latest time stands.
                sa.or_(evaluation.c.throttled_until.is_(None), evaluation.c.throttled_until < until),
            )
            .values(throttled_until=until)
        )


def pause_for_decision(engine: sa.Engine, id: str, attempt: int, problem: str) -> None:
    """Pause an open evaluation that cannot go on until a user decides; `problem` says what to decide."""
    with writing(engine) as connection:
        before = get_evaluation(connection, id)
        updated = connection.execute(
            sa.update(evaluation)
            .where(_is_open(id, attempt))
            .values(state="paused", problem=problem, finished_at=now())
        )
        if updated.rowcount:
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


def find_overrun(run: Evaluation, at: dt.datetime) -> str:
    """Why the evaluation exceeded the time limit of its pipeline; '' while it has not."""
    document = run.config.get("pipeline")
    minutes = pipeline.parse_pipeline(document).timeout_minutes if document else None
    since = run.resumed_at or run.started_at
    if minutes and since and at - since > dt.timedelta(minutes=minutes):
        return f"The evaluation exceeded its time limit of {minutes:g} minutes; its scores are partial."
    return ""


def pause(engine: sa.Engine, *, actor: str, id: str, reason: str = "") -> Evaluation:
    """Pause an evaluation: calls in flight finish and are saved, no new call begins until it is resumed.

    Raises:
        NotFound: there is no such evaluation.
        Conflict: it is neither queued nor running.
    """
    # `finished_at` is the time of the pause; `resume` clears it.
    values = {"state": "paused", "finished_at": now(), "problem": "Paused; the scores are partial."}
    return _change_state(engine, actor, id, reason, "pause", OPEN_STATES, values)


def cancel(engine: sa.Engine, *, actor: str, id: str, reason: str = "") -> Evaluation:
    """Cancel an evaluation: its scores are kept and labelled partial, and it gets no verdict.

    Raises:
        NotFound: there is no such evaluation.
        Conflict: it has ended already.
    """
    values = {"state": "cancelled", "finished_at": now(), "problem": "Cancelled; the scores are partial."}
    return _change_state(engine, actor, id, reason, "cancel", (*OPEN_STATES, "paused"), values)


def resume(
    engine: sa.Engine, *, actor: str, id: str, reason: str = "", spend_limit_nano_usd: int | None = None
) -> Evaluation:
    """Resume an evaluation: scores stay, failed units are repeated, finished calls are not paid again.

    Args:
        engine: of the product's database.
        actor: the user who resumes it.
        id: of the evaluation.
        reason: the reason in the audit log.
        spend_limit_nano_usd: new limit of the whole evaluation, which includes what it has spent; None keeps the limit.

    Raises:
        NotFound: there is no such evaluation.
        Conflict: it is neither paused, cancelled nor failed.
        BadInput: the limit is already spent.
    """
    with writing(engine) as connection:
        before = _lock_evaluation(connection, id)
        if before.state not in RESUMABLE_STATES:
            raise Conflict(
                f"Evaluation {id} is {before.state}; only a paused, cancelled or failed one can be resumed."
            )
        limits_document = before.config.get("pace") or {}
        if spend_limit_nano_usd is not None:
            limits_document = RateLimits.from_json(
                {**limits_document, "spend_limit_nano_usd": spend_limit_nano_usd}
            ).as_json()
        _check_spend_limit(limits_document.get("spend_limit_nano_usd"), before.spent_nano_usd)
        deleted = delete_failed(connection, id)
        config = {**before.config, "pace": limits_document, "runner": ""}
        connection.execute(
            sa.update(evaluation)
            .where(evaluation.c.id == id)
            .values(
                state="queued",
                problem="",
                config=config,
                # `execution.finish` ignores an evaluation that has results.
                results=None,
                finished_at=None,
                # Late records of the old attempt are recognised by its number.
                attempt=before.attempt + 1,
                units_done=before.units_done - deleted.units,
                # Failed units are counted among the undefined ones too.
                units_undefined=before.units_undefined - deleted.units,
                units_failed=0,
                answers_done=before.answers_done - deleted.answers,
            )
        )
        after = get_evaluation(connection, id)
        _record_audit(connection, actor, "resume", reason, before, after)
        return after


def _change_state(
    engine: sa.Engine,
    actor: str,
    id: str,
    reason: str,
    action: str,
    states: Sequence[str],
    values: Mapping[str, Any],
) -> Evaluation:
    with writing(engine) as connection:
        before = _lock_evaluation(connection, id)
        if before.state not in states:
            raise Conflict(f"Evaluation {id} is {before.state} already; there is nothing to {action}.")
        connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(values))
        after = get_evaluation(connection, id)
        _record_audit(connection, actor, action, reason, before, after)
        return after


def _lock_evaluation(connection: sa.Connection, id: str) -> Evaluation:
    # A worker may finish the evaluation at the same moment; the lock orders the two.
    connection.execute(sa.select(evaluation.c.id).where(evaluation.c.id == id).with_for_update())
    return get_evaluation(connection, id)


def _record_audit(
    connection: sa.Connection, actor: str, action: str, reason: str, before: Evaluation, after: Evaluation
) -> None:
    def select_fields(run: Evaluation) -> dict[str, Any]:
        spend_limit = (run.config.get("pace") or {}).get("spend_limit_nano_usd")
        return {"state": run.state, "attempt": run.attempt, "spend_limit_nano_usd": spend_limit}

    audit.record(
        connection,
        actor=actor,
        action=f"evaluation.{action}",
        subject=before.id,
        application=before.application,
        reason=reason,
        before=select_fields(before),
        after=select_fields(after),
    )


def _check_spend_limit(limit_nano_usd: int | None, spent_nano_usd: int) -> None:
    """Reject a resume under a limit that is already spent.

    Raises:
        BadInput: nothing of the limit is left.
    """
    # A limit of 0 never counts as spent: it admits calls that cost nothing.
    if limit_nano_usd is not None and spent_nano_usd >= limit_nano_usd > 0:
        raise BadInput(
            f"The evaluation has spent {format_usd(spent_nano_usd)} USD of its limit of "
            f"{format_usd(limit_nano_usd)} USD; resume it with a higher limit."
        )


def _mark_running(connection: sa.Connection, id: str, attempt: int) -> bool:
    at = now()
    updated = connection.execute(
        sa.update(evaluation)
        .where(evaluation.c.id == id, evaluation.c.state == "queued", evaluation.c.attempt == attempt)
        .values(
            state="running",
            started_at=sa.func.coalesce(evaluation.c.started_at, at),
            resumed_at=at,
            # For the rate: an attempt counts only the units that it has done itself.
            units_at_resume=evaluation.c.units_done,
        )
    )
    return bool(updated.rowcount)


def _is_open(id: str, attempt: int | None) -> sa.ColumnElement[bool]:
    is_open = sa.and_(evaluation.c.id == id, evaluation.c.state.in_(OPEN_STATES))
    return is_open if attempt is None else sa.and_(is_open, evaluation.c.attempt == attempt)
