"""Retention: deletes expired data in small portions and keeps the figures.

Spans, payloads, requests and the rows that belong to them are deleted row by row. Rollups have a longer period, so that
sums, rates and percentiles of old days stay exact. Each portion holds the write lock for a short time, because ingest
on SQLite waits for it.
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

ROWS_PER_TRANSACTION = 2_000
"""Rows deleted per transaction: about 50 ms on SQLite, in which no other writer can write."""

RUN_INTERVAL = dt.timedelta(hours=1)
"""Interval between two scheduled runs of all workers together."""

_DUE_SETTING = "retention_due"
_DAY = dt.timedelta(days=1)
_DAY_NS = 86_400 * 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class RetentionPeriods:
    """Retention periods in days; 0 = keep forever."""

    payload_days: int = 30
    """Contents: attributes, events, messages, log records, answers of judges."""
    span_days: int = 90
    """Spans and requests, scores and feedback of single requests."""
    rollup_days: int = 400
    """Rollups by minute, hour and day, and usage by user."""
    minute_days: int = 30
    """Rollups by minute; after this period the rollups by hour remain."""

    def __post_init__(self) -> None:
        for name, days in vars(self).items():
            if days < 0:
                raise BadInput(
                    f"{name} of the retention is {days}; use a number of days, or 0 = keep forever."
                )


@dataclass(frozen=True, kw_only=True)
class RetentionResult:
    """The rows that one run deleted, or would delete in a dry run."""

    rows: Mapping[str, int]
    """Deleted rows by table; tables without any are absent."""
    minutes_joined: int
    """Rollup rows by minute that were merged into their hour."""
    is_dry_run: bool
    seconds: float

    @property
    def total(self) -> int:
        return sum(self.rows.values())


@dataclass(frozen=True, kw_only=True)
class _ExpiringTable:
    """A table whose rows expire, and the column with their time."""

    table: str
    column: str
    period: str
    """Field of `RetentionPeriods`."""
    unit: str
    """Unit of the column: ns, minute, hour or day since the Unix epoch, or instant for a timestamp."""


_EXPIRING_TABLES = (
    _ExpiringTable(table="payload", column="start_ns", period="payload_days", unit="ns"),
    _ExpiringTable(table="log_record", column="time_ns", period="payload_days", unit="ns"),
    # Answers of judges, stored so that a resumed run pays for no call twice; their scores have a longer period.
    _ExpiringTable(table="judge_call", column="called_at", period="payload_days", unit="instant"),
    _ExpiringTable(table="score", column="start_ns", period="span_days", unit="ns"),
    _ExpiringTable(table="review", column="start_ns", period="span_days", unit="ns"),
    _ExpiringTable(table="sample", column="start_ns", period="span_days", unit="ns"),
    _ExpiringTable(table="sample_waiting", column="waits_since", period="span_days", unit="instant"),
    _ExpiringTable(table="feedback", column="received_at", period="span_days", unit="instant"),
    _ExpiringTable(table="span", column="start_ns", period="span_days", unit="ns"),
    _ExpiringTable(table="request", column="start_ns", period="span_days", unit="ns"),
    # As long as the rollups that include its entries: an entry that is imported again must still be recognised.
    _ExpiringTable(table="invocation_log", column="start_ns", period="rollup_days", unit="ns"),
    _ExpiringTable(table="dirty_hour", column="hour", period="rollup_days", unit="hour"),
    _ExpiringTable(table="usage_mark", column="day", period="rollup_days", unit="day"),
    _ExpiringTable(table="rollup_minute", column="bucket", period="rollup_days", unit="minute"),
    _ExpiringTable(table="rollup_hour", column="bucket", period="rollup_days", unit="hour"),
    _ExpiringTable(table="rollup_day", column="bucket", period="rollup_days", unit="day"),
    _ExpiringTable(table="score_rollup_hour", column="bucket", period="rollup_days", unit="hour"),
    _ExpiringTable(table="sample_rollup_hour", column="bucket", period="rollup_days", unit="hour"),
    _ExpiringTable(table="usage_user_day", column="day", period="rollup_days", unit="day"),
)
"""Contents before their spans and marks before the rows they refer to, so that an interrupted run leaves no row that
refers to a deleted one."""

_UNITS_PER_DAY = {"minute": 1440, "hour": 24, "day": 1}


def delete_expired(
    engine: sa.Engine,
    periods: RetentionPeriods,
    now: dt.datetime,
    *,
    is_dry_run: bool = False,
    is_stopping: Callable[[], bool] = lambda: False,
) -> RetentionResult:
    """Delete expired data. Safe during ingest, in concurrent runs, and after an interruption.

    Age counts from the time of the event and not from its arrival, so imported history may expire at once. Only whole
    days (UTC) expire.

    Args:
        engine: the database.
        periods: retention periods.
        now: the current time, aware.
        is_dry_run: count the rows and delete nothing.
        is_stopping: called between transactions; when true, the run ends and the next run deletes the rest.
    """
    started = time.perf_counter()
    rows: Counter[str] = Counter()
    if periods.span_days and not is_dry_run:
        # Before the requests are deleted, from which the usage of these days is summed.
        usage.freeze_days(engine, _find_cutoff(now, periods.span_days, "day"), now)
    for expiring in _EXPIRING_TABLES:
        days = _find_days(periods, expiring.period)
        if not days:
            continue
        table = metadata.tables[expiring.table]
        cutoff = _find_cutoff(now, days, expiring.unit)
        if is_dry_run:
            rows[expiring.table] = _count_expired(engine, table, expiring.column, cutoff)
        else:
            rows[expiring.table] = _delete_expired_rows(engine, table, expiring.column, cutoff, is_stopping)
    minutes_joined = 0
    if periods.minute_days:
        cutoff = _find_cutoff(now, periods.minute_days, "minute")
        minutes_joined = minutes.join_minutes(engine, cutoff, is_dry_run=is_dry_run, is_stopping=is_stopping)
    return RetentionResult(
        rows={name: count for name, count in rows.items() if count},
        minutes_joined=minutes_joined,
        is_dry_run=is_dry_run,
        seconds=time.perf_counter() - started,
    )


def _find_days(periods: RetentionPeriods, name: str) -> int:
    days: int = getattr(periods, name)
    if name == "payload_days" and periods.span_days and (not days or days > periods.span_days):
        # A payload without its span could neither be shown nor be found by the deletion of a user.
        return periods.span_days
    return days


def _find_cutoff(now: dt.datetime, days: int, unit: str) -> Any:
    """The first value of the column that does not expire, in `unit`."""
    today = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - days * _DAY
    if unit == "instant":
        return first
    day = (first - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // _DAY
    return day * _DAY_NS if unit == "ns" else day * _UNITS_PER_DAY[unit]


def _list_scopes(engine: sa.Engine, table: sa.Table) -> list[list[sa.ColumnElement[bool]]]:
    """One condition per application when the table has that column, because its indexes begin with it."""
    if "application" not in table.c:
        return [[]]
    with reading(engine) as connection:
        names = connection.scalars(sa.select(application.c.application)).all()
    return [[table.c.application == name] for name in sorted(names)]


def _count_expired(engine: sa.Engine, table: sa.Table, column: str, cutoff: Any) -> int:
    total = 0
    for scope in _list_scopes(engine, table):
        with reading(engine) as connection:
            query = sa.select(sa.func.count()).select_from(table).where(*scope, table.c[column] < cutoff)
            total += connection.scalar(query) or 0
    return total


def _delete_expired_rows(
    engine: sa.Engine, table: sa.Table, column: str, cutoff: Any, is_stopping: Callable[[], bool]
) -> int:
    total = 0
    for scope in _list_scopes(engine, table):
        for condition in _split_into_portions(engine, table, scope, table.c[column], cutoff):
            if is_stopping():
                return total
            started = time.perf_counter()
            with writing(engine) as connection:
                total += connection.execute(sa.delete(table).where(*scope, condition)).rowcount
            # Pause as long as the lock was held, so that ingest gets at least half of the time.
            time.sleep(time.perf_counter() - started)
    return total


def _split_into_portions(
    engine: sa.Engine,
    table: sa.Table,
    scope: list[sa.ColumnElement[bool]],
    time_column: sa.ColumnElement[Any],
    cutoff: Any,
) -> Iterator[sa.ColumnElement[bool]]:
    """Conditions that together match every row older than `cutoff`, each about `ROWS_PER_TRANSACTION` rows."""
    while True:
        # Read outside of the writing transaction, because the search for rows needs no lock.
        with reading(engine) as connection:
            old = (
                sa.select(time_column)
                .where(*scope, time_column < cutoff)
                .order_by(time_column)
                .offset(ROWS_PER_TRANSACTION - 1)
                .limit(1)
            )
            last = connection.execute(old).scalar()
            if last is None:
                exists = sa.select(sa.exists(sa.select(time_column).where(*scope, time_column < cutoff)))
                if connection.scalar(exists):
                    yield time_column < cutoff
                return
        yield time_column <= last


def claim_run(engine: sa.Engine, now: dt.datetime) -> bool:
    """Whether a scheduled run is due: true for one caller per `RUN_INTERVAL`, and never before the first one has passed.

    An operator who imports history into a new installation thus has time to change the settings before it expires.
    """
    with writing(engine) as connection:
        due = saved_settings.read(connection, _DUE_SETTING, lock=True)
        if due is not None and dt.datetime.fromisoformat(due["due_at"]) > now:
            return False
        # A second worker waits for the row lock and then reads that the run is not due.
        saved_settings.write(connection, _DUE_SETTING, {"due_at": (now + RUN_INTERVAL).isoformat()})
    return due is not None
