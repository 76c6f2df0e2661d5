"""The list of traces, newest first, in pages; and what filter widgets can choose from."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal, Self

import sqlalchemy as sa

from db.tables.telemetry import request
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.applications import Known, known
from genaiops_core.telemetry.figures import usd
from genaiops_core.telemetry.filters import Filters, instant
from genaiops_core.telemetry.trace import Trace, TraceSpan, get_trace

__all__ = ["Known", "Trace", "TracePage", "TraceRow", "TraceSpan", "get_trace", "known", "list_traces"]

MAX_LIMIT = 500
SCANS = (4_000, 6_000)
"""Rows looked at for one page when a filter that no index serves is set: so many, and if that fills no page more."""

Status = Literal["ok", "error", "incomplete"]
STATUSES: tuple[Status, ...] = ("ok", "error", "incomplete")


@dataclass(frozen=True, kw_only=True)
class TraceRow:
    """One request, as one application saw it."""

    trace_id: str
    application: str
    name: str
    start: dt.datetime
    duration_ms: float | None
    """None until the root span has come."""
    status: Status
    """`incomplete` until the root span has come."""
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
        return None if self.calls and self.unpriced_calls >= self.calls else usd(self.cost_nano_usd)

    @classmethod
    def from_row(cls, row: sa.RowMapping) -> Self:
        duration_ns = row["duration_ns"]
        said: dict[str, Any] = {name: row[name] or None for name in _MAYBE_SAID}
        kept: dict[str, Any] = {name: row[name] for name in _AS_KEPT}
        return cls(
            start=instant(row["start_ns"]),
            duration_ms=None if duration_ns is None else duration_ns / 1e6,
            status="incomplete" if duration_ns is None else "error" if row["is_error"] else "ok",
            **said,
            **kept,
        )


_MAYBE_SAID = ("environment", "release", "model", "session_id", "user_id")
_AS_KEPT = (
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
    """Some rows, newest first, and where the next page begins."""

    rows: tuple[TraceRow, ...]
    next_cursor: str | None
    """Opaque; None when there are no more. With selective filters a page may be short, even empty, and still have a
    next one: only 10,000 requests are looked at for one page."""


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
        filters: the window and what it is narrowed to; `model` is that of the request.
        limit: rows wanted, 1 to `MAX_LIMIT`.
        cursor: `next_cursor` of the page before.
        status: one of `STATUSES`.
        text: part of the name, the trace id, the user or the session, in any case.

    Raises:
        BadInput: a limit out of range, a cursor that is none of ours, an unknown status.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise BadInput(f"The limit of a page of traces is 1 to {MAX_LIMIT}, not {limit}.")
    scope = _scope(filters)
    if cursor:
        scope.append(_before(*_decoded(cursor)))
    picked = _picked(filters, status, text)
    newest = (request.c.start_ns.desc(), request.c.id.desc())
    wanted = sa.select(request).order_by(*newest)
    found: list[sa.RowMapping] = []
    looked_to = None
    # No index serves what is picked: look at a bounded number of rows, few at first, and let the cursor say where
    # that ended.
    for rows in SCANS if picked else ():
        looked_to = connection.execute(
            sa.select(request.c.start_ns, request.c.id)
            .where(*scope)
            .order_by(*newest)
            .offset(rows - 1)
            .limit(1)
        ).one_or_none()
        if looked_to is None:
            break
        within = wanted.where(*scope, *picked, ~_before(*looked_to)).limit(limit + 1 - len(found))
        found += connection.execute(within).mappings().all()
        if len(found) > limit:
            break
        scope.append(_before(*looked_to))
    if looked_to is None:
        rest = wanted.where(*scope, *picked).limit(limit + 1 - len(found))
        found += connection.execute(rest).mappings().all()
    last = None
    if len(found) > limit:
        last = _encoded(found[limit - 1]["start_ns"], found[limit - 1]["id"])
    elif looked_to is not None:
        last = _encoded(*looked_to)
    return TracePage(rows=tuple(TraceRow.from_row(row) for row in found[:limit]), next_cursor=last)


def _scope(filters: Filters) -> list[sa.ColumnElement[bool]]:
    scope = [request.c.start_ns >= filters.start_ns, request.c.start_ns < filters.end_ns]
    if filters.application is not None:
        scope.append(request.c.application == filters.application)
    return scope


def _picked(filters: Filters, status: str | None, text: str | None) -> list[sa.ColumnElement[bool]]:
    picked: list[sa.ColumnElement[bool]] = [
        request.c[name] == value for name, value in filters.dimensions.items()
    ]
    if status is not None:
        if status not in STATUSES:
            raise BadInput(f"There is no status '{status}'; use one of {', '.join(STATUSES)}.")
        if status == "incomplete":
            picked.append(request.c.duration_ns.is_(None))
        else:
            picked += [request.c.duration_ns.is_not(None), request.c.is_error == (status == "error")]
    if text and text.strip():
        columns = (request.c.name, request.c.trace_id, request.c.user_id, request.c.session_id)
        picked.append(sa.or_(*[column.icontains(text.strip(), autoescape=True) for column in columns]))
    return picked


def _before(start_ns: int, row_id: int) -> sa.ColumnElement[bool]:
    """Rows that come after this one in the list, newest first."""
    # The first condition is what the index can use; the second breaks ties.
    return sa.and_(
        request.c.start_ns <= start_ns, sa.or_(request.c.start_ns < start_ns, request.c.id < row_id)
    )


def _encoded(start_ns: int, row_id: int) -> str:
    return base64.urlsafe_b64encode(f"{start_ns}.{row_id}".encode()).decode()


def _decoded(cursor: str) -> tuple[int, int]:
    try:
        start_ns, row_id = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").split(".")
        place = int(start_ns), int(row_id)
    except (binascii.Error, UnicodeError, ValueError):
        place = (-1, -1)
    if not all(0 <= number < 2**63 for number in place):
        raise BadInput("The cursor is not one that this list gave out; start again without it.")
    return place
