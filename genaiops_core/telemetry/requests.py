"""Requests: one row a trace and application, added to by every new span of the trace in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from db.engine import is_sqlite
from db.tables.telemetry import request
from db.transaction import insert
from genaiops_core.telemetry.spans import SpanFacts

_SUMS = (
    "spans",
    "span_errors",
    "calls",
    "unpriced_calls",
    "cost_nano_usd",
    "input_tokens",
    "output_tokens",
)
_ROOT_DECIDES = ("environment", "release")
"""Only the root says under which release a request is counted, exactly as its rollup does."""
_ANY_SAYS = ("model", "session_id", "user_id")
"""Any span may say these; if spans disagree, the smallest text, so that their order does not matter."""


def request_rows(spans: Iterable[SpanFacts]) -> list[dict[str, Any]]:
    """What `spans`, all of them new, add to each request; sorted by trace and application."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for span in spans:
        key = (span.trace_id, span.application)
        row = rows.get(key)
        if row is None:
            row = rows[key] = _empty(span)
        row["spans"] += 1
        if span.is_error:
            row["span_errors"] += 1
        if span.is_call:
            row["calls"] += 1
            row["unpriced_calls"] += span.is_unpriced
            row["cost_nano_usd"] += span.cost_nano_usd or 0
            row["input_tokens"] += span.input_tokens or 0
            row["output_tokens"] += span.output_tokens or 0
        if span.is_request and (row["duration_ns"] is None or span.start_ns < row["start_ns"]):
            _take_root(row, span)
        elif row["duration_ns"] is None:
            row["start_ns"] = min(row["start_ns"], span.start_ns)
            for field in _ROOT_DECIDES:
                row[field] = _smallest(row[field], getattr(span, field))
        row["session_id"] = _smallest(row["session_id"], span.session_id)
        row["user_id"] = _smallest(row["user_id"], span.user_id)
        if span.is_call:
            row["model"] = _smallest(row["model"], span.model)
    return [rows[key] for key in sorted(rows)]


def upsert(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    """Add `rows` to the requests there are.

    Until the root span comes, a request starts with its earliest span and has no duration. The root decides start,
    duration, name, outcome, environment and release; of two roots the earlier.
    """
    if rows:
        connection.execute(_statement(connection), rows)


def _statement(connection: sa.Connection) -> Any:
    new = insert(connection, request)
    sent, kept = new.excluded, request.c
    takes_root = sa.and_(
        sent.duration_ns.is_not(None),
        sa.or_(kept.duration_ns.is_(None), sent.start_ns < kept.start_ns),
    )

    def smallest(name: str) -> Any:
        # By code point, as Python compares, whatever the database's language is.
        said = sent[name] if is_sqlite(connection) else sa.collate(sent[name], "C")
        return sa.case(
            (kept[name] == "", sent[name]),
            (sent[name] == "", kept[name]),
            (said < kept[name], sent[name]),
            else_=kept[name],
        )

    is_earlier = sa.and_(
        sent.duration_ns.is_(None), kept.duration_ns.is_(None), sent.start_ns < kept.start_ns
    )
    changes: dict[str, Any] = {name: kept[name] + sent[name] for name in _SUMS}
    changes["start_ns"] = sa.case((sa.or_(takes_root, is_earlier), sent.start_ns), else_=kept.start_ns)
    for name in ("duration_ns", "is_error", "name"):
        changes[name] = sa.case((takes_root, sent[name]), else_=kept[name])
    for name in _ROOT_DECIDES:
        before_root = sa.case((kept.duration_ns.is_(None), smallest(name)), else_=kept[name])
        changes[name] = sa.case((takes_root, sent[name]), else_=before_root)
    for name in _ANY_SAYS:
        changes[name] = smallest(name)
    return new.on_conflict_do_update(index_elements=[kept.trace_id, kept.application], set_=changes)


def _empty(span: SpanFacts) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_SUMS, 0)
    row.update(dict.fromkeys((*_ROOT_DECIDES, *_ANY_SAYS), ""))
    row.update(
        trace_id=span.trace_id,
        application=span.application,
        start_ns=span.start_ns,
        duration_ns=None,
        is_error=False,
        name="",
    )
    return row


def _take_root(row: dict[str, Any], span: SpanFacts) -> None:
    row.update(
        start_ns=span.start_ns,
        duration_ns=span.duration_ns,
        is_error=span.is_error,
        name=span.name,
        environment=span.environment,
        release=span.release,
    )


def _smallest(one: str, other: str) -> str:
    return min(one, other) if one and other else one or other
