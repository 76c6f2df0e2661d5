"""Closes hours and days: makes `rollup_hour` and `rollup_day` equal to the minutes they are made of.

Ingest changes minutes and upserts a mark for their hour in one transaction. Closing takes the marks away first: on
PostgreSQL (READ COMMITTED) that waits for a transaction that holds one of them, and the minutes read by the next
statement include all that transaction wrote; a transaction that comes later finds no mark, puts one, and the hour is
dirty again. On SQLite writers take turns anyway. So whatever the interleaving, an hour without a mark is right.

A day that has not ended keeps a mark on its last hour, which closes it once it is over, even if nothing else comes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db import histogram
from db.engine import is_sqlite
from db.tables.telemetry import ROLLUP_SUMS, dirty_hour, rollup_day, rollup_hour, rollup_minute
from db.transaction import insert, writing
from genaiops_core.telemetry.rollups.plan import MINUTES_PER_HOUR
from genaiops_core.telemetry.time_window import to_minute

GRACE = dt.timedelta(minutes=2)
"""How long after its end an hour is left open for spans that come late."""

HOURS_PER_TRANSACTION = 50
"""Few enough that ingest on SQLite, which waits for the write lock, hardly notices."""

_ADVISORY_LOCK = 0x6E61_4F71
"""Held by the worker that closes; another number than the migrations'."""

_OWN_SHARD = -1
"""Of the marks that closing itself puts; no writer has this shard, so neither waits for the other."""

Bucket = tuple[str, int]
"""An application and an hour or day since the Unix epoch."""


@dataclass(frozen=True, kw_only=True)
class ClosingReport:
    """What one round of closing did."""

    hours: int
    """Hours of an application made equal to their minutes."""
    days: int
    """Days of an application made equal to their hours."""


def close_hours(engine: sa.Engine, now: dt.datetime) -> ClosingReport:
    """Close every dirty hour that ended more than `GRACE` ago, and every day that thereby has none left.

    Safe while ingest writes and while other workers do the same: one closes at a time, the others find nothing to do.
    Each transaction closes at most `HOURS_A_TRANSACTION` hours. A mark on an hour closes it again however old it is.

    Args:
        engine: the database.
        now: the current instant, aware.
    """
    ended_hour = to_minute(now - GRACE) // MINUTES_PER_HOUR
    hours = days = 0
    while True:
        with writing(engine) as connection:
            if not try_lock(connection):
                break
            closing = _take_marks(connection, ended_hour)
            if not closing:
                break
            _roll_up(connection, rollup_minute, rollup_hour, closing, factor=MINUTES_PER_HOUR)
            touched = sorted({(application, hour // 24) for application, hour in closing})
            dirty = _find_dirty_days(connection, touched)
            ended = [day for day in touched if (day[1] + 1) * 24 <= ended_hour and day not in dirty]
            _roll_up(connection, rollup_hour, rollup_day, ended, factor=24)
            _mark_last_hours(connection, [day for day in touched if (day[1] + 1) * 24 > ended_hour])
        hours, days = hours + len(closing), days + len(ended)
    return ClosingReport(hours=hours, days=days)


def try_lock(connection: sa.Connection) -> bool:
    if is_sqlite(connection):
        return True
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_ADVISORY_LOCK))))


def _take_marks(connection: sa.Connection, ended_hour: int) -> list[Bucket]:
    """Delete the marks of some ended hours, oldest first, all shards of an hour together."""
    mark = dirty_hour.c
    picked = connection.execute(
        sa.select(mark.application, mark.hour)
        .where(mark.hour < ended_hour)
        .distinct()
        .order_by(mark.hour, mark.application)
        .limit(HOURS_PER_TRANSACTION)
    )
    hours = [(application, hour) for application, hour in picked]
    # Locked in the order in which ingest upserts them, so that the two never wait for each other in a circle.
    for application, hour in sorted(hours):
        of_hour = sa.and_(mark.application == application, mark.hour == hour)
        if not is_sqlite(connection):
            connection.execute(sa.select(mark.shard).where(of_hour).order_by(mark.shard).with_for_update())
        connection.execute(dirty_hour.delete().where(of_hour))
    return hours


def _find_dirty_days(connection: sa.Connection, days: Sequence[Bucket]) -> set[Bucket]:
    """Those of `days` that have a dirty hour."""
    if not days:
        return set()
    mark = dirty_hour.c
    rows = connection.execute(
        sa.select(mark.application, mark.hour)
        .where(
            mark.application.in_({application for application, _ in days}),
            mark.hour >= min(day for _, day in days) * 24,
            mark.hour < (max(day for _, day in days) + 1) * 24,
        )
        .distinct()
    )
    return {(application, hour // 24) for application, hour in rows}


def _mark_last_hours(connection: sa.Connection, days: Iterable[Bucket]) -> None:
    """Leave a mark on the last hour of days that are not over, so that they are closed when they are."""
    rows = [
        {"application": application, "hour": day * 24 + 23, "shard": _OWN_SHARD, "marks": 1}
        for application, day in days
    ]
    if rows:
        connection.execute(insert(connection, dirty_hour).on_conflict_do_nothing(), rows)


def _roll_up(
    connection: sa.Connection, source: sa.Table, target: sa.Table, buckets: Sequence[Bucket], *, factor: int
) -> None:
    """Make the cells of `buckets` in `target` equal to what `source` has for them, `factor` buckets to one."""
    if not buckets:
        return
    connection.execute(target.delete().where(_match_buckets(target, buckets, factor=1)))
    cells = source.c
    bucket = (cells.bucket // sa.literal_column(str(factor), sa.Integer)).label("target_bucket")
    keys = [cells.application, bucket, cells.environment, cells.release, cells.model]
    scope = _match_buckets(source, buckets, factor=factor)
    added = [sa.func.sum(cells[name]) for name in ROLLUP_SUMS]
    rows = connection.execute(sa.select(*keys, *added).where(scope).group_by(*keys)).all()
    # Where one writer took away what another had added, nothing is left of the cell.
    rows = [row for row in rows if any(row[len(keys) :])]
    if not rows:
        return
    index = {tuple(row[: len(keys)]): position for position, row in enumerate(rows)}
    groups: list[int] = []
    requests: list[bytes] = []
    calls: list[bytes] = []
    for *key, request_latency, call_latency in connection.execute(
        sa.select(*keys, cells.request_latency, cells.call_latency).where(scope)
    ):
        position = index.get(tuple(key))
        if position is not None:
            groups.append(position)
            requests.append(request_latency)
            calls.append(call_latency)
    merged = [histogram.grouped_merge(blobs, groups, len(rows)) for blobs in (requests, calls)]
    names = ("application", "bucket", "environment", "release", "model", *ROLLUP_SUMS)
    connection.execute(
        target.insert(),
        [
            dict(zip(names, row, strict=True))
            | {"shard": 0, "request_latency": request, "call_latency": call}
            for row, request, call in zip(rows, *merged, strict=True)
        ],
    )


def _match_buckets(table: sa.Table, buckets: Sequence[Bucket], *, factor: int) -> sa.ColumnElement[bool]:
    return sa.or_(
        *[
            sa.and_(
                table.c.application == application,
                table.c.bucket >= bucket * factor,
                table.c.bucket < (bucket + 1) * factor,
            )
            for application, bucket in buckets
        ]
    )
