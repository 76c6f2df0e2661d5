"""The first and the last minute of a window that begins or ends inside a minute, from rows of spans.

Rollups count by minute. Of a minute that a window cuts, the spans outside of the window are counted like ingest counts
them and subtracted from the cells of the whole minute, so figures are exact to the nanosecond.

The rows answer only where they are complete: counted together they must equal the cells of their minute. They differ
after retention or the deletion of a user has deleted spans; then the window is extended to the whole minute. Minutes
that retention has joined into hours extend it to whole hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from db.tables.telemetry import ROLLUP_SUMS, rollup_minute, span
from genaiops_core.telemetry.counting import COUNTED_COLUMNS, CountedSpan
from genaiops_core.telemetry.rollups import minutes
from genaiops_core.telemetry.rollups.plan import MINUTES_PER_HOUR
from genaiops_core.telemetry.rollups.rollups import MINUTE_NS, Cell, Key, build_cells
from genaiops_core.telemetry.time_window import Filters, from_minute

_COLUMNS = tuple(span.c[name] for name in COUNTED_COLUMNS)
_KEYS = ("application", "bucket", "environment", "release", "model")
_LAST_MINUTE = 2**63 // MINUTE_NS
"""Spans have no later minute."""


@dataclass(frozen=True, kw_only=True)
class Edges:
    """The window that rollups and rows can answer, and what its first and last minute have outside of it."""

    window: Filters
    outside: Mapping[Key, Cell]
    """To subtract from the cells of the minutes [`window.start_minute`, `window.end_minute`)."""


def extend_over_joined_hours(connection: sa.Connection, filters: Filters) -> Filters:
    """Extend a window that begins or ends inside an hour whose minutes are joined; other windows stay as they are."""
    start, end = filters.start_minute, filters.end_minute
    starts_on_hour = filters.starts_on_minute and start % MINUTES_PER_HOUR == 0
    ends_on_hour = filters.ends_on_minute and end % MINUTES_PER_HOUR == 0
    if starts_on_hour and ends_on_hour:
        return filters
    joined_before = minutes.fetch_joined_before(connection)
    window = filters
    if not starts_on_hour and start < joined_before:
        window = replace(window, start=from_minute(start // MINUTES_PER_HOUR * MINUTES_PER_HOUR))
    if not ends_on_hour and end <= joined_before:
        window = replace(window, end=from_minute(-(-end // MINUTES_PER_HOUR) * MINUTES_PER_HOUR))
    return window


def read_edges(connection: sa.Connection, filters: Filters, applications: Sequence[str]) -> Edges:
    """Read the minutes that the window cuts, and extend the window over those whose rows are incomplete.

    Args:
        connection: a `reading` snapshot, or rows and cells may differ because of a write between two statements.
        filters: the window and its dimensions.
        applications: the applications whose figures are read.
    """
    cut = sorted(set(_list_cut_minutes(filters)))
    if not cut:
        return Edges(window=filters, outside={})
    spans = [stored for minute in cut for stored in _fetch_spans(connection, minute, applications)]
    incomplete = _find_incomplete_minutes(connection, filters, cut, applications, spans)
    start, end = filters.start, filters.end
    if filters.start_minute in incomplete:
        start = from_minute(filters.start_minute)
    if filters.end_minute - 1 in incomplete:
        end = from_minute(filters.end_minute)
    window = replace(filters, start=start, end=end)
    outside = build_cells(
        stored for stored in spans if not window.start_ns <= stored.start_ns < window.end_ns
    )
    return Edges(window=window, outside=_select_cells(outside, filters))


def _list_cut_minutes(filters: Filters) -> Iterator[int]:
    if not filters.starts_on_minute and filters.start_minute < _LAST_MINUTE:
        yield filters.start_minute
    if not filters.ends_on_minute and 0 < filters.end_minute <= _LAST_MINUTE:
        yield filters.end_minute - 1


def _fetch_spans(
    connection: sa.Connection, minute: int, applications: Sequence[str]
) -> Iterator[CountedSpan]:
    """The spans of one minute that count as a request or a call."""
    rows = connection.execute(
        sa.select(*_COLUMNS).where(
            span.c.application.in_(applications),
            span.c.start_ns >= minute * MINUTE_NS,
            span.c.start_ns < min((minute + 1) * MINUTE_NS, 2**63 - 1),
            sa.or_(span.c.is_request, span.c.is_call),
        )
    )
    return (CountedSpan(*row) for row in rows)


def _find_incomplete_minutes(
    connection: sa.Connection,
    filters: Filters,
    cut: Sequence[int],
    applications: Sequence[str],
    spans: Sequence[CountedSpan],
) -> set[int]:
    """The minutes whose cells differ from the sums of their rows."""
    columns = rollup_minute.c
    keys = [columns[name] for name in _KEYS]
    rows = connection.execute(
        sa.select(*keys, *[sa.func.sum(columns[name]) for name in ROLLUP_SUMS])
        .where(
            columns.application.in_(applications),
            columns.bucket.in_(cut),
            *[columns[name] == value for name, value in filters.dimensions.items()],
        )
        .group_by(*keys)
    ).all()
    # PostgreSQL sums bigint to numeric. A cell is empty where one writer subtracted what another had added.
    stored = {
        tuple(row[: len(keys)]): tuple(map(int, row[len(keys) :])) for row in rows if any(row[len(keys) :])
    }
    counted = {
        key: tuple(cell.sums[name] for name in ROLLUP_SUMS)
        for key, cell in _select_cells(build_cells(spans), filters).items()
    }
    return {key[1] for key in stored.keys() | counted.keys() if stored.get(key) != counted.get(key)}


def _select_cells(cells: Mapping[Key, Cell], filters: Filters) -> dict[Key, Cell]:
    """The cells with the dimensions of the window."""
    wanted = {_KEYS.index(name): value for name, value in filters.dimensions.items()}
    return {
        key: cell
        for key, cell in cells.items()
        if all(key[position] == value for position, value in wanted.items())
    }
