"""Deduplication of traces whose spans arrive in several transactions.

`deduplication.mark_duplicates` decides a trace that is new in this transaction. For the other traces every span is
loaded, the rule is applied to all of them, and where the result differs from the rows, the rows are changed and the
differences returned.

On PostgreSQL the caller has upserted the requests of these traces, which locks their rows: of two writers of one trace
the later one waits, then sees all that the earlier one wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from db.portions import split_portions
from db.tables.telemetry import span
from genaiops_core.telemetry.counting import COUNTED_COLUMNS, CountedSpan
from genaiops_core.telemetry.ingest.deduplication import find_duplicates
from genaiops_core.telemetry.ingest.duplicate_call import is_call_span
from genaiops_core.telemetry.ingest.requests import CALL_SUMS, RequestChange, RequestState, add_call_sums


@dataclass(slots=True)
class StoredSpan(CountedSpan):
    """One span loaded from its row."""

    id: int = field(kw_only=True)

    @classmethod
    def copy(cls, facts: Any, id: int) -> StoredSpan:
        """Build one from a row with more columns, or from a span about to be written in place of row `id`."""
        return cls(**{name: getattr(facts, name) for name in COUNTED_COLUMNS}, id=id)


@dataclass(frozen=True, kw_only=True)
class DuplicateChanges:
    """Stored spans that became duplicates or counted calls, and what that changes in their requests."""

    before: tuple[StoredSpan, ...] = ()
    """The spans as they were counted until now."""
    after: tuple[StoredSpan, ...] = ()
    """The same spans as they are counted from now on."""
    requests: tuple[RequestChange, ...] = ()


def recheck_duplicates(connection: sa.Connection, states: Iterable[RequestState]) -> DuplicateChanges:
    """Apply the rule again to the extended ones of `states`."""
    traces = [
        (state.trace_id, state.application) for state in states if state.is_extended and state.call_spans > 1
    ]
    before: list[StoredSpan] = []
    after: list[StoredSpan] = []
    requests: list[RequestChange] = []
    rows: list[dict[str, object]] = []
    for members in _load_traces(connection, traces):
        duplicates = find_duplicates(members)
        changed = [
            member
            for member in members
            # A span that reports no call is absent from `duplicates` and never changes.
            if duplicates.get(member.span_id, member.folded_into) != member.folded_into
        ]
        if not changed:
            continue
        updated = {member.span_id: _set_target(member, duplicates[member.span_id]) for member in changed}
        rows += [
            {"of_id": member.id, "counts": member.is_call, "into": member.folded_into}
            for member in updated.values()
        ]
        # A duplicate that only points to another counted span changes no sum.
        toggled = [member for member in changed if member.is_call != updated[member.span_id].is_call]
        before += toggled
        after += [updated[member.span_id] for member in toggled]
        requests.append(_build_change(members, toggled, updated))
    if rows:
        connection.execute(
            span.update()
            .where(span.c.id == sa.bindparam("of_id"))
            .values(is_call=sa.bindparam("counts"), folded_into=sa.bindparam("into")),
            rows,
        )
    return DuplicateChanges(before=tuple(before), after=tuple(after), requests=tuple(requests))


def _set_target(member: StoredSpan, target: str) -> StoredSpan:
    return replace(member, is_call=target == "", folded_into=target)


def _build_change(
    members: Sequence[StoredSpan], toggled: Iterable[StoredSpan], updated: dict[str, StoredSpan]
) -> RequestChange:
    sums = dict.fromkeys(CALL_SUMS, 0)
    for member in toggled:
        if member.is_call:
            add_call_sums(member, -1, sums)
            sums["folded_calls"] += 1
        else:
            add_call_sums(updated[member.span_id], 1, sums)
            sums["folded_calls"] -= 1
    current = (updated.get(member.span_id, member) for member in members)
    models = [member.model for member in current if member.is_call and member.model]
    return RequestChange(members[0].trace_id, members[0].application, sums, min(models, default=""))


def _load_traces(connection: sa.Connection, traces: Sequence[tuple[str, str]]) -> Iterable[list[StoredSpan]]:
    """Load all spans of each of `traces` that has more than one call span."""
    columns = [*(span.c[name] for name in COUNTED_COLUMNS), span.c.id]
    for keys in split_portions(traces):
        portion = set(keys)
        groups: dict[tuple[str, str], list[StoredSpan]] = defaultdict(list)
        for row in connection.execute(
            sa.select(*columns).where(span.c.trace_id.in_({trace_id for trace_id, _ in portion}))
        ):
            stored = StoredSpan(*row[:-1], id=row[-1])
            if (stored.trace_id, stored.application) in portion:
                groups[stored.trace_id, stored.application].append(stored)
        for members in groups.values():
            if sum(map(is_call_span, members)) > 1:
                yield members
