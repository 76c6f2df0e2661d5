"""Translates a search into SQL: each node of a query is a condition on a row of `request`."""

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
INDEXED_FIELDS = ("trace", "user", "session")
"""Fields with an index for one whole value, the most selective first."""

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_TEXT_COLUMNS = ("name", "trace_id", "user_id", "session_id")


def build_condition(node: ast.Node, *, is_upper: bool = True) -> Condition:
    """An upper or a lower bound of the rows that match `node`; messages cannot be searched in SQL.

    The upper bound (`is_upper`) assumes that messages contain every text, the lower bound that they contain none.
    Without `Text` in the query both bounds are exact. With it, the messages of rows between them must be read.
    """
    if isinstance(node, ast.Text):
        return sa.true() if is_upper else match_text_in_columns(node)
    if isinstance(node, ast.Not):
        return sa.not_(build_condition(node.node, is_upper=not is_upper))
    if isinstance(node, ast.All):
        return sa.and_(*[build_condition(inner, is_upper=is_upper) for inner in node.nodes])
    if isinstance(node, ast.Any):
        return sa.or_(*[build_condition(inner, is_upper=is_upper) for inner in node.nodes])
    return _build_comparison(node) if isinstance(node, ast.Compare) else _build_match(node)


def match_text_in_columns(node: ast.Text) -> Condition:
    """Whether the request's name or one of its ids contains the text, in any case."""
    return sa.or_(*[request.c[name].icontains(node.text, autoescape=True) for name in _TEXT_COLUMNS])


def find_whole_value(node: ast.Node, field: str) -> str | None:
    """The value, when `node` compares `field` with a single whole value; else None."""
    if isinstance(node, ast.Match) and node.field == field and len(node.values) == 1:
        value = node.values[0]
        return value if value and "*" not in value else None
    return None


def match_indexed_value(field: str, value: str) -> Condition:
    """Whether a field of `INDEXED_FIELDS` has this whole value, in a form that its index serves."""
    return request.c[_COLUMNS[field]] == (value.lower() if field == "trace" else value)


def _build_comparison(node: ast.Compare) -> Condition:
    compare = _OPERATORS[node.operator]
    if node.field == "score":
        value = compare(score.c.value, float(node.number))
        return _exists(score, score.c.metric == node.metric, score.c.value.is_not(None), value)
    if node.field == "latency":
        bound_ns = int(node.number.scaleb(6))
        # A negative duration is unknown; NULL means that the root span was not received yet.
        duration_ns = sa.func.coalesce(request.c.duration_ns, -1)
        return sa.and_(duration_ns >= 0, compare(duration_ns, bound_ns))
    if node.field == "cost":
        # Unknown is not 0: a request none of whose calls has a price matches no cost comparison.
        is_known = sa.or_(request.c.calls == 0, request.c.unpriced_calls < request.c.calls)
        return sa.and_(is_known, compare(request.c.cost_nano_usd, int(node.number.scaleb(9))))
    return _compare_count(node.field, compare, node.number)


def _compare_count(field: str, compare: Callable[[Any, Any], Any], number: Decimal) -> Condition:
    column: sa.ColumnElement[int] = (
        request.c.input_tokens + request.c.output_tokens if field == "tokens" else request.c[field]
    )
    condition: Condition = compare(column, int(number))
    return condition


def _build_match(node: ast.Match) -> Condition:
    return sa.or_(*[_match_value(node, value) for value in node.values])


def _match_value(node: ast.Match, value: str) -> Condition:
    field = node.field
    is_part = field in CONTAINS and not node.is_exact and value != ""
    if field in ("status", "has", "feedback"):
        return _KEYWORD_CONDITIONS[field, value]()
    if field == "trace":
        return _match_column(request.c.trace_id, value.lower(), is_part=False)
    if field == "component":
        return _exists(span, _match_column(span.c.component, value, is_part=False))
    if field == "tool":
        return _exists(span, span.c.component == "tool", _match_column(span.c.name, value, is_part=is_part))
    if field == "model":
        own = _match_column(request.c.model, value, is_part=is_part)
        if value == "":
            return own
        # Table `request` has one model per request; the models of its other calls are in table `span`.
        return sa.or_(own, _exists(span, span.c.is_call, _match_column(span.c.model, value, is_part=is_part)))
    return _match_column(request.c[_COLUMNS[field]], value, is_part=is_part)


def _match_column(column: sa.ColumnElement[str], value: str, *, is_part: bool) -> Condition:
    """Equal, or LIKE a pattern in any case when the value has a `*` or may be a part."""
    if not is_part and "*" not in value:
        return column == value
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
    return column.ilike(f"%{escaped}%" if is_part else escaped, escape="\\")


def _exists(table: sa.Table, *conditions: Condition) -> Condition:
    join_conditions = [table.c.trace_id == request.c.trace_id]
    if "application" in table.c:
        # Concatenation hides the column from SQLite's planner, which else prefers the application's index to the trace's.
        join_conditions.append(table.c.application.concat("") == request.c.application)
    return sa.exists().where(*join_conditions, *conditions).correlate(request)


def _has_ended(*, is_error: bool) -> Condition:
    return sa.and_(request.c.duration_ns.is_not(None), request.c.is_error == is_error)


_KEYWORD_CONDITIONS: Mapping[tuple[str, str], Callable[[], Condition]] = {
    ("status", "ok"): lambda: _has_ended(is_error=False),
    ("status", "error"): lambda: _has_ended(is_error=True),
    ("status", "incomplete"): lambda: request.c.duration_ns.is_(None),
    ("has", "feedback"): lambda: _exists(feedback),
    ("has", "score"): lambda: _exists(score),
    ("has", "unpriced"): lambda: request.c.unpriced_calls > 0,
    ("feedback", "up"): lambda: _exists(feedback, feedback.c.thumb == "up"),
    ("feedback", "down"): lambda: _exists(feedback, feedback.c.thumb == "down"),
}
