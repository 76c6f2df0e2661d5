"""Traffic by user or session, from the rows of requests and spans: rollups do not keep people apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import request, span
from genaiops_core.telemetry.figures import SHARES, Figures, figures, milliseconds
from genaiops_core.telemetry.filters import Filters

PEOPLE: Mapping[str, str] = {"user": "user_id", "session": "session_id"}
"""Who to break down by, and the column that says it."""

Key = tuple[str, ...]


def by_person(connection: sa.Connection, filters: Filters, by: Sequence[str]) -> dict[Key, Figures]:
    """The figures of each user or session: exact, percentiles included.

    A call belongs to the user and session of its request, and counts in the window its request started in. Cost
    grows with the requests in the window; name an application for large installations.

    Args:
        connection: best a `reading` snapshot.
        filters: the window and what it is narrowed to; `model` is that of the calls.
        by: one or more of application, user, session.
    """
    keys = [request.c[PEOPLE.get(name, name)] for name in by]
    scope = _scope(filters)
    is_root = request.c.duration_ns.is_not(None)
    succeeded = sa.and_(is_root, ~request.c.is_error)
    counted = sa.select(
        *keys,
        _count(is_root).label("requests"),
        _count(sa.and_(is_root, request.c.is_error)).label("request_errors"),
    ).where(*scope)
    if filters.model is not None:
        counted = counted.where(request.c.model == filters.model)
    of_request = sa.and_(span.c.trace_id == request.c.trace_id, span.c.application == request.c.application)
    calls_scope = [*scope, span.c.is_call]
    if filters.model is not None:
        calls_scope.append(span.c.model == filters.model)
    called = (
        sa.select(
            *keys,
            sa.func.count().label("calls"),
            _count(span.c.is_error).label("call_errors"),
            _count(span.c.cost_nano_usd.is_(None)).label("unpriced_calls"),
            *[
                sa.func.coalesce(sa.func.sum(span.c[name]), 0).label(name)
                for name in (
                    "cost_nano_usd",
                    "input_tokens",
                    "output_tokens",
                    "cache_read_tokens",
                    "cache_write_tokens",
                )
            ],
        )
        .select_from(request.join(span, of_request))
        .where(*calls_scope)
    )
    sums: dict[Key, dict[str, int]] = {}
    for statement in (counted, called):
        for row in connection.execute(statement.group_by(*keys)).mappings():
            key = tuple(row[column.name] for column in keys)
            sums.setdefault(key, dict.fromkeys(_SUMS, 0)).update(
                {name: int(row[name]) for name in _SUMS if name in row}
            )
    slow = _percentiles(connection, keys, request.c.duration_ns, sa.select(request).where(*scope, succeeded), filters)
    return {
        key: figures(values, by_model=filters.model is not None, latency_ms=milliseconds(slow.get(key)))
        for key, values in sums.items()
    }
