"""Pages of requests, newest first, with a bound on the work of one page whatever is asked for."""

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
"""Rows looked at for one page when a filter that no index serves is set: so many, and if that fills no page more."""

NEWEST_FIRST = (request.c.start_ns.desc(), request.c.id.desc())
_READ_AT_ONCE = 50

Accept = Callable[[Sequence[sa.RowMapping]], Sequence[bool]]
"""Decides, for some rows, what the database could not."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some rows of `request` and where the next page begins."""

    rows: Sequence[sa.RowMapping]
    next_cursor: str | None
    looked_at: int | None
    """Requests looked at when that bound ended the page; None when it is full or the window ended."""
    accepted_among: int | None
    """Rows that `accept` decided; None without one."""


def check_limit(limit: int) -> None:
    """Refuse a page that is empty or too long.

    Raises:
        BadInput: with the limits.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise BadInput(f"The limit of a page of traces is 1 to {MAX_LIMIT}, not {limit}.")


def window_scope(filters: Filters, *, is_indexed: bool = False) -> list[sa.ColumnElement[bool]]:
    """The window and the application, as an index finds them.

    Args:
        filters: their other dimensions are left to the caller.
        is_indexed: another index leads (that of a user, say): then the application must not tempt the planner.
    """
    scope = [request.c.start_ns >= filters.start_ns, request.c.start_ns < filters.end_ns]
    if filters.application is not None:
        column = request.c.application.concat("") if is_indexed else request.c.application
        scope.append(column == filters.application)
    return scope


def narrowed(filters: Filters) -> list[sa.ColumnElement[bool]]:
    """The dimensions of a request that no index serves."""
    return [request.c[name] == value for name, value in filters.dimensions.items()]


def read_page(
    connection: sa.Connection,
    *,
    scope: Sequence[sa.ColumnElement[bool]],
    picked: Sequence[sa.ColumnElement[bool]],
    limit: int,
    cursor: str | None,
    columns: Sequence[sa.ColumnElement[Any]] = (),
    accept: Accept | None = None,
    most_accepted_among: int = 0,
) -> Page:
    """One page.

    Args:
        connection: best a `reading` snapshot.
        scope: what an index serves.
        picked: what every row must be looked at for.
        limit: rows wanted, already checked.
        cursor: `next_cursor` of the page before.
        columns: wanted beside those of `request`.
        accept: the last word on rows that are `picked`.
        most_accepted_among: rows put before `accept` at most.

    Raises:
        BadInput: a cursor that is none of ours.
    """
    reader = _Reader(connection, limit, columns, accept, most_accepted_among)
    scope = list(scope)
    if cursor:
        scope.append(before(*decoded(cursor)))
    looked_to, looked_at = None, 0
    # No index serves what is picked: look at a bounded number of rows, few at first, and let the cursor say where
    # that ended.
    for rows in SCANS if picked or accept else ():
        looked_to = connection.execute(
            sa.select(request.c.start_ns, request.c.id)
            .where(*scope)
            .order_by(*NEWEST_FIRST)
            .offset(rows - 1)
            .limit(1)
        ).one_or_none()
        if looked_to is None:
            break
        looked_at += rows
        reader.read([*scope, *picked, ~before(*looked_to)])
        if reader.is_done:
            break
        scope.append(before(*looked_to))
    if looked_to is None:
        reader.read([*scope, *picked])
    found = reader.found
    last = None
    if len(found) > limit:
        last = found[limit - 1]["start_ns"], found[limit - 1]["id"]
    elif reader.stopped_at is not None:
        last = reader.stopped_at
    elif looked_to is not None:
        last = looked_to[0], looked_to[1]
    is_bounded = len(found) <= limit and last is not None and reader.stopped_at is None
    return Page(
        rows=found[:limit],
        next_cursor=None if last is None else encoded(*last),
        looked_at=looked_at if is_bounded else None,
        accepted_among=reader.decided if accept else None,
    )


class _Reader:
    """Collects one row more than a page holds, asking `accept` about a bounded number of them."""

    def __init__(
        self,
        connection: sa.Connection,
        limit: int,
        columns: Sequence[sa.ColumnElement[Any]],
        accept: Accept | None,
        most: int,
    ) -> None:
        self._connection = connection
        self._wanted = limit + 1
        self._select = sa.select(request, *columns).order_by(*NEWEST_FIRST)
        self._accept = accept
        self._most = most
        self.found: list[sa.RowMapping] = []
        self.decided = 0
        self.stopped_at: tuple[int, int] | None = None
        self._last: tuple[int, int] | None = None

    @property
    def is_done(self) -> bool:
        return len(self.found) >= self._wanted or self.stopped_at is not None

    def read(self, conditions: Sequence[sa.ColumnElement[bool]]) -> None:
        statement = self._select.where(*conditions)
        if self._accept is None:
            rows = self._connection.execute(statement.limit(self._wanted - len(self.found)))
            self.found += rows.mappings().all()
            return
        left = self._most - self.decided
        candidates = self._connection.execute(statement.limit(left + 1)).mappings().all()
        at = 0
        while at < len(candidates):
            some = candidates[at : at + min(_READ_AT_ONCE, self._most - self.decided)]
            if not some:
                self.stopped_at = self._last
                return
            for row, is_accepted in zip(some, self._accept(some), strict=True):
                self.decided += 1
                self._last = row["start_ns"], row["id"]
                if is_accepted:
                    self.found.append(row)
                    if self.is_done:
                        return
            at += len(some)


def before(start_ns: int, row_id: int) -> sa.ColumnElement[bool]:
    """Rows that come after this one in the list, newest first."""
    # The first condition is what the index can use; the second breaks ties.
    return sa.and_(
        request.c.start_ns <= start_ns, sa.or_(request.c.start_ns < start_ns, request.c.id < row_id)
    )


def encoded(start_ns: int, row_id: int) -> str:
    """A place in the list as a cursor."""
    return base64.urlsafe_b64encode(f"{start_ns}.{row_id}".encode()).decode()


def decoded(cursor: str) -> tuple[int, int]:
    """The place that a cursor names.

    Raises:
        BadInput: it is none of ours.
    """
    try:
        start_ns, row_id = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").split(".")
        place = int(start_ns), int(row_id)
    except (binascii.Error, UnicodeError, ValueError):
        place = (-1, -1)
    if not all(0 <= number < 2**63 for number in place):
        raise BadInput("The cursor is not one that this list gave out; start again without it.")
    return place
