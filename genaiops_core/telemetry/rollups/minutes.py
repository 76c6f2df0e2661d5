"""Joins old minutes of an hour into one row with the same sums and histograms.

Minutes are joined and not deleted, because an hour may be closed again: a span that arrives a year late marks it dirty,
and closing recomputes the hour from its minutes. The joined row is one of them, so hours and days stay exact; only the
resolution below the hour is lost, and the first joined minute is recorded, so that reads extend their windows to hours.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from db import histogram
from db.tables.telemetry import ROLLUP_LATENCIES, ROLLUP_SUMS, rollup_minute
from db.transaction import reading, writing
from genaiops_core import saved_settings
from genaiops_core.telemetry.rollups import rollups

MINUTES_AN_HOUR = 60
HOURS_PER_TRANSACTION = 24

_JOINED_SETTING = "minutes_joined"

_c = rollup_minute.c
_DIMENSIONS = ("environment", "release", "model")


def join_minutes(
    engine: sa.Engine,
    bound: int,
    *,
    is_dry_run: bool = False,
    is_stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Join the minutes before `bound` (a minute since the Unix epoch, the first of an hour) into their hours.

    Returns:
        The number of rows saved, or that a real run would save.
    """
    if not is_dry_run:
        _record_bound(engine, bound)
    joined = 0
    for name, shard, hours in _find_split_hours(engine, bound):
        for first in range(0, len(hours), HOURS_PER_TRANSACTION):
            if is_stopping():
                return joined
            portion = hours[first : first + HOURS_PER_TRANSACTION]
            if is_dry_run:
                with reading(engine) as connection:
                    joined += sum(
                        map(_count_saved_rows, _fetch_cells(connection, name, shard, portion).values())
                    )
                continue
            start = time.perf_counter()
            with writing(engine) as connection:
                # Keeps writers of this shard from merging into a histogram that is about to move.
                rollups.lock_shard(connection, shard)
                # No mark for these hours: their sums and histograms stay the same.
                joined += _join_hours(connection, name, shard, portion)
            # Half of the time for ingest, which waits for the write lock on SQLite.
            time.sleep(time.perf_counter() - start)
    return joined


def fetch_joined_before(connection: sa.Connection) -> int:
    """The first minute that is not joined into its hour; hours before it may be joined."""
    joined = saved_settings.read(connection, _JOINED_SETTING)
    return int(joined["minute"]) if joined else 0


def _record_bound(engine: sa.Engine, bound: int) -> None:
    """Record the bound before the first hour is joined: a reader in between extends its window in vain, never too late."""
    with reading(engine) as connection:
        if bound <= fetch_joined_before(connection):
            return
    with writing(engine) as connection:
        # Another worker may have recorded a later bound; joined minutes never come back.
        recorded = saved_settings.claim(connection, _JOINED_SETTING)
        saved_settings.write(
            connection, _JOINED_SETTING, {"minute": max(bound, int(recorded.get("minute", 0)))}
        )


def _find_split_hours(engine: sa.Engine, bound: int) -> list[tuple[str, int, list[int]]]:
    """Find (application, shard, hours) with rows outside the first minute of the hour."""
    hour = (_c.bucket // sa.literal_column(str(MINUTES_AN_HOUR), sa.Integer)).label("hour")
    split: dict[tuple[str, int], list[int]] = defaultdict(list)
    with reading(engine) as connection:
        query = (
            sa.select(_c.application, _c.shard, hour)
            .where(_c.bucket < bound, _c.bucket % MINUTES_AN_HOUR != 0)
            .distinct()
        )
        for name, shard, number in connection.execute(query):
            split[name, shard].append(number)
    return [(name, shard, sorted(hours)) for (name, shard), hours in sorted(split.items())]


_Cell = tuple[int, str, str, str]
"""Hour, environment, release, model."""


def _fetch_cells(
    connection: sa.Connection, name: str, shard: int, hours: Sequence[int]
) -> dict[_Cell, list[sa.RowMapping]]:
    buckets = [hour * MINUTES_AN_HOUR + minute for hour in hours for minute in range(MINUTES_AN_HOUR)]
    rows = connection.execute(
        sa.select(rollup_minute).where(_c.application == name, _c.shard == shard, _c.bucket.in_(buckets))
    ).mappings()
    cells: dict[_Cell, list[sa.RowMapping]] = defaultdict(list)
    for row in rows:
        environment, release, model = (str(row[dimension]) for dimension in _DIMENSIONS)
        cells[row["bucket"] // MINUTES_AN_HOUR, environment, release, model].append(row)
    return cells


def _count_saved_rows(rows: Sequence[sa.RowMapping]) -> int:
    return len(rows) - 1


def _join_hours(connection: sa.Connection, name: str, shard: int, hours: Sequence[int]) -> int:
    cells = _fetch_cells(connection, name, shard, hours)
    if not cells:
        return 0
    buckets = {row["bucket"] for rows in cells.values() for row in rows}
    connection.execute(
        sa.delete(rollup_minute).where(
            _c.application == name, _c.shard == shard, _c.bucket.in_(sorted(buckets))
        )
    )
    connection.execute(
        sa.insert(rollup_minute),
        [
            {
                "application": name,
                "bucket": hour * MINUTES_AN_HOUR,
                "environment": environment,
                "release": release,
                "model": model,
                "shard": shard,
                **{column: sum(row[column] for row in rows) for column in ROLLUP_SUMS},
                **{column: histogram.merge([row[column] for row in rows]) for column in ROLLUP_LATENCIES},
            }
            for (hour, environment, release, model), rows in sorted(cells.items())
        ],
    )
    return sum(map(_count_saved_rows, cells.values()))
