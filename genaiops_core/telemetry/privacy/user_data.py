"""What is kept of one user: which requests are theirs, and which rows of which tables hang on these.

A request is the user's when any of its spans says so, or when it belongs to one of the user's sessions and says no
other user. Tables are found by their columns, so that one that is added later is not forgotten.
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
"""Not searched by trace: the audit log names no users, and the ids of log entries taken in must stay known, or a second
import would bring the user's data back."""

TRACES_PER_STATEMENT = 500

_PEOPLE_COLUMNS = ("user_id",)
_CASE_TRACE_KEYS = ("trace_id", "source_trace_id")


@dataclass(frozen=True, kw_only=True)
class UserData:
    """What is kept of one user at one moment."""

    traces: Sequence[str]
    sessions: int
    shared_traces: int
    """Of the traces, those in which a span names another user too; they go as a whole."""
    rows: Mapping[str, int]
    """Rows by table; only tables that have any."""
    cases: Sequence[str] = field(default=())
    """Test cases made from these traces, as `dataset v1 case 3`; datasets do not change, so they are only named."""

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def find_user_data(connection: sa.Connection, user_id: str, application: str | None = None) -> UserData:
    """Everything kept of `user_id`, in one application or in all; looks at every span, so it may take a while."""
    traces, sessions = _traces(connection, user_id, application)
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
            # Rows of the traces are counted already.
            counted = _count_apart(connection, table, condition, set(traces))
        else:
            counted = connection.scalar(sa.select(sa.func.count()).select_from(table).where(condition)) or 0
        rows[str(table.name)] += counted
    return UserData(
        traces=traces,
        sessions=sessions,
        shared_traces=_shared(connection, traces, user_id),
        rows={name: count for name, count in sorted(rows.items()) if count},
        cases=_cases(connection, traces),
    )


def list_tables_by_trace() -> list[sa.Table]:
    """Tables of which every row belongs to one trace."""
    return [t for t in metadata.sorted_tables if "trace_id" in t.c and t.name not in EXCLUDED_TABLES]


def list_tables_by_user() -> list[sa.Table]:
    """Tables whose rows name a user."""
    return [
        t
        for t in metadata.sorted_tables
        if t.name not in EXCLUDED_TABLES and any(name in t.c for name in _PEOPLE_COLUMNS)
    ]


def match_traces(table: sa.Table, traces: Sequence[str], application: str | None) -> sa.ColumnElement[bool]:
    """The rows of these traces; of one application where the table tells applications apart."""
    condition: sa.ColumnElement[bool] = table.c.trace_id.in_(traces)
    if application is not None and "application" in table.c:
        condition = sa.and_(condition, table.c.application == application)
    return condition


def match_user(table: sa.Table, user_id: str, application: str | None) -> sa.ColumnElement[bool]:
    """The rows that name the user; none of a table that does not say of which application they are, if one is asked."""
    condition: sa.ColumnElement[bool] = sa.or_(
        *[table.c[name] == user_id for name in _PEOPLE_COLUMNS if name in table.c]
    )
    if application is None:
        return condition
    return sa.and_(condition, table.c.application == application) if "application" in table.c else sa.false()


def split_into_portions(traces: Sequence[str]) -> Iterator[Sequence[str]]:
    """`traces` in portions that one statement can name."""
    for first in range(0, len(traces), TRACES_PER_STATEMENT):
        yield traces[first : first + TRACES_PER_STATEMENT]


def _traces(connection: sa.Connection, user_id: str, application: str | None) -> tuple[list[str], int]:
    """Trace ids of the user, in order, and how many sessions they are in."""
    found: set[str] = set()
    sessions: set[str] = set()
    for table in (request, span):
        rows = connection.execute(
            sa.select(table.c.trace_id, table.c.session_id)
            .where(match_user(table, user_id, application))
            .distinct()
        )
        for trace_id, session_id in rows:
            found.add(trace_id)
            sessions.add(session_id)
    sessions.discard("")
    names = sorted(sessions)
    for portion in split_into_portions(names):
        of_session = sa.and_(request.c.session_id.in_(portion), request.c.user_id == "")
        if application is not None:
            of_session = sa.and_(of_session, request.c.application == application)
        found.update(connection.scalars(sa.select(request.c.trace_id).where(of_session)))
    return sorted(found), len(sessions)


def _shared(connection: sa.Connection, traces: Sequence[str], user_id: str) -> int:
    shared = 0
    for portion in split_into_portions(traces):
        query = sa.select(sa.func.count(span.c.trace_id.distinct())).where(
            span.c.trace_id.in_(portion), span.c.user_id.not_in(("", user_id))
        )
        shared += connection.scalar(query) or 0
    return shared


def _count_apart(
    connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool], traces: set[str]
) -> int:
    return sum(
        trace not in traces for trace in connection.scalars(sa.select(table.c.trace_id).where(condition))
    )


def _cases(connection: sa.Connection, traces: Sequence[str]) -> tuple[str, ...]:
    """Test cases whose metadata name one of the traces."""
    wanted = set(traces)
    if not wanted:
        return ()
    c = test_case.c
    rows = connection.execute(
        sa.select(c.dataset, c.version, c.case_no, c.metadata)
        .where(sa.cast(c.metadata, sa.Text).contains("trace_id"))
        .order_by(c.dataset, c.version, c.case_no)
    )
    return tuple(
        f"{dataset} v{version} case {case_no}"
        for dataset, version, case_no, told in rows
        if isinstance(told, dict) and any(told.get(key) in wanted for key in _CASE_TRACE_KEYS)
    )
