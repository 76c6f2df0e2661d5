"""Retention: what is older than it may be is deleted, little by little, and the figures stay.

Spans, payloads, requests and what hangs on them go row by row; rollups stay much longer, so that sums, rates and
percentiles of days long gone are exact. Deleting takes the write lock for a moment at a time: on SQLite ingest waits
for it.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables import metadata
from db.tables.telemetry import application
from db.transaction import reading, writing
from genaiops_core import saved_settings
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.rollups import minutes, usage

ROWS_A_TRANSACTION = 2_000
"""Rows deleted at a time: some 50 ms on SQLite, within which others cannot write."""

RUN_INTERVAL = dt.timedelta(hours=1)
"""Between two scheduled runs, all workers together."""

_DUE_SETTING = "retention_due"
_DAY = dt.timedelta(days=1)
_DAY_NS = 86_400 * 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class RetentionPeriods:
    """For how many days what is kept; 0 is for ever."""

    payload_days: int = 30
    """Contents: attributes, events, messages, log records, replies of judges."""
    span_days: int = 90
    """Spans and requests, scores and feedback of single requests."""
    rollup_days: int = 400
    """Figures by minute, hour and day, and usage by user."""
    minute_days: int = 30
    """Figures by the minute; after that the hours they belong to stay."""

    def __post_init__(self) -> None:
        for name, days in vars(self).items():
            if days < 0:
                raise BadInput(f"{name} of the retention is {days}; give a number of days, or 0 for ever.")


@dataclass(frozen=True, kw_only=True)
class RetentionResult:
    """What one run deleted, or would have."""

    rows: Mapping[str, int]
    """By table; only those that lost any."""
    minutes_joined: int
    """Rows of figures by the minute that became part of their hour."""
    is_dry_run: bool
    seconds: float

    @property
    def total(self) -> int:
        return sum(self.rows.values())


@dataclass(frozen=True, kw_only=True)
class _Aged:
    """A table whose rows grow old, and the column that says when they happened."""

    table: str
    column: str
    keep: str
    """Field of `Keep`."""
    unit: str
    """What the column counts: ns, minute, hour or day since the Unix epoch, or an instant."""


_AGED = (
    _Aged(table="payload", column="start_ns", keep="payload_days", unit="ns"),
    _Aged(table="log_record", column="time_ns", keep="payload_days", unit="ns"),
    # Replies of judges, kept so that a run that goes on pays none twice; the scores made of them stay.
    _Aged(table="judge_call", column="called_at", keep="payload_days", unit="instant"),
    _Aged(table="score", column="start_ns", keep="span_days", unit="ns"),
    _Aged(table="review", column="start_ns", keep="span_days", unit="ns"),
    _Aged(table="sample", column="start_ns", keep="span_days", unit="ns"),
    _Aged(table="sample_waiting", column="waits_since", keep="span_days", unit="instant"),
    _Aged(table="feedback", column="received_at", keep="span_days", unit="instant"),
    _Aged(table="span", column="start_ns", keep="span_days", unit="ns"),
    _Aged(table="request", column="start_ns", keep="span_days", unit="ns"),
    # As long as the figures that its entries were counted in: an entry read again must still be known.
    _Aged(table="invocation_log", column="start_ns", keep="rollup_days", unit="ns"),
    _Aged(table="dirty_hour", column="hour", keep="rollup_days", unit="hour"),
    _Aged(table="usage_mark", column="day", keep="rollup_days", unit="day"),
    _Aged(table="rollup_minute", column="bucket", keep="rollup_days", unit="minute"),
    _Aged(table="rollup_hour", column="bucket", keep="rollup_days", unit="hour"),
    _Aged(table="rollup_day", column="bucket", keep="rollup_days", unit="day"),
    _Aged(table="score_rollup_hour", column="bucket", keep="rollup_days", unit="hour"),
    _Aged(table="sample_rollup_hour", column="bucket", keep="rollup_days", unit="hour"),
    _Aged(table="usage_user_day", column="day", keep="rollup_days", unit="day"),
)
"""Contents first and marks before what they mark, so that a run that is cut off leaves nothing half told."""

_PER_DAY = {"minute": 1440, "hour": 24, "day": 1}


def delete_expired(
    engine: sa.Engine,
    keep: RetentionPeriods,
    now: dt.datetime,
    *,
    is_dry_run: bool = False,
    is_stopping: Callable[[], bool] = lambda: False,
) -> RetentionResult:
    """Delete what is older than `keep` allows; safe beside ingest, beside itself, and after being killed.

    Age counts from when something happened, not from when it came: history that is imported may be too old at once.
    Whole days are kept: what happened on a day goes when the last of it is old enough.

    Args:
        engine: the database.
        keep: days by kind.
        now: the current instant, aware.
        is_dry_run: count only.
        is_stopping: asked between transactions; the rest is left to the next run.
    """
    began = time.perf_counter()
    rows: Counter[str] = Counter()
    if keep.span_days and not is_dry_run:
        usage.freeze_days(engine, _bound(now, keep.span_days, "day"), now)
    for aged in _AGED:
        days = _days(keep, aged.keep)
        if not days:
            continue
        table = metadata.tables[aged.table]
        bound = _bound(now, days, aged.unit)
        if is_dry_run:
            rows[aged.table] = _counted(engine, table, aged.column, bound)
        else:
            rows[aged.table] = _deleted(engine, table, aged.column, bound, is_stopping)
    joined = 0
    if keep.minute_days:
        bound = _bound(now, keep.minute_days, "minute")
        joined = minutes.join_minutes(engine, bound, is_dry_run=is_dry_run, is_stopping=is_stopping)
    return RetentionResult(
        rows={name: count for name, count in rows.items() if count},
        minutes_joined=joined,
        is_dry_run=is_dry_run,
        seconds=time.perf_counter() - began,
    )


def _days(keep: RetentionPeriods, name: str) -> int:
    days: int = getattr(keep, name)
    if name == "payload_days" and keep.span_days and (not days or days > keep.span_days):
        # A payload without its span could not be shown, and not be found to be deleted.
        return keep.span_days
    return days


def _bound(now: dt.datetime, days: int, unit: str) -> Any:
    """The first value that is kept."""
    today = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - days * _DAY
    if unit == "instant":
        return first
    day = (first - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // _DAY
    return day * _DAY_NS if unit == "ns" else day * _PER_DAY[unit]


def _scopes(engine: sa.Engine, table: sa.Table) -> list[list[sa.ColumnElement[bool]]]:
    """By application where there is one, because indexes and keys begin with it."""
    if "application" not in table.c:
        return [[]]
    with reading(engine) as connection:
        names = connection.scalars(sa.select(application.c.application)).all()
    return [[table.c.application == name] for name in sorted(names)]


def _counted(engine: sa.Engine, table: sa.Table, column: str, bound: Any) -> int:
    total = 0
    for scope in _scopes(engine, table):
        with reading(engine) as connection:
            query = sa.select(sa.func.count()).select_from(table).where(*scope, table.c[column] < bound)
            total += connection.scalar(query) or 0
    return total


def _deleted(
    engine: sa.Engine, table: sa.Table, column: str, bound: Any, is_stopping: Callable[[], bool]
) -> int:
    total = 0
    for scope in _scopes(engine, table):
        for condition in _portions(engine, table, scope, table.c[column], bound):
            if is_stopping():
                return total
            began = time.perf_counter()
            with writing(engine) as connection:
                total += connection.execute(sa.delete(table).where(*scope, condition)).rowcount
            # As long a pause as the lock was held, so that ingest gets at least half of the time.
            time.sleep(time.perf_counter() - began)
    return total


def _portions(
    engine: sa.Engine,
    table: sa.Table,
    scope: list[sa.ColumnElement[bool]],
    when: sa.ColumnElement[Any],
    bound: Any,
) -> Iterator[sa.ColumnElement[bool]]:
    """Conditions that together cover what is older than `bound`, each some `ROWS_A_TRANSACTION` rows."""
    while True:
        # Read outside of the writing transaction: looking for rows needs no lock.
        with reading(engine) as connection:
            old = (
                sa.select(when)
                .where(*scope, when < bound)
                .order_by(when)
                .offset(ROWS_A_TRANSACTION - 1)
                .limit(1)
            )
            last = connection.execute(old).scalar()
            if last is None:
                exists = sa.select(sa.exists(sa.select(when).where(*scope, when < bound)))
                if connection.scalar(exists):
                    yield when < bound
                return
        yield when <= last


def claim_run(engine: sa.Engine, now: dt.datetime) -> bool:
    """Whether a scheduled run is due; true for one caller only, and for the first time `EVERY` after installing.

    Whoever imports history has that long to see that it is older than it may be, and to change the settings.
    """
    with writing(engine) as connection:
        due = saved_settings.read(connection, _DUE_SETTING, lock=True)
        if due is not None and dt.datetime.fromisoformat(due["due_at"]) > now:
            return False
        # A second worker waits for the row and then finds it not due; the first time nobody runs.
        saved_settings.write(connection, _DUE_SETTING, {"due_at": (now + RUN_INTERVAL).isoformat()})
    return due is not None
