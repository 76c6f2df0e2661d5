"""What a search means to the database: each node of a query as a condition on a row of `request`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import feedback, request, score, span
from genaiops_core.telemetry.search import query as ast
from genaiops_core.telemetry.search.language import CONTAINS

Condition = sa.ColumnElement[bool]

_COLUMNS = {
    "application": "application",
    "environment": "environment",
    "release": "release",
    "user": "user_id",
    "session": "session_id",
    "trace": "trace_id",
    "name": "name",
}
INDEXED = ("trace", "user", "session")
"""Fields whose single whole value an index finds, the most selective first."""

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_WORDS_IN = ("name", "trace_id", "user_id", "session_id")


def build_condition(node: ast.Node, *, is_upper: bool = True) -> Condition:
    """`node` as a condition, where what messages say is taken to hold (`is_upper`) or not to hold.

    Without `Text` in the query both are the same and exact; with it, requests between the two must be read.
    """
    if isinstance(node, ast.Text):
        return sa.true() if is_upper else match_text_in_columns(node)
    if isinstance(node, ast.Not):
        return sa.not_(build_condition(node.node, is_upper=not is_upper))
    if isinstance(node, ast.All):
        return sa.and_(*[build_condition(inner, is_upper=is_upper) for inner in node.nodes])
    if isinstance(node, ast.Any):
        return sa.or_(*[build_condition(inner, is_upper=is_upper) for inner in node.nodes])
    return _compared(node) if isinstance(node, ast.Compare) else _matched(node)


def match_text_in_columns(node: ast.Text) -> Condition:
    """Whether the request's name or one of its ids has these words, in any case."""
    return sa.or_(*[request.c[name].icontains(node.text, autoescape=True) for name in _WORDS_IN])


def find_whole_value(node: ast.Node, field: str) -> str | None:
    """The one whole value that `node` asks `field` to have, if that is what it asks."""
    if isinstance(node, ast.Match) and node.field == field and len(node.values) == 1:
        value = node.values[0]
        return value if value and "*" not in value else None
    return None


def equals(field: str, value: str) -> Condition:
    """A field of `INDEXED` with one whole value, as its index can find it."""
    return request.c[_COLUMNS[field]] == (value.lower() if field == "trace" else value)


def _compared(node: ast.Compare) -> Condition:
    compare = _OPERATORS[node.operator]
    if node.field == "score":
        value = compare(score.c.value, float(node.number))
        return _exists(score, score.c.metric == node.metric, score.c.value.is_not(None), value)
    if node.field == "latency":
        bound_ns = int(node.number.scaleb(6))
        # Below 0 is unknown, and NULL not told yet.
        took = sa.func.coalesce(request.c.duration_ns, -1)
        return sa.and_(took >= 0, compare(took, bound_ns))
    if node.field == "cost":
        # Unknown is not 0: a request none of whose calls has a price is neither cheap nor dear.
        is_known = sa.or_(request.c.calls == 0, request.c.unpriced_calls < request.c.calls)
        return sa.and_(is_known, compare(request.c.cost_nano_usd, int(node.number.scaleb(9))))
    return _counted(node.field, compare, node.number)


def _counted(field: str, compare: Callable[[Any, Any], Any], number: Decimal) -> Condition:
    column: sa.ColumnElement[int] = (
        request.c.input_tokens + request.c.output_tokens if field == "tokens" else request.c[field]
    )
    condition: Condition = compare(column, int(number))
    return condition


def _matched(node: ast.Match) -> Condition:
    return sa.or_(*[_is(node, value) for value in node.values])


def _is(node: ast.Match, value: str) -> Condition:
    field = node.field
    is_part = field in CONTAINS and not node.is_exact and value != ""
    if field in ("status", "has", "feedback"):
        return _CLOSED[field, value]()
    if field == "trace":
        return _written(request.c.trace_id, value.lower(), is_part=False)
    if field == "component":
        return _exists(span, _written(span.c.component, value, is_part=False))
    if field == "tool":
        return _exists(span, span.c.component == "tool", _written(span.c.name, value, is_part=is_part))
    if field == "model":
        own = _written(request.c.model, value, is_part=is_part)
        if value == "":
            return own
        # The request keeps one of its models; the others are with its calls.
        return sa.or_(own, _exists(span, span.c.is_call, _written(span.c.model, value, is_part=is_part)))
    return _written(request.c[_COLUMNS[field]], value, is_part=is_part)


def _written(column: sa.ColumnElement[str], value: str, *, is_part: bool) -> Condition:
    """Equal, or like a pattern in any case where `*` stands for anything."""
    if not is_part and "*" not in value:
        return column == value
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
    return column.ilike(f"%{escaped}%" if is_part else escaped, escape="\\")


def _exists(table: sa.Table, *conditions: Condition) -> Condition:
    same = [table.c.trace_id == request.c.trace_id]
    if "application" in table.c:
        # Without statistics SQLite would rather walk the index of the application than that of the trace.
        same.append(table.c.application.concat("") == request.c.application)
    return sa.exists().where(*same, *conditions).correlate(request)


def _ended(*, is_error: bool) -> Condition:
    return sa.and_(request.c.duration_ns.is_not(None), request.c.is_error == is_error)


_CLOSED: Mapping[tuple[str, str], Callable[[], Condition]] = {
    ("status", "ok"): lambda: _ended(is_error=False),
    ("status", "error"): lambda: _ended(is_error=True),
    ("status", "incomplete"): lambda: request.c.duration_ns.is_(None),
    ("has", "feedback"): lambda: _exists(feedback),
    ("has", "score"): lambda: _exists(score),
    ("has", "unpriced"): lambda: request.c.unpriced_calls > 0,
    ("feedback", "up"): lambda: _exists(feedback, feedback.c.thumb == "up"),
    ("feedback", "down"): lambda: _exists(feedback, feedback.c.thumb == "down"),
}
