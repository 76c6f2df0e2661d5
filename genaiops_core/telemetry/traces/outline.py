"""The outline of one trace: every span in tree order without its payload, and totals of the whole trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.telemetry import span
from genaiops_core.telemetry.traces.details import SpanKey
from genaiops_core.telemetry.traces.tree import Node, arrange_spans, measure_own_time_ns

MAX_SPANS = 50_000
"""Spans in a tree; the earliest. Totals are of all spans."""


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over spans."""

    spans: int
    errors: int
    calls: int
    unpriced_calls: int
    cost_nano_usd: int
    input_tokens: int
    output_tokens: int
    start_ns: int
    """Start of the earliest span."""
    end_ns: int
    """End of the span that ends last."""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """The spans of a trace in tree order. Every list except `order` is indexed by position in `rows`."""

    rows: Sequence[sa.RowMapping]
    """In order of start."""
    order: Sequence[int]
    """Positions in tree order, parents before their children."""
    depth: Sequence[int]
    children: Sequence[int]
    descendants: Sequence[int]
    own_ns: Sequence[int]
    failed_parents: frozenset[str]
    """Ids of spans with a failed child."""
    totals: Totals
    by_component: Mapping[str, Totals]

    def key(self, position: int) -> SpanKey:
        """Application and span id of the row at a position."""
        return self.rows[position]["application"], self.rows[position]["span_id"]

    def list_visible(self, collapsed: frozenset[str]) -> Sequence[int]:
        """Positions in tree order without those below a collapsed span."""
        if not collapsed:
            return self.order
        visible = []
        hidden_until = 0
        for number, position in enumerate(self.order):
            if number < hidden_until:
                continue
            visible.append(position)
            if self.rows[position]["span_id"] in collapsed:
                # In tree order the descendants of a span follow it at once.
                hidden_until = number + 1 + self.descendants[position]
        return visible


def read_outline(connection: sa.Connection, trace_id: str) -> Outline | None:
    """The outline of a trace, or None when no span of it was received."""
    columns = [span.c[name] for name in _COLUMNS]
    rows = (
        connection.execute(
            sa.select(*columns)
            .where(span.c.trace_id == trace_id)
            .order_by(span.c.start_ns, span.c.id)
            .limit(MAX_SPANS)
        )
        .mappings()
        .all()
    )
    if not rows:
        return None
    nodes = [Node(**{name: row[name] for name in _NODE_COLUMNS}) for row in rows]
    places = arrange_spans(nodes)
    depth, children, descendants = [0] * len(rows), [0] * len(rows), [0] * len(rows)
    failed_parents = set()
    # Children before parents, so that the descendants of a child are complete when they are added.
    for place in reversed(places):
        depth[place.index] = place.depth
        if place.parent is not None:
            children[place.parent] += 1
            descendants[place.parent] += 1 + descendants[place.index]
            if rows[place.index]["is_error"]:
                failed_parents.add(rows[place.parent]["span_id"])
    by_component = _sum_by_component(connection, trace_id)
    return Outline(
        rows=rows,
        order=[place.index for place in places],
        depth=depth,
        children=children,
        descendants=descendants,
        own_ns=measure_own_time_ns(nodes, places),
        failed_parents=frozenset(failed_parents),
        totals=_add_totals(list(by_component.values())),
        by_component=by_component,
    )


_NODE_COLUMNS = ("application", "span_id", "parent_span_id", "start_ns", "duration_ns")
_COLUMNS = (
    "id",
    *_NODE_COLUMNS,
    "name",
    "component",
    "model",
    "is_error",
    "is_request",
    "is_internal",
    "is_rootless",
    "folded_into",
    "environment",
    "release",
    "session_id",
    "user_id",
)


def _sum_by_component(connection: sa.Connection, trace_id: str) -> dict[str, Totals]:
    """Sums by component, calculated by the database over the whole trace, beyond `MAX_SPANS` too."""
    # As `CountedSpan.is_unpriced`: a call that failed without usage costs nothing.
    is_free = sa.and_(span.c.is_error, span.c.input_tokens.is_(None), span.c.output_tokens.is_(None))
    is_unpriced = sa.and_(span.c.is_call, span.c.cost_nano_usd.is_(None), ~is_free)

    def sum_over_calls(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((span.c.is_call, sa.func.coalesce(column, 0)), else_=0))

    rows = connection.execute(
        sa.select(
            span.c.component,
            sa.func.count().label("spans"),
            _count(span.c.is_error).label("errors"),
            _count(span.c.is_call).label("calls"),
            _count(is_unpriced).label("unpriced_calls"),
            sum_over_calls(span.c.cost_nano_usd).label("cost_nano_usd"),
            sum_over_calls(span.c.input_tokens).label("input_tokens"),
            sum_over_calls(span.c.output_tokens).label("output_tokens"),
            sa.func.min(span.c.start_ns).label("start_ns"),
            # An unknown duration is stored as -1; the span then ends where it starts.
            sa.func.max(
                span.c.start_ns + sa.case((span.c.duration_ns > 0, span.c.duration_ns), else_=0)
            ).label("end_ns"),
        )
        .where(span.c.trace_id == trace_id)
        .group_by(span.c.component)
    ).mappings()
    return {
        row["component"]: Totals(**{name: int(row[name]) for name in Totals.__dataclass_fields__})
        for row in rows
    }


def _add_totals(parts: Sequence[Totals]) -> Totals:
    return Totals(
        start_ns=min(part.start_ns for part in parts),
        end_ns=max(part.end_ns for part in parts),
        **{
            name: sum(getattr(part, name) for part in parts)
            for name in Totals.__dataclass_fields__
            if name not in ("start_ns", "end_ns")
        },
    )


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))
