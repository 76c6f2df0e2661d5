"""Usage per user and day: summed for ended days, read from the requests for the other days.

Code that changes requests marks their days in the same transaction (`mark_days`). Closing (`close_days`) deletes the
marks first and then sums, as `closing` does for hours and for the same reason: in every interleaving an ended day
without a mark is correct. A marked day is read from its requests, so reads are always exact.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.engine import is_sqlite
from db.tables.telemetry import USAGE_SUMS, request, usage_mark, usage_user_day
from db.transaction import insert, writing
from genaiops_core import saved_settings
from genaiops_core.telemetry.rollups.closing import try_lock
from genaiops_core.telemetry.rollups.plan import MINUTES_PER_DAY
from genaiops_core.telemetry.time_window import to_minute

DAY_NS = 86_400_000_000_000

GRACE = dt.timedelta(minutes=2)
"""How long a day stays open after its end, for late spans."""

_ADVISORY_LOCK = 0x6E61_4F72
"""Lock of the worker that closes days; differs from the numbers of hours and migrations."""

_FROZEN_SETTING = "usage_frozen"
"""Row of `saved_settings` with the first day whose requests retention has not deleted."""

_KEYS = ("environment", "release", "model", "user_id")
_TRACES_PER_STATEMENT = 500

Day = tuple[str, int]
"""An application and a day since the Unix epoch."""


def find_touched_days(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> set[Day]:
    """The days whose usage changes when `rows` are merged into `request`.

    A late root may move a request to another day: then the previous day is one of them.

    Args:
        connection: the writing transaction, before the rows are merged.
        rows: each with `application`, `trace_id` and `start_ns`.
    """
    days = {(row["application"], row["start_ns"] // DAY_NS) for row in rows}
    traces = sorted({row["trace_id"] for row in rows})
    day = (request.c.start_ns // sa.literal_column(str(DAY_NS), sa.BigInteger)).label("day")
    for start in range(0, len(traces), _TRACES_PER_STATEMENT):
        portion = traces[start : start + _TRACES_PER_STATEMENT]
        stored = connection.execute(
            sa.select(request.c.application, day).where(request.c.trace_id.in_(portion)).distinct()
        )
        days.update((application, int(number)) for application, number in stored)
    return days


def mark_days(connection: sa.Connection, days: Iterable[Day], shard: int) -> None:
    """Mark days whose requests have changed, in the transaction that changes them.

    Args:
        connection: the writing transaction.
        days: see `find_touched_days`.
        shard: number of this writer, so that writers do not wait for each other.
    """
    rows = [
        {"application": application, "day": day, "shard": shard, "marks": 1}
        for application, day in sorted(days)
    ]
    if not rows:
        return
    upsert = insert(connection, usage_mark)
    # An update, not "do nothing": it locks the mark against the job that deletes it.
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=list(usage_mark.primary_key), set_={"marks": usage_mark.c.marks + 1}
        ),
        rows,
    )


def close_days(engine: sa.Engine, now: dt.datetime) -> int:
    """Sum every marked day that ended more than `GRACE` ago, one day of one application per transaction.

    Safe while ingest writes and while other workers do the same.

    Returns:
        The number of days summed.
    """
    ended = find_open_day(now)
    closed = 0
    while True:
        with writing(engine) as connection:
            if not try_lock(connection, _ADVISORY_LOCK):
                return closed
            mark_of = usage_mark.c
            day = connection.execute(
                sa.select(mark_of.application, mark_of.day).where(mark_of.day < ended).limit(1)
            ).one_or_none()
            if day is None:
                return closed
            _take_marks(connection, day.application, day.day)
            # Retention has deleted the requests of a frozen day; another sum would lose its usage.
            if day.day >= fetch_frozen_before(connection):
                _sum_day(connection, day.application, day.day)
        closed += 1


def find_open_day(now: dt.datetime) -> int:
    """The first day that has not ended, in days since the Unix epoch."""
    return to_minute(now - GRACE) // MINUTES_PER_DAY


def fetch_marked_days(connection: sa.Connection, first: int, last: int, application: str | None) -> list[Day]:
    """The marked days of [first, last)."""
    marks = usage_mark.c
    first = max(first, fetch_frozen_before(connection))
    query = sa.select(marks.application, marks.day).where(marks.day >= first, marks.day < last).distinct()
    if application is not None:
        query = query.where(marks.application == application)
    return [(row.application, row.day) for row in connection.execute(query)]


def freeze_days(engine: sa.Engine, day: int, now: dt.datetime) -> None:
    """Sum every day before `day` for the last time: their requests are about to be deleted.

    Later changes of such a day are ignored, because its requests are gone.
    """
    close_days(engine, now)
    with writing(engine) as connection:
        # A span between the two transactions is ignored, as a later one is.
        if day > fetch_frozen_before(connection):
            saved_settings.write(connection, _FROZEN_SETTING, {"day": day})


def fetch_frozen_before(connection: sa.Connection) -> int:
    """The first day whose requests are all stored; see `freeze_days`."""
    frozen = saved_settings.read(connection, _FROZEN_SETTING)
    return int(frozen["day"]) if frozen else 0


def build_request_sums() -> list[sa.ColumnElement[int]]:
    """SQL sums of `USAGE_SUMS` over rows of `request`; calls count at once, a request once its entry span arrived."""
    has_entry = request.c.duration_ns.is_not(None)
    failed, internal = sa.and_(has_entry, request.c.is_error), sa.and_(has_entry, request.c.is_internal)
    counted = {
        name: sa.case((condition, 1), else_=0)
        for name, condition in (
            ("requests", has_entry),
            ("request_errors", failed),
            ("internal_requests", internal),
            ("internal_request_errors", sa.and_(failed, request.c.is_internal)),
        )
    }
    return [
        sa.cast(sa.func.sum(counted.get(name, request.c.get(name))), sa.BigInteger).label(name)
        for name in USAGE_SUMS
    ]


def _take_marks(connection: sa.Connection, application: str, day: int) -> None:
    of_day = sa.and_(usage_mark.c.application == application, usage_mark.c.day == day)
    if not is_sqlite(connection):
        # Lock in the order in which ingest upserts marks, so that the two cannot deadlock.
        connection.execute(
            sa.select(usage_mark.c.shard).where(of_day).order_by(usage_mark.c.shard).with_for_update()
        )
    connection.execute(usage_mark.delete().where(of_day))


def _sum_day(connection: sa.Connection, application: str, day: int) -> None:
    usage = usage_user_day.c
    connection.execute(usage_user_day.delete().where(usage.application == application, usage.day == day))
    keys = [request.c[name] for name in _KEYS]
    sums = (
        sa.select(request.c.application, sa.literal(day, sa.Integer), *keys, *build_request_sums())
        .where(
            request.c.application == application,
            request.c.start_ns >= day * DAY_NS,
            request.c.start_ns < (day + 1) * DAY_NS,
        )
        .group_by(request.c.application, *keys)
    )
    connection.execute(usage_user_day.insert().from_select(["application", "day", *_KEYS, *USAGE_SUMS], sums))
