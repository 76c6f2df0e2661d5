"""Sessions: a list, newest first, and one session as a conversation with its running cost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import request
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.durations import to_milliseconds
from genaiops_core.telemetry.figures import format_known_usd
from genaiops_core.telemetry.search import paging
from genaiops_core.telemetry.time_window import Filters, to_instant
from genaiops_core.telemetry.traces.content import read_questions_and_answers

MAX_LIMIT = 200
MAX_REQUESTS_SCANNED = 10_000
"""Requests scanned for one page of sessions, at most."""

_ROWS_PER_READ = 500


@dataclass(frozen=True, kw_only=True)
class SessionRow:
    """One session, with its figures in the window."""

    session_id: str
    application: str
    user_id: str | None
    first: dt.datetime
    last: dt.datetime
    """Start of its latest request."""
    requests: int
    errors: int
    calls: int
    unpriced_calls: int
    cost_nano_usd: int
    input_tokens: int
    output_tokens: int

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number, or None when every call is without a price."""
        return format_known_usd(self.cost_nano_usd, self.calls, self.unpriced_calls)


@dataclass(frozen=True, kw_only=True)
class SessionPage:
    """Some sessions, the most recently active first, and the cursor of the next page."""

    rows: tuple[SessionRow, ...]
    next_cursor: str | None
    """Opaque; None on the last page. A page may be short and still have a next one."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One request of a conversation."""

    number: int
    """From 1."""
    trace_id: str
    application: str
    start: dt.datetime
    question: str | None
    """None when the telemetry has no question."""
    answer: str | None
    status: str
    """ok, error or incomplete."""
    latency_ms: float | None
    calls: int
    unpriced_calls: int
    cost_nano_usd: int
    running_cost_nano_usd: int
    """Cost of this turn and all turns before it."""
    input_tokens: int
    output_tokens: int
    release: str | None
    model: str | None

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number, or None when every call is without a price."""
        return format_known_usd(self.cost_nano_usd, self.calls, self.unpriced_calls)


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """One session from its first request on. Figures are of the whole session, `turns` is one page of it."""

    session_id: str
    application: str
    user_id: str | None
    start: dt.datetime
    end: dt.datetime
    """Start of its latest request."""
    total_turns: int
    turns: tuple[Turn, ...]
    next_offset: int | None
    """Offset of the next page; None on the last page."""
    errors: int
    calls: int
    unpriced_calls: int
    cost_nano_usd: int
    input_tokens: int
    output_tokens: int

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number, or None when every call is without a price."""
        return format_known_usd(self.cost_nano_usd, self.calls, self.unpriced_calls)


def read_conversation(
    connection: sa.Connection,
    session_id: str,
    application: str | None = None,
    *,
    offset: int = 0,
    limit: int = 50,
) -> Conversation | None:
    """One session turn by turn, or None when no request of it is stored.

    A trace of several applications is one turn.

    Args:
        connection: best a `reading` snapshot.
        session_id: exactly as in the telemetry.
        application: only its requests; None for all.
        offset: turns to skip.
        limit: turns to return, 1 to `MAX_LIMIT`.

    Raises:
        BadInput: an offset or limit out of range.
    """
    _check_limit(limit)
    if offset < 0:
        raise BadInput(f"The offset of the turns is {offset}; use 0 or more.")
    if not session_id:
        return None
    scope = [request.c.session_id == session_id]
    if application is not None:
        scope.append(request.c.application.concat("") == application)
    session_row = connection.execute(_build_sums(scope)).mappings().one_or_none()
    if session_row is None:
        return None
    turns = _build_turns(scope).subquery()
    turns_in_order = sa.select(
        turns,
        sa.func.sum(turns.c.cost_nano_usd)
        .over(order_by=(turns.c.start_ns, turns.c.trace_id))
        .label("running"),
    ).order_by(turns.c.start_ns, turns.c.trace_id)
    rows = connection.execute(turns_in_order.offset(offset).limit(limit)).mappings().all()
    texts_by_trace = read_questions_and_answers(connection, [row["trace_id"] for row in rows])
    totals = _build_totals(session_row)
    total = totals.pop("requests")
    return Conversation(
        session_id=session_id,
        application=session_row["application"],
        user_id=session_row["user_id"] or None,
        start=to_instant(session_row["first_ns"]),
        end=to_instant(session_row["last_ns"]),
        total_turns=total,
        turns=tuple(
            _build_turn(row, number, *texts_by_trace.get(row["trace_id"], (None, None)))
            for number, row in enumerate(rows, offset + 1)
        ),
        next_offset=offset + limit if offset + limit < total else None,
        **totals,
    )


def list_sessions(
    connection: sa.Connection,
    filters: Filters,
    *,
    limit: int = 50,
    cursor: str | None = None,
    user: str | None = None,
) -> SessionPage:
    """One page of the sessions with a request in the window, the most recently active first.

    At most `MAX_REQUESTS_SCANNED` requests are scanned for one page.

    Args:
        connection: best a `reading` snapshot.
        filters: the window and the dimensions; `model` is that of the request.
        limit: sessions to return, 1 to `MAX_LIMIT`.
        cursor: `next_cursor` of the previous page.
        user: only requests of this user.

    Raises:
        BadInput: an invalid limit or cursor.
    """
    _check_limit(limit)
    start_position = paging.decode_cursor(cursor) if cursor else None
    scope = [
        *paging.build_window_scope(filters, is_indexed=user is not None),
        *paging.build_dimension_conditions(filters),
    ]
    if user is not None:
        scope.append(request.c.user_id == user)
    sessions: dict[str, sa.RowMapping] = {}
    position, looked_at = start_position, 0
    while len(sessions) < limit and looked_at < MAX_REQUESTS_SCANNED:
        rows = _read_newest(connection, scope, position)
        new_sessions = _read_sessions(
            connection, filters, user, {row.session_id for row in rows} - {"", *sessions}, start_position
        )
        for row in rows:
            # The cursor advances request by request, so a page that ends in the middle of a read loses none.
            position = (row.start_ns, row.id)
            if row.session_id in new_sessions:
                sessions.setdefault(row.session_id, new_sessions[row.session_id])
            if len(sessions) == limit:
                break
        looked_at += len(rows)
        if len(rows) < _ROWS_PER_READ and len(sessions) < limit:
            position = None
            break
    return SessionPage(
        rows=tuple(_build_session(row) for row in sessions.values()),
        next_cursor=None if position is None else paging.encode_cursor(*position),
    )


def _read_newest(
    connection: sa.Connection, scope: Sequence[sa.ColumnElement[bool]], position: tuple[int, int] | None
) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Some requests, newest first, after a position in that list."""
    older = [] if position is None else [paging.is_older_than(*position)]
    return connection.execute(
        sa.select(request.c.session_id, request.c.start_ns, request.c.id)
        .where(*scope, *older)
        .order_by(*paging.NEWEST_FIRST)
        .limit(_ROWS_PER_READ)
    ).all()


def _read_sessions(
    connection: sa.Connection,
    filters: Filters,
    user: str | None,
    session_ids: set[str],
    start_position: tuple[int, int] | None,
) -> dict[str, sa.RowMapping]:
    """Figures of these sessions in the window, without the sessions of earlier pages."""
    if not session_ids:
        return {}
    scope = [
        *paging.build_window_scope(filters, is_indexed=True),
        *paging.build_dimension_conditions(filters),
        request.c.session_id.in_(sorted(session_ids)),
    ]
    if user is not None:
        # Concatenation hides the column from the planner, so that the index of the session serves the query.
        scope.append(request.c.user_id.concat("") == user)
    statement = _build_sums(scope, request.c.session_id)
    if start_position is not None:
        is_on_earlier_page = sa.not_(paging.is_older_than(*start_position))
        # A session with a request newer than the cursor was on an earlier page.
        statement = statement.having(sa.func.sum(sa.case((is_on_earlier_page, 1), else_=0)) == 0)
    return {row["session_id"]: row for row in connection.execute(statement).mappings()}


_SUM_COLUMNS = ("calls", "unpriced_calls", "cost_nano_usd", "input_tokens", "output_tokens")


def _build_sums(scope: Sequence[sa.ColumnElement[bool]], *keys: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Figures of requests by `keys`; no row without requests."""
    failed = sa.case((sa.and_(request.c.duration_ns.is_not(None), request.c.is_error), 1), else_=0)
    return (
        sa.select(
            *keys,
            sa.func.min(request.c.application).label("application"),
            sa.func.max(request.c.user_id).label("user_id"),
            sa.func.min(request.c.start_ns).label("first_ns"),
            sa.func.max(request.c.start_ns).label("last_ns"),
            sa.func.count(request.c.trace_id.distinct()).label("requests"),
            sa.func.sum(failed).label("errors"),
            *[_sum(name).label(name) for name in _SUM_COLUMNS],
        )
        .where(*scope)
        .group_by(*keys)
        .having(sa.func.count() > 0)
    )


def _build_turns(scope: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """One row for each trace; the application with the root span has its duration and status."""
    return (
        sa.select(
            request.c.trace_id,
            sa.func.min(request.c.application).label("application"),
            sa.func.min(request.c.start_ns).label("start_ns"),
            sa.func.max(request.c.duration_ns).label("duration_ns"),
            sa.func.max(sa.case((request.c.is_error, 1), else_=0)).label("is_error"),
            sa.func.max(request.c.release).label("release"),
            sa.func.max(request.c.model).label("model"),
            *[_sum(name).label(name) for name in _SUM_COLUMNS],
        )
        .where(*scope)
        .group_by(request.c.trace_id)
    )


def _build_turn(row: sa.RowMapping, number: int, question: str | None, answer: str | None) -> Turn:
    duration_ns = row["duration_ns"]
    return Turn(
        number=number,
        trace_id=row["trace_id"],
        application=row["application"],
        start=to_instant(row["start_ns"]),
        question=question,
        answer=answer,
        status="incomplete" if duration_ns is None else "error" if row["is_error"] else "ok",
        latency_ms=to_milliseconds(duration_ns),
        running_cost_nano_usd=int(row["running"]),
        release=row["release"] or None,
        model=row["model"] or None,
        **{name: int(row[name]) for name in _SUM_COLUMNS},
    )


def _build_session(row: sa.RowMapping) -> SessionRow:
    return SessionRow(
        session_id=row["session_id"],
        application=row["application"],
        user_id=row["user_id"] or None,
        first=to_instant(row["first_ns"]),
        last=to_instant(row["last_ns"]),
        **_build_totals(row),
    )


def _build_totals(row: sa.RowMapping) -> dict[str, int]:
    return {name: int(row[name]) for name in ("requests", "errors", *_SUM_COLUMNS)}


def _sum(name: str) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.sum(request.c[name]), sa.BigInteger)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise BadInput(f"The limit of sessions and turns is 1 to {MAX_LIMIT}, not {limit}.")
