"""Reads the rollup cells of a plan, corrects the minutes that the window cuts, and sums them by any grouping."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db import histogram
from db.tables.telemetry import (
    ROLLUP_LATENCIES,
    ROLLUP_SUMS,
    application,
    dirty_hour,
    rollup_day,
    rollup_hour,
    rollup_minute,
)
from genaiops_core.telemetry.figures import NO_LATENCY, QUANTILES, Figures, build_figures, to_percentiles_ms
from genaiops_core.telemetry.rollups import edges
from genaiops_core.telemetry.rollups.plan import MINUTES_PER_DAY, MINUTES_PER_HOUR, Plan, Range, make_plan
from genaiops_core.telemetry.rollups.rollups import Cell
from genaiops_core.telemetry.rollups.rollups import Key as CellKey
from genaiops_core.telemetry.time_window import LAST_MINUTE, Filters, from_minute

DIMENSIONS = ("application", "environment", "release", "model")
"""The keys of rollups, apart from time."""

_RANGES_PER_STATEMENT = 40

Key = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class RollupRanges:
    """Part of a plan: one rollup and, for the applications that share them, ranges of its buckets."""

    table: sa.Table
    minutes: int
    """Length of a bucket."""
    parts: tuple[tuple[tuple[str, ...], Range], ...]


def read_cells(
    connection: sa.Connection,
    filters: Filters,
    *,
    dimensions: Sequence[str] = (),
    step_minutes: int | None = None,
    latency: bool = True,
    is_part: bool = False,
) -> dict[Key, Figures]:
    """The figures of a window, grouped.

    Args:
        connection: preferably a `reading` snapshot, so that marks and cells are consistent.
        filters: the window and its dimension filters.
        dimensions: any of `DIMENSIONS`.
        step_minutes: group by time too: the key then starts with the number of steps since the Unix epoch.
        latency: whether to read percentiles; without them all are None and the read is quicker.
        is_part: whether this is one of several windows that together are one. Joined hours then do not extend it,
            because two parts would count them; each belongs to the part with its first minute.

    Returns:
        Figures by key, in no order: the step if `step_minutes` is set, then a value for each dimension ('' where
        unknown).
    """
    sums: dict[Key, list[int]] = {}
    answer = _read_edges(connection, filters, is_part=is_part)
    filters, outside = answer.window, answer.outside
    sources = list(_plan_sources(connection, filters, step_minutes))
    for source in sources:
        for statement in _build_statements(source, filters, dimensions, step_minutes, blobs=False):
            for row in connection.execute(statement):
                key, values = tuple(row[: -len(ROLLUP_SUMS)]), row[-len(ROLLUP_SUMS) :]
                current = sums.get(key)
                # PostgreSQL sums bigint to numeric.
                sums[key] = (
                    [int(value) for value in values] if current is None else _add_sums(current, values)
                )
    for cell_key, cell in outside.items():
        key = _group_key(cell_key, dimensions, step_minutes)
        sums[key] = _add_sums(sums[key], [-cell.sums[name] for name in ROLLUP_SUMS])
    keys = list(sums)
    latencies = [(NO_LATENCY, NO_LATENCY)] * len(keys)
    if latency:
        latencies = _read_latencies(connection, sources, filters, dimensions, step_minutes, keys, outside)
    by_model = filters.model is not None or "model" in dimensions
    named_sums = {key: dict(zip(ROLLUP_SUMS, values, strict=True)) for key, values in sums.items()}
    if is_total(filters, dimensions):
        for sums_by_name in named_sums.values():
            subtract_internal(sums_by_name)
    return {
        key: build_figures(
            named_sums[key],
            by_model=by_model,
            latency_ms=request_ms,
            call_latency_ms=call_ms,
        )
        for key, (request_ms, call_ms) in zip(keys, latencies, strict=True)
        # A cell is empty where one writer subtracted what another had added, or all its spans are outside.
        if any(sums[key])
    }


def fetch_effective_window(connection: sa.Connection, filters: Filters) -> Filters:
    """The window whose figures `read_cells` gives: the same one, or longer where minutes or spans are deleted."""
    return _read_edges(connection, filters).window


def fetch_applications(connection: sa.Connection) -> list[str]:
    """Every application that ever sent a span, sorted by name."""
    return list(connection.scalars(sa.select(application.c.application).order_by(application.c.application)))


def fetch_dimension_values(connection: sa.Connection, name: str | None) -> set[tuple[str, ...]]:
    """Every combination of `DIMENSIONS` with traffic, of one application or of all."""
    ever = Filters(start=from_minute(0), end=from_minute(LAST_MINUTE), application=name)
    rows: set[tuple[str, ...]] = set()
    for source in _plan_sources(connection, ever, None):
        columns = [source.table.c[dimension] for dimension in DIMENSIONS]
        for ranges in _build_range_conditions(source):
            rows.update(
                tuple(row) for row in connection.execute(sa.select(*columns).where(ranges).distinct())
            )
    return rows


def is_total(filters: Filters, dimensions: Sequence[str] = ()) -> bool:
    """Whether figures are of all applications together; a release belongs to one of them."""
    names = {"application", "release"}
    return filters.application is None and filters.release is None and not names & {*dimensions}


def subtract_internal(sums: dict[str, int]) -> None:
    """Subtract the internal requests, which the figures of all applications together count with their callers."""
    sums["requests"] -= sums["internal_requests"]
    sums["request_errors"] -= sums["internal_request_errors"]


def _add_sums(current: Sequence[int], values: Sequence[int]) -> list[int]:
    return [total + int(value) for total, value in zip(current, values, strict=True)]


def _read_edges(connection: sa.Connection, filters: Filters, *, is_part: bool = False) -> edges.Edges:
    if not is_part:
        filters = edges.extend_over_joined_hours(connection, filters)
    # Windows of whole minutes, nearly all, need no list of applications either.
    if filters.starts_on_minute and filters.ends_on_minute:
        return edges.Edges(window=filters, outside={})
    return edges.read_edges(connection, filters, _list_applications(connection, filters))


def _list_applications(connection: sa.Connection, filters: Filters) -> list[str]:
    return [filters.application] if filters.application is not None else fetch_applications(connection)


def _group_key(cell: CellKey, dimensions: Sequence[str], step_minutes: int | None) -> Key:
    """The key of `read_cells` that a cell by minute belongs to."""
    application, minute, environment, release, model = cell
    values = dict(zip(DIMENSIONS, (application, environment, release, model), strict=True))
    key = tuple(values[name] for name in dimensions)
    return key if step_minutes is None else (minute // step_minutes, *key)


def _plan_sources(
    connection: sa.Connection, filters: Filters, step_minutes: int | None
) -> Iterator[RollupRanges]:
    """Plan the reads of all applications; equal ranges of several applications are read together."""
    names = _list_applications(connection, filters)
    shared: dict[str, dict[Range, list[str]]] = {
        field: defaultdict(list) for field in ("days", "hours", "minutes")
    }
    for name, plan in _make_plans(connection, names, filters, step_minutes):
        for field, ranges in shared.items():
            for bounds in getattr(plan, field):
                ranges[bounds].append(name)
    for field, table, minutes in (
        ("days", rollup_day, MINUTES_PER_DAY),
        ("hours", rollup_hour, MINUTES_PER_HOUR),
        ("minutes", rollup_minute, 1),
    ):
        parts = tuple((tuple(owners), bounds) for bounds, owners in shared[field].items())
        if parts:
            yield RollupRanges(table=table, minutes=minutes, parts=parts)


def _make_plans(
    connection: sa.Connection, names: Sequence[str], filters: Filters, step_minutes: int | None
) -> Iterator[tuple[str, Plan]]:
    """Plan the reads of each application, given its dirty hours."""
    # From the start of the first day to the end of the last: a dirty hour outside the window makes its day dirty.
    first, last = filters.start_minute // MINUTES_PER_DAY * 24, -(-filters.end_minute // MINUTES_PER_DAY) * 24
    marks: dict[str, list[int]] = {name: [] for name in names}
    rows = connection.execute(
        sa.select(dirty_hour.c.application, dirty_hour.c.hour)
        .where(dirty_hour.c.application.in_(names), dirty_hour.c.hour >= first, dirty_hour.c.hour < last)
        .distinct()
    )
    for name, hour in rows:
        marks[name].append(hour)
    for name, hours in marks.items():
        yield name, make_plan(filters.start_minute, filters.end_minute, hours, step_minutes=step_minutes)


def _build_statements(
    source: RollupRanges,
    filters: Filters,
    dimensions: Sequence[str],
    step_minutes: int | None,
    *,
    blobs: bool,
) -> Iterator[sa.Select[*tuple[Any, ...]]]:
    """Selects of the keys with either the sums (grouped) or the histograms (a row a cell)."""
    table = source.table
    keys: list[sa.ColumnElement[Any]] = [table.c[name] for name in dimensions]
    if step_minutes is not None:
        # A literal divisor: as a bound value it would differ between SELECT and GROUP BY.
        divisor = sa.literal_column(str(step_minutes // source.minutes), sa.Integer)
        keys.insert(0, table.c.bucket // divisor)
    conditions = [table.c[name] == value for name, value in filters.dimensions.items()]
    for ranges in _build_range_conditions(source):
        if blobs:
            yield sa.select(*keys, *[table.c[name] for name in ROLLUP_LATENCIES]).where(ranges, *conditions)
        else:
            added = [sa.func.sum(table.c[name]) for name in ROLLUP_SUMS]
            # Without keys SUM answers one row of NULLs for no cells at all; HAVING drops it.
            yield (
                sa.select(*keys, *added)
                .where(ranges, *conditions)
                .group_by(*keys)
                .having(sa.func.count() > 0)
            )


def _build_range_conditions(source: RollupRanges) -> Iterator[sa.ColumnElement[bool]]:
    """The ranges of a source as conditions, a bounded number to a statement."""
    columns = source.table.c
    for start in range(0, len(source.parts), _RANGES_PER_STATEMENT):
        yield sa.or_(
            *[
                sa.and_(columns.application.in_(names), columns.bucket >= first, columns.bucket < last)
                for names, (first, last) in source.parts[start : start + _RANGES_PER_STATEMENT]
            ]
        )


def _read_latencies(
    connection: sa.Connection,
    sources: Sequence[RollupRanges],
    filters: Filters,
    dimensions: Sequence[str],
    step_minutes: int | None,
    keys: Sequence[Key],
    outside: Mapping[CellKey, Cell],
) -> list[tuple[Mapping[str, float | None], Mapping[str, float | None]]]:
    """Percentiles of requests and of calls for each of `keys`."""
    index = {key: position for position, key in enumerate(keys)}
    groups: list[int] = []
    external: list[bytes] = []
    internal: list[bytes] = []
    calls: list[bytes] = []
    # The same statements as for the sums, so every key of a histogram is in `index`.
    for source in sources:
        for statement in _build_statements(source, filters, dimensions, step_minutes, blobs=True):
            # Whole columns instead of rows: this is the part that grows with the number of cells.
            rows = connection.execute(statement).all()
            if not rows:
                continue
            *columns, external_latency, internal_latency, call_latency = zip(*rows, strict=True)
            groups += map(index.__getitem__, zip(*columns, strict=True)) if columns else [0] * len(rows)
            external += external_latency
            internal += internal_latency
            calls += call_latency
    for cell_key, cell in outside.items():
        groups.append(index[_group_key(cell_key, dimensions, step_minutes)])
        for name, blobs in zip(ROLLUP_LATENCIES, (external, internal, calls), strict=True):
            removed = histogram.from_buckets(cell.added.get(name, ()))
            blobs.append(histogram.subtract(histogram.EMPTY, removed))
    # Requests and calls in one pass: the calls of group g are group `size + g`.
    size = len(keys)
    # All applications together: requests that one of them made are part of the others.
    if is_total(filters, dimensions):
        internal = []
    both = histogram.percentiles_by_group(
        [*external, *internal, *calls],
        [*groups, *groups[: len(internal)], *(size + group for group in groups)],
        2 * size,
        QUANTILES,
    )
    return [(to_percentiles_ms(both[group]), to_percentiles_ms(both[size + group])) for group in range(size)]
