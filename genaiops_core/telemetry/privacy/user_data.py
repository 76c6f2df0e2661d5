"""Finds the data of one user: the user's requests, and the rows of every table that belong to them.

A request belongs to a user when one of its spans has the user's id, or when it has no user id and belongs to one of
the user's sessions. Tables are found by their columns, so that a table added later is included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from db.tables import metadata
from db.tables.evaluations import test_case
from db.tables.telemetry import request, span

EXCLUDED_TABLES = frozenset(("audit_entry", "invocation_log"))
"""Tables that are not searched. The audit log has no user ids. The ids of imported log entries must stay, because a
second import would else restore the user's data."""

TRACES_PER_STATEMENT = 500

_USER_COLUMNS = ("user_id",)
_CASE_TRACE_KEYS = ("trace_id", "source_trace_id")


@dataclass(frozen=True, kw_only=True)
class UserData:
    """The stored data of one user."""

    traces: Sequence[str]
    sessions: int
    shared_traces: int
    """Traces that also have spans of another user; a deletion removes them as a whole."""
    rows: Mapping[str, int]
    """Rows by table; tables without any are absent."""
    cases: Sequence[str] = field(default=())
    """Test cases created from these traces, as `dataset v1 case 3`; datasets are immutable, so they are only listed."""

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def find_user_data(connection: sa.Connection, user_id: str, application: str | None = None) -> UserData:
    """Find all data of `user_id`, in one application or in all. This reads every span, so it may take long."""
    traces, sessions = _find_traces(connection, user_id, application)
    rows: Counter[str] = Counter()
    for table in list_tables_by_trace():
        for portion in split_into_portions(traces):
            query = (
                sa.select(sa.func.count()).select_from(table).where(match_traces(table, portion, application))
            )
            rows[str(table.name)] += connection.scalar(query) or 0
    for table in list_tables_by_user():
        condition = match_user(table, user_id, application)
        if "trace_id" in table.c and traces:
            # The loop over tables by trace has counted the rows of these traces.
            counted = _count_rows_outside(connection, table, condition, set(traces))
        else:
            counted = connection.scalar(sa.select(sa.func.count()).select_from(table).where(condition)) or 0
        rows[str(table.name)] += counted
    return UserData(
        traces=traces,
        sessions=sessions,
        shared_traces=_count_shared_traces(connection, traces, user_id),
        rows={name: count for name, count in sorted(rows.items()) if count},
        cases=_find_test_cases(connection, traces),
    )


def list_tables_by_trace() -> list[sa.Table]:
    """Tables with a trace id in each row."""
    return [t for t in metadata.sorted_tables if "trace_id" in t.c and t.name not in EXCLUDED_TABLES]


def list_tables_by_user() -> list[sa.Table]:
    """Tables with a user id."""
    return [
        t
        for t in metadata.sorted_tables
        if t.name not in EXCLUDED_TABLES and any(name in t.c for name in _USER_COLUMNS)
    ]


def match_traces(table: sa.Table, traces: Sequence[str], application: str | None) -> sa.ColumnElement[bool]:
    """Condition for the rows of these traces; of one application when the table has that column."""
    condition: sa.ColumnElement[bool] = table.c.trace_id.in_(traces)
    if application is not None and "application" in table.c:
        condition = sa.and_(condition, table.c.application == application)
    return condition


def match_user(table: sa.Table, user_id: str, application: str | None) -> sa.ColumnElement[bool]:
    """Condition for the rows with this user id.

    With an application it is false for a table without that column, because its rows may belong to another one.
    """
    condition: sa.ColumnElement[bool] = sa.or_(
        *[table.c[name] == user_id for name in _USER_COLUMNS if name in table.c]
    )
    if application is None:
        return condition
    return sa.and_(condition, table.c.application == application) if "application" in table.c else sa.false()


def split_into_portions(traces: Sequence[str]) -> Iterator[Sequence[str]]:
    """`traces` in portions of the size of one statement (SQLite limits the number of bound values)."""
    for first in range(0, len(traces), TRACES_PER_STATEMENT):
        yield traces[first : first + TRACES_PER_STATEMENT]


def _find_traces(connection: sa.Connection, user_id: str, application: str | None) -> tuple[list[str], int]:
    """Sorted trace ids of the user, and the number of the user's sessions."""
    traces: set[str] = set()
    sessions: set[str] = set()
    for table in (request, span):
        rows = connection.execute(
            sa.select(table.c.trace_id, table.c.session_id)
            .where(match_user(table, user_id, application))
            .distinct()
        )
        for trace_id, session_id in rows:
            traces.add(trace_id)
            sessions.add(session_id)
    sessions.discard("")
    names = sorted(sessions)
    for portion in split_into_portions(names):
        of_session = sa.and_(request.c.session_id.in_(portion), request.c.user_id == "")
        if application is not None:
            of_session = sa.and_(of_session, request.c.application == application)
        traces.update(connection.scalars(sa.select(request.c.trace_id).where(of_session)))
    return sorted(traces), len(sessions)


def _count_shared_traces(connection: sa.Connection, traces: Sequence[str], user_id: str) -> int:
    count = 0
    for portion in split_into_portions(traces):
        query = sa.select(sa.func.count(span.c.trace_id.distinct())).where(
            span.c.trace_id.in_(portion), span.c.user_id.not_in(("", user_id))
        )
        count += connection.scalar(query) or 0
    return count


def _count_rows_outside(
    connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool], traces: set[str]
) -> int:
    return sum(
        trace not in traces for trace in connection.scalars(sa.select(table.c.trace_id).where(condition))
    )


def _find_test_cases(connection: sa.Connection, traces: Sequence[str]) -> tuple[str, ...]:
    """Test cases whose metadata have one of the trace ids."""
    trace_ids = set(traces)
    if not trace_ids:
        return ()
    columns = test_case.c
    rows = connection.execute(
        sa.select(columns.dataset, columns.version, columns.case_no, columns.metadata)
        # A rough filter for both key names; Python compares the ids below.
        .where(sa.cast(columns.metadata, sa.Text).contains("trace_id"))
        .order_by(columns.dataset, columns.version, columns.case_no)
    )
    return tuple(
        f"{dataset} v{version} case {case_no}"
        for dataset, version, case_no, metadata in rows
        if isinstance(metadata, dict) and any(metadata.get(key) in trace_ids for key in _CASE_TRACE_KEYS)
    )
