"""Traffic by user or session, from rows of requests and spans, because rollups have no user dimension."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import ROLLUP_SUMS, request, span
from genaiops_core.telemetry.figures import NO_LATENCY, Figures, build_figures, to_percentiles_ms
from genaiops_core.telemetry.rollups.cells import is_total
from genaiops_core.telemetry.time_window import Filters

USER_DIMENSIONS: Mapping[str, str] = {"user": "user_id", "session": "session_id"}
"""Column of `request` by dimension."""

_PERCENTILES = (50, 95, 99)
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")

Key = tuple[str, ...]


def read_figures_by_user(
    connection: sa.Connection, filters: Filters, by: Sequence[str]
) -> dict[Key, Figures]:
    """The figures of each user or session: exact, percentiles included.

    A call belongs to the user and session of its request and counts in the window its request started in. Cost
    grows with the requests in the window; name an application where there are many.

    Args:
        connection: best a `reading` snapshot.
        filters: the window and the dimensions; `model` is that of the request and of the calls.
        by: one or more of application, user, session.

    Returns:
        Figures by key: a value for each of `by`, '' for a missing value.
    """
    requests, calls = _select_requests(filters, by).subquery(), _select_calls(filters, by).subquery()
    sums: dict[Key, dict[str, int]] = defaultdict(lambda: dict.fromkeys(ROLLUP_SUMS, 0))
    for rows, count_name, error_name in (
        (requests, "requests", "request_errors"),
        (calls, "calls", "call_errors"),
    ):
        columns = [sa.func.count().label(count_name), _count(rows.c.is_error).label(error_name)]
        columns += [_sum(rows.c[name]).label(name) for name in (*_TOKENS, "cost_nano_usd") if name in rows.c]
        if "cost_nano_usd" in rows.c:
            # As `CountedSpan.is_unpriced`: a call that failed without usage costs nothing.
            is_free = sa.and_(rows.c.is_error, rows.c.input_tokens.is_(None), rows.c.output_tokens.is_(None))
            is_unpriced = sa.and_(rows.c.cost_nano_usd.is_(None), ~is_free)
            columns.append(_count(is_unpriced).label("unpriced_calls"))
        keys = [rows.c[name] for name in by]
        for row in connection.execute(sa.select(*keys, *columns).group_by(*keys)).mappings():
            sums[tuple(row[name] for name in by)].update({c.name: int(row[c.name]) for c in columns})
    latency_ms, call_latency_ms = (
        _read_latency(connection, requests, by),
        _read_latency(connection, calls, by),
    )
    return {
        key: build_figures(
            values,
            by_model=filters.model is not None,
            latency_ms=latency_ms.get(key, NO_LATENCY),
            call_latency_ms=call_latency_ms.get(key, NO_LATENCY),
        )
        for key, values in sums.items()
    }


def _build_scope(filters: Filters) -> list[sa.ColumnElement[bool]]:
    dimensions = {
        "application": filters.application,
        "environment": filters.environment,
        "release": filters.release,
    }
    conditions = [request.c[name] == value for name, value in dimensions.items() if value is not None]
    return [request.c.start_ns >= filters.start_ns, request.c.start_ns < filters.end_ns, *conditions]


def _build_keys(by: Sequence[str]) -> list[sa.ColumnElement[Any]]:
    return [request.c[USER_DIMENSIONS.get(name, name)].label(name) for name in by]


def _select_requests(filters: Filters, by: Sequence[str]) -> sa.Select[Any]:
    """Requests whose entry span was received, one row each; of all applications together without internal ones."""
    scope = [*_build_scope(filters), request.c.duration_ns.is_not(None)]
    if is_total(filters, by):
        scope.append(~request.c.is_internal)
    if filters.model is not None:
        scope.append(request.c.model == filters.model)
    return sa.select(*_build_keys(by), request.c.is_error, request.c.duration_ns).where(*scope)


def _select_calls(filters: Filters, by: Sequence[str]) -> sa.Select[Any]:
    """Model calls of the requests in the window, one row each."""
    scope = [*_build_scope(filters), span.c.is_call]
    if filters.model is not None:
        scope.append(span.c.model == filters.model)
    same_trace = sa.and_(span.c.trace_id == request.c.trace_id, span.c.application == request.c.application)
    columns = [span.c[name] for name in ("is_error", "duration_ns", "cost_nano_usd", *_TOKENS)]
    return sa.select(*_build_keys(by), *columns).select_from(request.join(span, same_trace)).where(*scope)


def _read_latency(
    connection: sa.Connection, rows: sa.Subquery, by: Sequence[str]
) -> dict[Key, Mapping[str, float | None]]:
    """Nearest-rank percentiles of the successful rows of each key, calculated by the database."""
    keys = [rows.c[name] for name in by]
    ranked = (
        sa.select(
            *keys,
            rows.c.duration_ns,
            sa.func.row_number().over(partition_by=keys, order_by=rows.c.duration_ns).label("rank"),
            sa.func.count().over(partition_by=keys).label("size"),
        )
        # A negative duration is unknown.
        .where(~rows.c.is_error, rows.c.duration_ns >= 0)
        .subquery()
    )
    rank_conditions = [
        # Nearest rank, rounded up in integers.
        ranked.c.rank == (ranked.c.size * percentile + 99) // 100
        for percentile in _PERCENTILES
    ]
    statement = sa.select(
        *[ranked.c[name] for name in by],
        *[
            sa.func.max(sa.case((condition, ranked.c.duration_ns))).label(f"p{percentile}")
            for percentile, condition in zip(_PERCENTILES, rank_conditions, strict=True)
        ],
    ).group_by(*[ranked.c[name] for name in by])
    size = len(by)
    return {tuple(row[:size]): to_percentiles_ms(row[size:]) for row in connection.execute(statement)}


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _sum(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(column), 0)
