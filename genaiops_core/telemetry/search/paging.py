"""Pages of requests, newest first. The work for one page is bounded for every search."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import request
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.time_window import Filters

MAX_LIMIT = 500
SCANS = (4_000, 6_000)
"""Rows scanned for one page when no index serves a condition: 4,000, then 6,000 more if the page is not full."""

NEWEST_FIRST = (request.c.start_ns.desc(), request.c.id.desc())
_ROWS_PER_DECISION = 50

Accept = Callable[[Sequence[sa.RowMapping]], Sequence[bool]]
"""Decides for each of some rows whether it matches, where SQL cannot."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some rows of `request` and the cursor of the next page."""

    rows: Sequence[sa.RowMapping]
    next_cursor: str | None
    looked_at: int | None
    """Requests scanned, when the scan limit ended the page; None when the page is full or the window ended."""
    rows_decided: int | None
    """Rows passed to `accept`; None without `accept`."""


def check_limit(limit: int) -> None:
    """Check the number of rows of a page.

    Raises:
        BadInput: it is not from 1 to `MAX_LIMIT`.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise BadInput(f"The limit of a page of traces is 1 to {MAX_LIMIT}, not {limit}.")


def build_window_scope(filters: Filters, *, is_indexed: bool = False) -> list[sa.ColumnElement[bool]]:
    """Conditions for the window and the application, in a form that their index serves.

    Args:
        filters: only the window and the application are used.
        is_indexed: whether another index, for example that of a user, serves the query. The application's column is
            then hidden from the planner, which else may choose the application's index.
    """
    scope = [request.c.start_ns >= filters.start_ns, request.c.start_ns < filters.end_ns]
    if filters.application is not None:
        column = request.c.application.concat("") if is_indexed else request.c.application
        scope.append(column == filters.application)
    return scope


def build_dimension_conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    """Conditions for the dimensions of a request that no index serves."""
    return [request.c[name] == value for name, value in filters.dimensions.items()]


def read_page(
    connection: sa.Connection,
    *,
    scope: Sequence[sa.ColumnElement[bool]],
    conditions: Sequence[sa.ColumnElement[bool]],
    limit: int,
    cursor: str | None,
    columns: Sequence[sa.ColumnElement[Any]] = (),
    accept: Accept | None = None,
    max_rows_decided: int = 0,
) -> Page:
    """Read one page.

    Args:
        connection: best a `reading` snapshot.
        scope: conditions that an index serves.
        conditions: the other conditions; each row of the scope must be compared with them.
        limit: rows of the page, already checked.
        cursor: `next_cursor` of the previous page.
        columns: columns to read in addition to those of `request`.
        accept: decides on rows that meet scope and conditions.
        max_rows_decided: maximum number of rows passed to `accept`.

    Raises:
        BadInput: an invalid cursor.
    """
    reader = _Reader(connection, limit, columns, accept, max_rows_decided)
    scope = list(scope)
    if cursor:
        scope.append(is_older_than(*decode_cursor(cursor)))
    last_scanned, looked_at = None, 0
    # No index serves the conditions: scan a bounded number of rows, few at first. The cursor holds the position where
    # the scan ended, so that the next page continues there.
    for bound_rows in SCANS if conditions or accept else ():
        last_scanned = connection.execute(
            sa.select(request.c.start_ns, request.c.id)
            .where(*scope)
            .order_by(*NEWEST_FIRST)
            .offset(bound_rows - 1)
            .limit(1)
        ).one_or_none()
        if last_scanned is None:
            break
        looked_at += bound_rows
        reader.read([*scope, *conditions, ~is_older_than(*last_scanned)])
        if reader.is_done:
            break
        # The second scan begins where the first one ended.
        scope.append(is_older_than(*last_scanned))
    if last_scanned is None:
        reader.read([*scope, *conditions])
    rows = reader.rows
    last_position = None
    if len(rows) > limit:
        last_position = rows[limit - 1]["start_ns"], rows[limit - 1]["id"]
    elif reader.stopped_at is not None:
        last_position = reader.stopped_at
    elif last_scanned is not None:
        last_position = last_scanned[0], last_scanned[1]
    is_bounded = len(rows) <= limit and last_position is not None and reader.stopped_at is None
    return Page(
        rows=rows[:limit],
        next_cursor=None if last_position is None else encode_cursor(*last_position),
        looked_at=looked_at if is_bounded else None,
        rows_decided=reader.decided if accept else None,
    )


class _Reader:
    """Reads one row more than a page has, and passes a bounded number of rows to `accept`."""

    def __init__(
        self,
        connection: sa.Connection,
        limit: int,
        columns: Sequence[sa.ColumnElement[Any]],
        accept: Accept | None,
        max_decided: int,
    ) -> None:
        self._connection = connection
        # The additional row shows whether there is a next page.
        self._wanted = limit + 1
        self._select = sa.select(request, *columns).order_by(*NEWEST_FIRST)
        self._accept = accept
        self._max_decided = max_decided
        self.rows: list[sa.RowMapping] = []
        self.decided = 0
        self.stopped_at: tuple[int, int] | None = None
        self._last: tuple[int, int] | None = None

    @property
    def is_done(self) -> bool:
        return len(self.rows) >= self._wanted or self.stopped_at is not None

    def read(self, conditions: Sequence[sa.ColumnElement[bool]]) -> None:
        statement = self._select.where(*conditions)
        if self._accept is None:
            rows = self._connection.execute(statement.limit(self._wanted - len(self.rows)))
            self.rows += rows.mappings().all()
            return
        remaining = self._max_decided - self.decided
        candidates = self._connection.execute(statement.limit(remaining + 1)).mappings().all()
        start = 0
        while start < len(candidates):
            batch = candidates[start : start + min(_ROWS_PER_DECISION, self._max_decided - self.decided)]
            if not batch:
                self.stopped_at = self._last
                return
            for row, is_accepted in zip(batch, self._accept(batch), strict=True):
                self.decided += 1
                self._last = row["start_ns"], row["id"]
                if is_accepted:
                    self.rows.append(row)
                    if self.is_done:
                        return
            start += len(batch)


def is_older_than(start_ns: int, row_id: int) -> sa.ColumnElement[bool]:
    """Whether a row comes after this position in the list, newest first."""
    # The index serves the first condition; the second orders requests that start in the same nanosecond.
    return sa.and_(
        request.c.start_ns <= start_ns, sa.or_(request.c.start_ns < start_ns, request.c.id < row_id)
    )


def encode_cursor(start_ns: int, row_id: int) -> str:
    """A position in the list as an opaque cursor."""
    return base64.urlsafe_b64encode(f"{start_ns}.{row_id}".encode()).decode()


def decode_cursor(cursor: str) -> tuple[int, int]:
    """The position of a cursor: start in Unix ns and row id.

    Raises:
        BadInput: the cursor is invalid.
    """
    try:
        start_ns, row_id = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").split(".")
        position = int(start_ns), int(row_id)
    except (binascii.Error, UnicodeError, ValueError):
        position = (-1, -1)
    if not all(0 <= number < 2**63 for number in position):
        raise BadInput("The cursor is invalid; use a next_cursor of this list, or none for the first page.")
    return position
