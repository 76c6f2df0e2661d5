"""The queue of samples to be judged: claimed for a while, finished or skipped once, whoever shares it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.reviews import sample
from db.tables.telemetry import request
from db.transaction import insert
from genaiops_core.clock import now
from genaiops_core.errors import NotFound
from genaiops_core.telemetry.sampling.policy import PRIORITIES, Decision
from genaiops_core.telemetry.sampling.selection import build_sample_row

_MINUTE = dt.timedelta(minutes=1)
_CHOSEN = Decision(should_evaluate=True, reason="chosen", priority=PRIORITIES["chosen"], rate_ppm=0)
"""Of a request that a reviewer picked: it represents itself only."""

_is_queued = sample.c.state == "queued"


def has_queued(connection: sa.Connection) -> bool:
    """Whether any sample waits to be judged."""
    return connection.scalar(sa.select(sample.c.id).where(_is_queued).limit(1)) is not None


def fetch_spent_since(connection: sa.Connection, instant: dt.datetime) -> int:
    """Cost in nano-USD of the samples that ended at `instant` or later."""
    return int(
        connection.scalar(sa.select(sa.func.sum(sample.c.cost_nano_usd)).where(sample.c.ended_at >= instant))
        or 0
    )


def count_last_minute(connection: sa.Connection, at: dt.datetime) -> int:
    """Samples that were scored in the minute before `at`, and those that a worker holds now."""
    scored = sa.and_(sample.c.ended_at > at - _MINUTE, sample.c.state == "scored")
    in_progress = sa.and_(_is_queued, sample.c.claimed_until > at)
    return sum(
        connection.scalar(sa.select(sa.func.count()).select_from(sample).where(condition)) or 0
        for condition in (scored, in_progress)
    )


def claim(connection: sa.Connection, limit: int, at: dt.datetime, lease: dt.timedelta) -> Sequence[Any]:
    """Take the next samples by priority, then age, for the time of `lease`: rows with id, trace_id, application and
    selected_at. Another worker may take those whose lease has ended.
    """
    if limit < 1:
        return []
    is_free = sa.or_(sample.c.claimed_until.is_(None), sample.c.claimed_until <= at)
    rows = connection.execute(
        sa.select(sample.c.id, sample.c.trace_id, sample.c.application, sample.c.selected_at)
        .where(_is_queued, is_free)
        .order_by(sample.c.priority, sample.c.id)
        .limit(limit)
        # Workers do not wait for each other's rows; each takes the next free ones.
        .with_for_update(skip_locked=True)
    ).all()
    if rows:
        claimed = sample.c.id.in_([row.id for row in rows])
        connection.execute(sa.update(sample).where(claimed).values(claimed_until=at + lease))
    return rows


def release(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Give claimed samples back before their lease ends."""
    connection.execute(sa.update(sample).where(sample.c.id.in_(ids)).values(claimed_until=None))


def lock_queued(connection: sa.Connection, sample_id: int) -> Any | None:
    """The row of a sample, locked; None when another worker has ended it."""
    query = sa.select(sample).where(sample.c.id == sample_id, _is_queued).with_for_update()
    return connection.execute(query).first()


def finish(
    connection: sa.Connection, sample_id: int, *, at: dt.datetime, cost_nano_usd: int, note: str
) -> None:
    """Mark a locked sample as scored."""
    connection.execute(
        sa.update(sample)
        .where(sample.c.id == sample_id)
        .values(state="scored", ended_at=at, claimed_until=None, cost_nano_usd=cost_nano_usd, note=note)
    )


def skip(connection: sa.Connection, sample_id: int, *, at: dt.datetime, note: str) -> None:
    """Mark a sample that is still queued as skipped."""
    _skip(connection, sample.c.id == sample_id, at, note)


def skip_older_than(connection: sa.Connection, oldest: dt.datetime, *, at: dt.datetime, note: str) -> int:
    """Mark the queued samples that were selected before `oldest` as skipped; returns their number."""
    return _skip(connection, sample.c.selected_at < oldest, at, note)


def lock_or_choose(connection: sa.Connection, *, application: str, trace_id: str) -> Any:
    """The row of a request's sample, locked; a request that was not sampled becomes a sample by choice.

    Raises:
        NotFound: there is no such request.
    """
    trace_id = trace_id.strip().lower()
    select = _select_sample(application, trace_id).with_for_update()
    existing = connection.execute(select).first()
    if existing is not None:
        return existing
    row = connection.execute(
        sa.select(request).where(request.c.trace_id == trace_id, request.c.application == application)
    ).first()
    if row is None:
        raise NotFound(f"There is no request {trace_id} of {application}.")
    # Two reviewers may choose it at once: the second finds the row of the first.
    connection.execute(
        insert(connection, sample).values(build_sample_row(row, _CHOSEN, now())).on_conflict_do_nothing()
    )
    return connection.execute(select).one()


def find_sample_or_request(connection: sa.Connection, *, application: str, trace_id: str) -> Any | None:
    """The row of a request's sample, or of the request as if it were chosen now; None when there is no such request."""
    row = connection.execute(_select_sample(application, trace_id)).first()
    if row is not None:
        return row
    return connection.execute(
        sa.select(
            request,
            sa.literal(_CHOSEN.reason).label("reason"),
            sa.literal(_CHOSEN.priority).label("priority"),
        ).where(request.c.trace_id == trace_id, request.c.application == application)
    ).first()


def _select_sample(application: str, trace_id: str) -> sa.Select[Any]:
    return sa.select(sample).where(sample.c.trace_id == trace_id, sample.c.application == application)


def _skip(connection: sa.Connection, condition: sa.ColumnElement[bool], at: dt.datetime, note: str) -> int:
    skipped = sa.update(sample).where(_is_queued, condition).values(state="skipped", ended_at=at, note=note)
    return connection.execute(skipped).rowcount
