"""The figures of a window as a whole, and broken down by dimension and time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.telemetry import ROLLUP_SUMS, request
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.figures import Figures, build_figures
from genaiops_core.telemetry.rollups.cells import DIMENSIONS, Key, fetch_effective_window, read_cells
from genaiops_core.telemetry.rollups.plan import MINUTES_PER_DAY, MINUTES_PER_HOUR
from genaiops_core.telemetry.time_window import Filters, from_minute
from genaiops_core.telemetry.traffic import calendar
from genaiops_core.telemetry.traffic.calendar import PERIODS
from genaiops_core.telemetry.traffic.user_breakdown import USER_DIMENSIONS, read_figures_by_user

TIME_DIMENSIONS: Mapping[str, int] = {"day": MINUTES_PER_DAY, "hour": MINUTES_PER_HOUR}
"""Periods of UTC that rollups have, in minutes."""
BREAKDOWNS = (*DIMENSIONS, *PERIODS, *USER_DIMENSIONS)
"""Dimensions of a breakdown."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a breakdown."""

    keys: Mapping[str, str | None]
    """Value by dimension, in the order of `by`; None for a missing value. Days are written as 2026-01-05, weeks as their
    Monday, hours as 2026-01-05T14:00:00Z, with an offset in other time zones."""
    figures: Figures


def read_summary(connection: sa.Connection, filters: Filters) -> Figures:
    """The figures of the whole window; all zero and unknown when there was no traffic."""
    cells = read_cells(connection, filters)
    return cells.get((), build_zero_figures(by_model=filters.model is not None))


def count_incomplete(connection: sa.Connection, filters: Filters) -> int:
    """Requests of the window without an entry span so far; after the grace time they count as rootless requests."""
    dimensions = filters.dimensions | (
        {} if filters.application is None else {"application": filters.application}
    )
    query = sa.select(sa.func.count()).where(
        request.c.open_since_ns.is_not(None),
        request.c.duration_ns.is_(None),
        request.c.start_ns >= filters.start_ns,
        request.c.start_ns < filters.end_ns,
        *[request.c[name] == value for name, value in dimensions.items()],
    )
    return connection.scalar(query) or 0


def build_zero_figures(*, by_model: bool = False) -> Figures:
    """The figures of a window without traffic."""
    return build_figures(dict.fromkeys(ROLLUP_SUMS, 0), by_model=by_model)


def read_breakdown(
    connection: sa.Connection,
    filters: Filters,
    by: Sequence[str] = ("model", "day"),
    *,
    time_zone: str = calendar.UTC,
) -> list[Row]:
    """The figures of the window, one row for each combination of `by` that had traffic, in order of the keys.

    By model, calls of an unknown model have a row of their own (None). Requests whose root span is no model call
    belong to no model. The rows of a breakdown by model therefore add up to the calls, tokens and cost of the summary,
    but not to its requests.

    Args:
        connection: best a `reading` snapshot.
        filters: the window and the dimensions.
        by: one or more of `BREAKDOWNS`; at most one of hour, day and week. `user` and `session` combine only with each
            other and with application. They read request rows instead of rollups, so their time grows with the traffic.
        time_zone: IANA name of the zone whose hours, days and weeks are meant. Where its hours begin at half past, the
            minutes around midnight are read, which retention joins into hours of UTC.

    Raises:
        BadInput: `by` is empty, has a duplicate, or has an unknown dimension; or the time zone is unknown.
    """
    _check_dimensions(by)
    zone = calendar.find_zone(time_zone)
    if any(name in USER_DIMENSIONS for name in by):
        cells = read_figures_by_user(connection, filters, by)
        return _sort_by_keys(
            [Row(keys=_build_keys(by, key), figures=cell_figures) for key, cell_figures in cells.items()]
        )
    times = [name for name in by if name in PERIODS]
    dimensions = [name for name in by if name in DIMENSIONS]
    rows = []
    for key, cell_figures in _read_periods(connection, filters, times, dimensions, zone):
        values_by_name = dict(zip([*times, *dimensions], key, strict=True))
        if values_by_name.get("model") == "" and not cell_figures.calls:
            continue
        rows.append(Row(keys=_build_keys(by, [values_by_name[name] for name in by]), figures=cell_figures))
    return _sort_by_keys(rows)


def _read_periods(
    connection: sa.Connection,
    filters: Filters,
    times: Sequence[str],
    dimensions: Sequence[str],
    zone: dt.tzinfo,
) -> Iterator[tuple[Key, Figures]]:
    """The figures by period and `dimensions`: in one read where rollups have the periods, else period by period."""
    step = TIME_DIMENSIONS.get(times[0]) if times and zone is dt.UTC else None
    if step is not None or not times:
        yield from read_cells(connection, filters, dimensions=dimensions, step_minutes=step).items()
        return
    window = fetch_effective_window(connection, filters)
    for name, part in calendar.split_window(window, times[0], zone):
        for key, cell_figures in read_cells(connection, part, dimensions=dimensions, is_part=True).items():
            yield (name, *key), cell_figures


def _check_dimensions(by: Sequence[str]) -> None:
    unknown = [name for name in by if name not in BREAKDOWNS]
    if unknown or not by:
        raise BadInput(
            f"Cannot break down by '{','.join(unknown)}'; use one or more of {', '.join(BREAKDOWNS)}."
        )
    if len(set(by)) < len(by) or len(set(by) & set(PERIODS)) > 1:
        raise BadInput("Use each dimension of a breakdown once, and one of hour, day and week.")
    if set(by) & set(USER_DIMENSIONS) and not set(by) <= {"application", *USER_DIMENSIONS}:
        raise BadInput(
            "A breakdown by user or session combines with application only; remove the other dimensions."
        )


def _build_keys(by: Sequence[str], values: Sequence[str | int]) -> dict[str, str | None]:
    return {name: _format_key(name, value) for name, value in zip(by, values, strict=True)}


def _format_key(name: str, value: str | int) -> str | None:
    if isinstance(value, int):
        return _format_time(from_minute(value * TIME_DIMENSIONS[name]), name)
    return value or None


def _format_time(instant: dt.datetime, name: str) -> str:
    return instant.strftime("%Y-%m-%d" if name == "day" else "%Y-%m-%dT%H:%M:%SZ")


def _sort_by_keys(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: [(value is None, value or "") for value in row.keys.values()])
