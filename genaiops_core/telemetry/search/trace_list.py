"""The list of requests, newest first, in pages."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal, Self

import sqlalchemy as sa

from genaiops_core.errors import BadInput
from genaiops_core.telemetry import durations
from genaiops_core.telemetry.figures import format_known_usd
from genaiops_core.telemetry.search.conditions import build_condition, match_text_in_columns
from genaiops_core.telemetry.search.paging import (
    build_dimension_conditions,
    build_window_scope,
    check_limit,
    read_page,
)
from genaiops_core.telemetry.search.query import Match, Text
from genaiops_core.telemetry.time_window import Filters, to_instant

Status = Literal["ok", "error", "incomplete"]
STATUSES: tuple[Status, ...] = ("ok", "error", "incomplete")


@dataclass(frozen=True, kw_only=True)
class TraceRow:
    """One request of one application; a trace of two applications has two rows."""

    trace_id: str
    application: str
    name: str
    start: dt.datetime
    duration_ms: float | None
    """None until the root span was received."""
    status: Status
    """`incomplete` until the root span was received."""
    environment: str | None
    release: str | None
    model: str | None
    session_id: str | None
    user_id: str | None
    spans: int
    span_errors: int
    calls: int
    unpriced_calls: int
    cost_nano_usd: int
    input_tokens: int
    output_tokens: int

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number, or None when every call is without a price."""
        return format_known_usd(self.cost_nano_usd, self.calls, self.unpriced_calls)

    @classmethod
    def from_row(cls, row: sa.RowMapping) -> Self:
        duration_ns = row["duration_ns"]
        optional_columns: dict[str, Any] = {name: row[name] or None for name in _OPTIONAL_COLUMNS}
        columns: dict[str, Any] = {name: row[name] for name in _COPIED_COLUMNS}
        return cls(
            start=to_instant(row["start_ns"]),
            duration_ms=durations.to_milliseconds(duration_ns),
            status="incomplete" if duration_ns is None else "error" if row["is_error"] else "ok",
            **optional_columns,
            **columns,
        )


_OPTIONAL_COLUMNS = ("environment", "release", "model", "session_id", "user_id")
_COPIED_COLUMNS = (
    "trace_id",
    "application",
    "name",
    "spans",
    "span_errors",
    "calls",
    "unpriced_calls",
    "cost_nano_usd",
    "input_tokens",
    "output_tokens",
)


@dataclass(frozen=True, kw_only=True)
class TracePage:
    """Some rows, newest first, and the cursor of the next page."""

    rows: tuple[TraceRow, ...]
    next_cursor: str | None
    """Opaque; None on the last page. With selective filters a page may be short or empty and still have a next one,
    because at most 10,000 requests are scanned for one page."""
    looked_at: int | None = None
    """Requests scanned, when the scan limit ended the page; None when the page is full or the window ended."""
    searched: int | None = None
    """Requests whose messages were read; None when the search has no text."""


def list_traces(
    connection: sa.Connection,
    filters: Filters,
    limit: int = 50,
    cursor: str | None = None,
    status: str | None = None,
    text: str | None = None,
) -> TracePage:
    """One page of the requests that started in the window, newest first.

    Args:
        connection: best a `reading` snapshot.
        filters: the window and the dimensions; `model` is that of the request.
        limit: rows of the page, 1 to `MAX_LIMIT`.
        cursor: `next_cursor` of the previous page.
        status: one of `STATUSES`.
        text: part of the name, the trace id, the user or the session, in any case.

    Raises:
        BadInput: an invalid limit, cursor or status.
    """
    check_limit(limit)
    page = read_page(
        connection,
        scope=build_window_scope(filters),
        conditions=[*build_dimension_conditions(filters), *_build_conditions(status, text)],
        limit=limit,
        cursor=cursor,
    )
    rows = tuple(TraceRow.from_row(row) for row in page.rows)
    return TracePage(rows=rows, next_cursor=page.next_cursor, looked_at=page.looked_at)


def _build_conditions(status: str | None, text: str | None) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if status is not None:
        if status not in STATUSES:
            raise BadInput(f"'{status}' is not a valid status; use one of {', '.join(STATUSES)}.")
        conditions.append(build_condition(Match("status", (status,))))
    if text and text.strip():
        conditions.append(match_text_in_columns(Text(text.strip())))
    return conditions
