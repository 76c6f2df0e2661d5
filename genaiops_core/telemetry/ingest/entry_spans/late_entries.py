"""Entry spans of traces that arrive in several transactions, from several applications, or without their root.

`rule.mark_entries` decides a trace that is complete in one transaction. For the other traces every span is loaded,
the rule is applied to all of them, and where the result differs, spans and requests are changed and the differences
returned. `settle_requests` does the same for requests whose grace time is over.

On PostgreSQL the requests of a trace are locked first, of all its applications and in one order, so that two writers
cannot deadlock. Two transactions that both bring the first spans of different applications do not see each other: such
requests stay open, and `settle_requests` decides again.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from db.engine import is_sqlite
from db.portions import split_portions
from db.tables.telemetry import request, span
from db.transaction import reading, writing
from genaiops_core.telemetry.counting import COUNTED_COLUMNS
from genaiops_core.telemetry.ingest import identity
from genaiops_core.telemetry.ingest.entry_spans.rule import Entry, Key, find_entries
from genaiops_core.telemetry.ingest.late_spans import StoredSpan
from genaiops_core.telemetry.ingest.requests import (
    MAX_TRACE_SPANS,
    RequestState,
    choose_smallest,
    root_sort_key,
)
from genaiops_core.telemetry.rollups import rollups, usage
from genaiops_core.telemetry.spans import SpanFacts

GRACE = dt.timedelta(seconds=300)
"""Default of `GENAIOPS_ROOT_SPAN_GRACE_S`."""

TRACES_PER_TRANSACTION = 200
"""Small, because ingest on SQLite waits for the write lock meanwhile."""

_COLUMNS = (*COUNTED_COLUMNS, "id", "name", *identity.FIELDS)
_ENTRY_COLUMNS = (
    "start_ns",
    "duration_ns",
    "is_error",
    "name",
    "environment",
    "release",
    "is_internal",
    "is_rootless",
    "has_called_entry",
    *identity.FIELDS,
)
"""Columns of a request that its spans decide."""


@dataclass(frozen=True, kw_only=True)
class EntryChanges:
    """Stored spans that became requests or ceased to be, and the days whose requests changed."""

    before: list[StoredSpan] = field(default_factory=list)
    """The spans as they were counted until now."""
    after: list[StoredSpan] = field(default_factory=list)
    """The same spans as they are counted from now on."""
    days: set[usage.Day] = field(default_factory=set)


def lock_traces(connection: sa.Connection, traces: Collection[str]) -> None:
    """Lock the stored requests of `traces`, of all applications, in one order; SQLite has one writer at a time."""
    if is_sqlite(connection):
        return
    for portion in split_portions(sorted(traces)):
        connection.execute(
            sa.select(request.c.id)
            .where(request.c.trace_id.in_(portion))
            .order_by(request.c.trace_id, request.c.application)
            .with_for_update()
        )


def recheck_entries(
    connection: sa.Connection, new: Iterable[SpanFacts], states: Iterable[RequestState]
) -> EntryChanges:
    """Apply the rule again to the traces of `new`, spans just inserted.

    Args:
        connection: the writing transaction.
        new: spans just inserted.
        states: the requests of their traces.
    """
    by_trace: dict[str, list[RequestState]] = defaultdict(list)
    for state in states:
        by_trace[state.trace_id].append(state)
    called = {facts.trace_id for facts in new if facts.has_remote_parent}
    unclear = [
        trace_id
        for trace_id, members in by_trace.items()
        if any(state.has_replaced for state in members)
        or (
            any(state.spans > state.new_spans for state in members)
            and (len(members) > 1 or trace_id in called or any(state.has_called_entry for state in members))
        )
    ]
    return _apply_rule(connection, _fetch_requests(connection, unclear), {}) if unclear else EntryChanges()


def settle_requests(
    engine: sa.Engine, now: dt.datetime, *, grace: dt.timedelta = GRACE, shard: int = 0
) -> int:
    """Decide on the open requests without new spans since `grace`; without an entry span the outermost span counts.

    Safe while ingest writes and while other workers do the same. A root span that arrives later still decides.

    Args:
        engine: the database.
        now: the current instant, aware.
        grace: how long the next span of a trace is waited for, from the end of the last one.
        shard: number of this writer.

    Returns:
        The number of requests decided on.
    """
    until_ns = int((now - grace).timestamp() * 1e9)
    is_overdue = request.c.open_since_ns <= until_ns
    overdue_traces = (
        sa.select(request.c.trace_id).where(is_overdue).order_by(request.c.open_since_ns)
    ).limit(TRACES_PER_TRANSACTION)
    settled = 0
    while True:
        # Without the write lock, which most rounds do not need.
        with reading(engine) as connection:
            traces = set(connection.scalars(overdue_traces))
        if not traces:
            return settled
        with writing(engine) as connection:
            rollups.lock_shard(connection, shard)
            lock_traces(connection, traces)
            stored = _fetch_requests(connection, traces)
            overdue = {
                trace_id: {
                    row.application
                    for row in rows
                    if row.open_since_ns is not None and row.open_since_ns <= until_ns
                }
                for trace_id, rows in stored.items()
            }
            changes = _apply_rule(connection, stored, overdue)
            settled += connection.execute(
                request.update()
                .where(request.c.trace_id.in_(sorted(traces)), is_overdue)
                .values(open_since_ns=None)
            ).rowcount
            usage.mark_days(connection, changes.days, shard)
            cells = rollups.build_cells(())
            rollups.subtract_spans(cells, changes.before)
            rollups.add_spans(cells, changes.after)
            rollups.write_cells(connection, cells, shard)


def _fetch_requests(connection: sa.Connection, traces: Collection[str]) -> dict[str, list[Any]]:
    """The requests of `traces`, of all applications, by trace."""
    columns = [
        request.c[name] for name in ("trace_id", "application", "spans", "open_since_ns", *_ENTRY_COLUMNS)
    ]
    stored: dict[str, list[Any]] = defaultdict(list)
    for portion in split_portions(sorted(traces)):
        for row in connection.execute(sa.select(*columns).where(request.c.trace_id.in_(portion))):
            stored[row.trace_id].append(row)
    return stored


def _apply_rule(
    connection: sa.Connection, stored: Mapping[str, Sequence[Any]], overdue: Mapping[str, Collection[str]]
) -> EntryChanges:
    """Change the spans and requests of the traces `stored` to what the rule says."""
    changes = EntryChanges()
    small = [
        trace_id for trace_id, rows in stored.items() if sum(row.spans for row in rows) <= MAX_TRACE_SPANS
    ]
    span_rows: list[dict[str, Any]] = []
    request_rows: list[dict[str, Any]] = []
    for trace_id, members in _load_traces(connection, small):
        rows = stored[trace_id]
        entries = find_entries(
            members, {row.application for row in rows if row.is_rootless} | set(overdue.get(trace_id, ()))
        )
        for member in members:
            entry = entries.get((member.application, member.span_id))
            if _read_state(member) != _build_state(entry):
                updated = _set_entry(member, entry)
                changes.before.append(_build_span(member))
                changes.after.append(updated)
                span_rows.append(
                    {
                        "of_id": member.id,
                        "request": updated.is_request,
                        "internal": updated.is_internal,
                        "rootless": updated.is_rootless,
                    }
                )
        for row in rows:
            own = [member for member in members if member.application == row.application]
            values = _build_request_values(own, entries) if own else {}
            if any(values[name] != getattr(row, name) for name in values):
                changes.days.update(
                    (row.application, start_ns // usage.DAY_NS)
                    for start_ns in (row.start_ns, values["start_ns"])
                )
                request_rows.append(
                    {"of_trace": trace_id, "of_application": row.application}
                    | {f"new_{name}": value for name, value in values.items()}
                )
    _update_spans(connection, span_rows)
    _update_requests(connection, request_rows)
    return changes


def _read_state(member: Any) -> tuple[bool, bool, bool]:
    return bool(member.is_request), bool(member.is_internal), bool(member.is_rootless)


def _build_state(entry: Entry | None) -> tuple[bool, bool, bool]:
    return (False, False, False) if entry is None else (True, *entry)


def _build_span(member: Any) -> StoredSpan:
    return StoredSpan.copy(member, member.id)


def _set_entry(member: Any, entry: Entry | None) -> StoredSpan:
    is_request, is_internal, is_rootless = _build_state(entry)
    return replace(
        _build_span(member), is_request=is_request, is_internal=is_internal, is_rootless=is_rootless
    )


def _build_request_values(own: Sequence[Any], entries: Mapping[Key, Entry]) -> dict[str, Any]:
    """The values of `_ENTRY_COLUMNS` of the request with the spans `own`."""
    own_entries = [member for member in own if (member.application, member.span_id) in entries]
    values: dict[str, Any] = identity.choose_identity(
        [_IdentifiedSpan(member, (member.application, member.span_id) in entries) for member in own]
    )._asdict()
    values["has_called_entry"] = any(member.parent_span_id != "" for member in own_entries)
    if not own_entries:
        for name in ("environment", "release"):
            values[name] = ""
            for member in own:
                values[name] = choose_smallest(values[name], getattr(member, name))
        return values | {
            "start_ns": min(member.start_ns for member in own),
            "duration_ns": None,
            "is_error": False,
            "name": "",
            "is_internal": False,
            "is_rootless": False,
        }
    deciding = min(
        own_entries,
        key=lambda member: root_sort_key(
            member.start_ns,
            member.duration_ns,
            member.is_error,
            member.name,
            member.environment,
            member.release,
        ),
    )
    copied = ("start_ns", "duration_ns", "is_error", "name", "environment", "release")
    entry = entries[deciding.application, deciding.span_id]
    return values | {name: getattr(deciding, name) for name in copied} | entry._asdict()


class _IdentifiedSpan:
    """A stored span with the state that it is about to have, for the choice of session and user."""

    def __init__(self, member: Any, is_request: bool) -> None:
        self.span_id: str = member.span_id
        self.parent_span_id: str = member.parent_span_id
        self.start_ns: int = member.start_ns
        self.session_id: str = member.session_id
        self.user_id: str = member.user_id
        self.is_request = is_request


def _load_traces(connection: sa.Connection, traces: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    columns = [span.c[name] for name in _COLUMNS]
    for portion in split_portions(sorted(traces)):
        groups: dict[str, list[Any]] = defaultdict(list)
        for row in connection.execute(sa.select(*columns).where(span.c.trace_id.in_(portion))):
            groups[row.trace_id].append(row)
        yield from groups.items()


def _update_spans(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(
            span.update()
            .where(span.c.id == sa.bindparam("of_id"))
            .values(
                is_request=sa.bindparam("request"),
                is_internal=sa.bindparam("internal"),
                is_rootless=sa.bindparam("rootless"),
            ),
            rows,
        )


def _update_requests(connection: sa.Connection, rows: Iterable[dict[str, Any]]) -> None:
    ordered = sorted(rows, key=lambda row: (row["of_trace"], row["of_application"]))
    if ordered:
        connection.execute(
            request.update()
            .where(
                request.c.trace_id == sa.bindparam("of_trace"),
                request.c.application == sa.bindparam("of_application"),
            )
            .values({name: sa.bindparam(f"new_{name}") for name in _ENTRY_COLUMNS}),
            ordered,
        )
