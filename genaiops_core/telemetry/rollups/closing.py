"""Closes hours and days: recomputes `rollup_hour` and `rollup_day` from the minutes.

Ingest changes minutes and upserts a mark for their hour in one transaction. Closing deletes the marks first: on
PostgreSQL (READ COMMITTED) that waits for a transaction that has locked one of them, and the minutes read by the next
statement include all that this transaction wrote; a later transaction inserts a new mark, and the hour is dirty again.
On SQLite only one transaction writes at a time. So an hour without a mark is correct in every interleaving.

A day that has not ended keeps a mark on its last hour, which closes it after its end, even without more traffic.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db import histogram
from db.engine import is_sqlite
from db.tables.telemetry import (
    ROLLUP_LATENCIES,
    ROLLUP_SUMS,
    dirty_hour,
    rollup_day,
    rollup_hour,
    rollup_minute,
)
from db.transaction import insert, writing
from genaiops_core.telemetry.rollups.plan import MINUTES_PER_HOUR
from genaiops_core.telemetry.time_window import to_minute

GRACE = dt.timedelta(minutes=2)
"""How long an hour stays open after its end, for late spans."""

HOURS_PER_TRANSACTION = 50
"""Small, because ingest on SQLite waits for the write lock meanwhile."""

_ADVISORY_LOCK = 0x6E61_4F71
"""Lock of the worker that closes hours; differs from the numbers of migrations and of `usage`."""

_OWN_SHARD = -1
"""Shard of the marks that closing inserts; no writer has this shard, so neither waits for the other."""

Bucket = tuple[str, int]
"""An application and an hour or day since the Unix epoch."""


@dataclass(frozen=True, kw_only=True)
class ClosingReport:
    """Result of one round of closing."""

    hours: int
    """Hours closed, counted per application."""
    days: int
    """Days closed, counted per application."""


def close_hours(engine: sa.Engine, now: dt.datetime) -> ClosingReport:
    """Close every dirty hour that ended more than `GRACE` ago, and every ended day without dirty hours left.

    Safe while ingest writes and while other workers do the same: one worker closes at a time, the others return.
    Each transaction closes at most `HOURS_PER_TRANSACTION` hours. A marked hour is closed again, however old it is.

    Args:
        engine: the database.
        now: the current instant, aware.
    """
    ended_hour = to_minute(now - GRACE) // MINUTES_PER_HOUR
    hours = days = 0
    while True:
        with writing(engine) as connection:
            if not try_lock(connection, _ADVISORY_LOCK):
                break
            closing = _take_marks(connection, ended_hour)
            if not closing:
                break
            _roll_up(connection, rollup_minute, rollup_hour, closing, factor=MINUTES_PER_HOUR)
            touched = sorted({(application, hour // 24) for application, hour in closing})
            dirty = _find_dirty_days(connection, touched)
            ended = [day for day in touched if (day[1] + 1) * 24 <= ended_hour and day not in dirty]
            # After the hours, because days are sums of hours.
            _roll_up(connection, rollup_hour, rollup_day, ended, factor=24)
            _mark_last_hours(connection, [day for day in touched if (day[1] + 1) * 24 > ended_hour])
        hours, days = hours + len(closing), days + len(ended)
    return ClosingReport(hours=hours, days=days)


def try_lock(connection: sa.Connection, number: int) -> bool:
    """Take advisory lock `number` until the transaction ends, unless another worker has it; SQLite needs none."""
    if is_sqlite(connection):
        return True
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(number))))


def _take_marks(connection: sa.Connection, ended_hour: int) -> list[Bucket]:
    """Delete the marks of the oldest ended hours, all shards of an hour together; return the hours."""
    mark = dirty_hour.c
    oldest = connection.execute(
        sa.select(mark.application, mark.hour)
        .where(mark.hour < ended_hour)
        .distinct()
        .order_by(mark.hour, mark.application)
        .limit(HOURS_PER_TRANSACTION)
    )
    hours = [(application, hour) for application, hour in oldest]
    # Lock in the order in which ingest upserts marks, so that the two cannot deadlock.
    for application, hour in sorted(hours):
        of_hour = sa.and_(mark.application == application, mark.hour == hour)
        if not is_sqlite(connection):
            connection.execute(sa.select(mark.shard).where(of_hour).order_by(mark.shard).with_for_update())
        connection.execute(dirty_hour.delete().where(of_hour))
    return hours


def _find_dirty_days(connection: sa.Connection, days: Sequence[Bucket]) -> set[Bucket]:
    """Find the days of `days` that have a dirty hour."""
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
    """Mark the last hour of days that have not ended, so that a later round closes them."""
    rows = [
        {"application": application, "hour": day * 24 + 23, "shard": _OWN_SHARD, "marks": 1}
        for application, day in days
    ]
    if rows:
        connection.execute(insert(connection, dirty_hour).on_conflict_do_nothing(), rows)


def _roll_up(
    connection: sa.Connection, source: sa.Table, target: sa.Table, buckets: Sequence[Bucket], *, factor: int
) -> None:
    """Replace the cells of `buckets` in `target` by the sums of `source`, `factor` source buckets to one."""
    if not buckets:
        return
    connection.execute(target.delete().where(_match_buckets(target, buckets, factor=1)))
    cells = source.c
    bucket = (cells.bucket // sa.literal_column(str(factor), sa.Integer)).label("target_bucket")
    keys = [cells.application, bucket, cells.environment, cells.release, cells.model]
    scope = _match_buckets(source, buckets, factor=factor)
    added = [sa.func.sum(cells[name]) for name in ROLLUP_SUMS]
    rows = connection.execute(sa.select(*keys, *added).where(scope).group_by(*keys)).all()
    # A cell is empty where one writer subtracted what another had added.
    rows = [row for row in rows if any(row[len(keys) :])]
    if not rows:
        return
    index = {tuple(row[: len(keys)]): position for position, row in enumerate(rows)}
    groups: list[int] = []
    blobs: list[list[bytes]] = [[] for _ in ROLLUP_LATENCIES]
    for row in connection.execute(sa.select(*keys, *[cells[name] for name in ROLLUP_LATENCIES]).where(scope)):
        position = index.get(tuple(row[: len(keys)]))
        if position is not None:
            groups.append(position)
            for column, blob in zip(blobs, row[len(keys) :], strict=True):
                column.append(blob)
    merged = [histogram.merge_by_group(column, groups, len(rows)) for column in blobs]
    names = ("application", "bucket", "environment", "release", "model", *ROLLUP_SUMS)
    connection.execute(
        target.insert(),
        [
            dict(zip(names, row, strict=True))
            | {"shard": 0, **dict(zip(ROLLUP_LATENCIES, latencies, strict=True))}
            for row, *latencies in zip(rows, *merged, strict=True)
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
