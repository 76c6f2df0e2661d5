"""Stores the feedback of users on answers. The application sends it with the trace id of the answer."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Literal

import sqlalchemy as sa

from db.tables.reviews import sample, sample_rollup_hour, sample_waiting
from db.tables.telemetry import feedback, request
from db.transaction import insert, writing
from genaiops_core.clock import now
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.sampling import feedback_scores, selection
from genaiops_core.telemetry.sampling.feedback_scores import Feedback
from genaiops_core.telemetry.sampling.policy import PPM, PRIORITIES, Decision
from genaiops_core.telemetry.scores import NS_PER_HOUR, replace_scores, reweigh

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
MAX_COMMENT_LENGTH = 10_000

_NEGATIVE_FEEDBACK_DECISION = Decision(
    should_evaluate=True,
    reason="negative_feedback",
    priority=PRIORITIES["negative_feedback"],
    rate_ppm=PPM,
)


def record_feedback(
    engine: sa.Engine,
    *,
    trace_id: str,
    user_id: str = "",
    rating: float | None = None,
    thumb: Literal["up", "down"] | None = None,
    comment: str = "",
) -> None:
    """Store the feedback of one user on one answer; the spans of the trace may arrive later.

    Identical feedback changes nothing; different feedback of the same user replaces the earlier one. Feedback becomes
    the score `user_feedback`, and negative feedback gives the request the highest priority for judging.

    Args:
        engine: the database.
        trace_id: 32 hexadecimal digits.
        user_id: id of the user; '' when unknown.
        rating: 1 to 5; a rating on another scale is stored, but gives no score.
        thumb: up or down; at least one of rating and thumb is required.
        comment: free text.

    Raises:
        BadInput: neither rating nor thumb, or an invalid trace id.
    """
    trace_id = trace_id.lower()
    if not _TRACE_ID.fullmatch(trace_id):
        raise BadInput("trace_id must be 32 hexadecimal digits.")
    if rating is None and thumb is None:
        raise BadInput("Feedback needs a rating (a number) or a thumb ('up' or 'down').")
    with writing(engine) as connection:
        _store_feedback(
            connection,
            trace_id=trace_id,
            user_id=user_id.replace("\x00", "")[:200],
            rating=rating,
            thumb=thumb,
            comment=comment.replace("\x00", "")[:MAX_COMMENT_LENGTH],
        )
        _apply_to_requests(connection, trace_id)


def list_feedback(connection: sa.Connection, trace_id: str) -> list[Feedback]:
    """The feedback of all users on one trace, in order of arrival."""
    query = sa.select(feedback).where(feedback.c.trace_id == trace_id)
    rows = connection.execute(query.order_by(feedback.c.received_at, feedback.c.id))
    return [feedback_scores.build_feedback(row) for row in rows]


def _store_feedback(connection: sa.Connection, **values: Any) -> None:
    statement = insert(connection, feedback).values(**values, received_at=now())
    updates = {name: statement.excluded[name] for name in ("rating", "thumb", "comment", "received_at")}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["trace_id", "user_id"],
            set_=updates,
            # Identical feedback keeps the time of its first arrival.
            where=sa.or_(
                *[
                    feedback.c[name].is_distinct_from(statement.excluded[name])
                    for name in ("rating", "thumb", "comment")
                ]
            ),
        )
    )


def _apply_to_requests(connection: sa.Connection, trace_id: str) -> None:
    """Score and sample the requests of the trace that selection has considered; it reads the feedback of later ones."""
    # Selection reads the feedback of later requests itself; the lock keeps each request on one of the two sides.
    considered_position = selection.lock_considered_position(connection)
    # The row lock serialises concurrent feedback of two users, so that the score includes both.
    rows = connection.execute(
        sa.select(request)
        .where(
            request.c.trace_id == trace_id,
            request.c.id <= considered_position,
            request.c.duration_ns.is_not(None),
            ~sa.exists().where(sample_waiting.c.request_id == request.c.id),
        )
        .with_for_update(of=request)
    ).all()
    all_feedback = list_feedback(connection, trace_id)
    if any(entry.is_negative for entry in all_feedback):
        for row in rows:
            _select_for_judging(connection, row)
    replace_scores(connection, [feedback_scores.score_feedback(row, all_feedback) for row in rows])


def _select_for_judging(connection: sa.Connection, row: Any) -> None:
    """Queue a request for judging after late negative feedback; its score then represents only itself."""
    is_same_request = sa.and_(sample.c.trace_id == row.trace_id, sample.c.application == row.application)
    existing = connection.execute(sa.select(sample).where(is_same_request).with_for_update()).first()
    if existing is None:
        connection.execute(
            sa.insert(sample).values(selection.build_sample_row(row, _NEGATIVE_FEEDBACK_DECISION, now()))
        )
        _recount_as_certain(connection, row, _find_considered_rate(connection, row))
        return
    # Such a sample has the highest priority already, and a chosen one must keep its weight.
    if existing.reason in ("negative_feedback", "chosen"):
        return
    changes: dict[str, Any] = {
        "reason": _NEGATIVE_FEEDBACK_DECISION.reason,
        "priority": _NEGATIVE_FEEDBACK_DECISION.priority,
        "rate_ppm": PPM,
    }
    if existing.state == "skipped":
        changes |= {"state": "queued", "ended_at": None, "note": ""}
    connection.execute(sa.update(sample).where(is_same_request).values(changes))
    reweigh(connection, application=row.application, trace_id=row.trace_id, rate_ppm=PPM)
    _recount_as_certain(connection, existing, existing.rate_ppm)


def _recount_as_certain(connection: sa.Connection, considered_request: Any, rate_ppm: int | None) -> None:
    """Move a considered request from its rate to rate 1 in the counts of its hour, environment and release."""
    if rate_ppm is None or rate_ppm == PPM:
        return
    key = (
        considered_request.application,
        considered_request.start_ns // NS_PER_HOUR,
        considered_request.environment,
        considered_request.release,
    )
    selection.count_considered(connection, Counter({(*key, rate_ppm): -1, (*key, PPM): 1}))


def _find_considered_rate(connection: sa.Connection, row: Any) -> int | None:
    """The sampling rate of a request that was not chosen, in millionths.

    The rate is not stored with the request, so the most frequent rate below 1 of its hour is used. A change of the
    settings within that hour makes this an approximation.
    """
    rollup = sample_rollup_hour.c
    return connection.scalar(
        sa.select(rollup.rate_ppm)
        .where(
            rollup.application == row.application,
            rollup.bucket == row.start_ns // NS_PER_HOUR,
            rollup.environment == row.environment,
            rollup.release == row.release,
            rollup.rate_ppm < PPM,
            rollup.requests > 0,
        )
        .order_by(rollup.requests.desc())
        .limit(1)
    )
