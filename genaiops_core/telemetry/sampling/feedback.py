"""What users thought of an answer, joined to its trace by the application."""

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

_DISLIKED = Decision(
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
    """Keep one user's opinion of one answer; the trace may still be on its way.

    Told again the same changes nothing; another opinion of the same user takes the place of the earlier one. It
    becomes the score `user_feedback`, and dislike lets the answer be judged first.

    Args:
        engine: the database.
        trace_id: 32 hexadecimal digits.
        user_id: who gave it, '' when not said.
        rating: 1 to 5; on another scale it is kept, but is no score.
        thumb: up or down; at least one of rating and thumb is needed.
        comment: free text.

    Raises:
        BadInput: neither rating nor thumb, or not a trace id.
    """
    trace_id = trace_id.lower()
    if not _TRACE_ID.fullmatch(trace_id):
        raise BadInput("trace_id must be 32 hexadecimal digits.")
    if rating is None and thumb is None:
        raise BadInput("Feedback needs a rating (a number) or a thumb ('up' or 'down').")
    with writing(engine) as connection:
        _keep(
            connection,
            trace_id=trace_id,
            user_id=user_id.replace("\x00", "")[:200],
            rating=rating,
            thumb=thumb,
            comment=comment.replace("\x00", "")[:MAX_COMMENT_LENGTH],
        )
        _apply(connection, trace_id)


def list_feedback(connection: sa.Connection, trace_id: str) -> list[Feedback]:
    """Every user's opinion of one trace, the first given first."""
    query = sa.select(feedback).where(feedback.c.trace_id == trace_id)
    rows = connection.execute(query.order_by(feedback.c.received_at, feedback.c.id))
    return [feedback_scores.build_feedback(row) for row in rows]


def _keep(connection: sa.Connection, **given: Any) -> None:
    statement = insert(connection, feedback).values(**given, received_at=now())
    said = {name: statement.excluded[name] for name in ("rating", "thumb", "comment", "received_at")}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["trace_id", "user_id"],
            set_=said,
            # Told again: who said it first, and when, stays.
            where=sa.or_(
                *[
                    feedback.c[name].is_distinct_from(statement.excluded[name])
                    for name in ("rating", "thumb", "comment")
                ]
            ),
        )
    )


def _apply(connection: sa.Connection, trace_id: str) -> None:
    """Score and sample the requests of the trace that were considered already; the others will find the feedback."""
    considered = selection.lock_considered_position(connection)
    # Locked, so that two users who speak at once both count.
    rows = connection.execute(
        sa.select(request)
        .where(
            request.c.trace_id == trace_id,
            request.c.id <= considered,
            request.c.duration_ns.is_not(None),
            ~sa.exists().where(sample_waiting.c.request_id == request.c.id),
        )
        .with_for_update(of=request)
    ).all()
    told = list_feedback(connection, trace_id)
    if any(one.is_negative for one in told):
        for row in rows:
            _prefer(connection, row)
    replace_scores(connection, [feedback_scores.score_feedback(row, told) for row in rows])


def _prefer(connection: sa.Connection, row: Any) -> None:
    """Let a request be judged that a user disliked after it was decided on; it then stands for itself only."""
    is_it = sa.and_(sample.c.trace_id == row.trace_id, sample.c.application == row.application)
    kept = connection.execute(sa.select(sample).where(is_it).with_for_update()).first()
    if kept is None:
        connection.execute(sa.insert(sample).values(selection.build_sample_row(row, _DISLIKED, now())))
        _count_again(connection, row, _rate_considered(connection, row))
        return
    if kept.reason in ("negative_feedback", "chosen"):
        return
    changes: dict[str, Any] = {"reason": _DISLIKED.reason, "priority": _DISLIKED.priority, "rate_ppm": PPM}
    if kept.state == "skipped":
        changes |= {"state": "queued", "ended_at": None, "note": ""}
    connection.execute(sa.update(sample).where(is_it).values(changes))
    reweigh(connection, application=row.application, trace_id=row.trace_id, rate_ppm=PPM)
    _count_again(connection, kept, kept.rate_ppm)


def _count_again(connection: sa.Connection, said: Any, rate_ppm: int | None) -> None:
    """Count a request, as it was when it was considered, among those that are always chosen."""
    if rate_ppm is None or rate_ppm == PPM:
        return
    key = (said.application, said.start_ns // NS_PER_HOUR, said.environment, said.release)
    selection.count_considered(connection, Counter({(*key, rate_ppm): -1, (*key, PPM): 1}))


def _rate_considered(connection: sa.Connection, row: Any) -> int | None:
    """The probability a request had that was not chosen: that of its hour. Settings rarely change within one."""
    c = sample_rollup_hour.c
    return connection.scalar(
        sa.select(c.rate_ppm)
        .where(
            c.application == row.application,
            c.bucket == row.start_ns // NS_PER_HOUR,
            c.environment == row.environment,
            c.release == row.release,
            c.rate_ppm < PPM,
            c.requests > 0,
        )
        .order_by(c.requests.desc())
        .limit(1)
    )
