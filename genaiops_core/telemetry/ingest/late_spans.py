"""Deciding again about traces whose spans come in several transactions, and what that changes.

A trace that is new in this transaction was decided about as a whole. For the others every span is loaded, the decision is
made over all of them, and where it differs from what the rows say, the rows are changed and the differences returned.

On PostgreSQL the caller has upserted the requests of these traces, which locks their rows: of two writers of one trace the
later one waits, then sees all that the earlier one wrote.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace

import sqlalchemy as sa

from db.tables.telemetry import request, span
from genaiops_core.telemetry.counting import CountedSpan
from genaiops_core.telemetry.ingest.deduplication import find_duplicates
from genaiops_core.telemetry.ingest.duplicate_call import is_call_span
from genaiops_core.telemetry.ingest.requests import CALL_SUMS, RequestChange, add_call_sums
from genaiops_core.telemetry.spans import SpanFacts

MAX_TRACE_SPANS = 20_000
"""A trace is looked at as a whole up to so many spans; beyond it, only spans of one transaction are compared."""

_TRACES_PER_STATEMENT = 400
_LOADED = tuple(column.name for column in fields(CountedSpan))


@dataclass(slots=True)
class StoredSpan(CountedSpan):
    """One span loaded from its row."""

    id: int = field(kw_only=True)


@dataclass(frozen=True, kw_only=True)
class DuplicateChanges:
    """What deciding again changed."""

    before: tuple[StoredSpan, ...] = ()
    """Spans as they were counted until now, whose being counted changed."""
    after: tuple[StoredSpan, ...] = ()
    """The same spans as they count now."""
    requests: tuple[RequestChange, ...] = ()


def recheck_duplicates(connection: sa.Connection, new: Sequence[SpanFacts]) -> DuplicateChanges:
    """Decide again about the traces of `new`, spans that were just inserted and whose requests were just upserted."""
    traces = _find_extended_traces(connection, new)
    before: list[StoredSpan] = []
    after: list[StoredSpan] = []
    requests: list[RequestChange] = []
    rows: list[dict[str, object]] = []
    for members in _load_traces(connection, traces):
        verdict = find_duplicates(members)
        changed = [one for one in members if verdict.get(one.span_id, one.folded_into) != one.folded_into]
        if not changed:
            continue
        now = {one.span_id: _apply_decision(one, verdict[one.span_id]) for one in changed}
        rows += [{"of_id": one.id, "counts": one.is_call, "into": one.folded_into} for one in now.values()]
        toggled = [one for one in changed if one.is_call != now[one.span_id].is_call]
        before += toggled
        after += [now[one.span_id] for one in toggled]
        requests.append(_build_change(members, toggled, now))
    if rows:
        connection.execute(
            span.update()
            .where(span.c.id == sa.bindparam("of_id"))
            .values(is_call=sa.bindparam("counts"), folded_into=sa.bindparam("into")),
            rows,
        )
    return DuplicateChanges(before=tuple(before), after=tuple(after), requests=tuple(requests))


def _apply_decision(one: StoredSpan, into: str) -> StoredSpan:
    return replace(one, is_call=into == "", folded_into=into)


def _build_change(
    members: Sequence[StoredSpan], toggled: Iterable[StoredSpan], now: dict[str, StoredSpan]
) -> RequestChange:
    sums = dict.fromkeys(CALL_SUMS, 0)
    for one in toggled:
        if one.is_call:
            add_call_sums(one, -1, sums)
            sums["folded_calls"] += 1
        else:
            add_call_sums(now[one.span_id], 1, sums)
            sums["folded_calls"] -= 1
    counted = (now.get(one.span_id, one) for one in members)
    models = [one.model for one in counted if one.is_call and one.model]
    return RequestChange(members[0].trace_id, members[0].application, sums, min(models, default=""))


def _find_extended_traces(connection: sa.Connection, new: Iterable[SpanFacts]) -> list[tuple[str, str]]:
    """Those traces of `new` that have other spans too, and calls to decide about."""
    added = Counter((one.trace_id, one.application) for one in new)
    traces = sorted({trace_id for trace_id, _ in added})
    found: list[tuple[str, str]] = []
    c = request.c
    for start in range(0, len(traces), _TRACES_PER_STATEMENT):
        rows = connection.execute(
            sa.select(c.trace_id, c.application, c.spans, c.calls + c.folded_calls).where(
                c.trace_id.in_(traces[start : start + _TRACES_PER_STATEMENT])
            )
        )
        found += [
            (trace_id, application)
            for trace_id, application, spans, tellers in rows
            if tellers > 1 and 0 < added[trace_id, application] < spans <= MAX_TRACE_SPANS
        ]
    return found


def _load_traces(connection: sa.Connection, traces: Sequence[tuple[str, str]]) -> Iterable[list[StoredSpan]]:
    """All spans of each of `traces` that has more than one to decide about."""
    columns = [*(span.c[name] for name in _LOADED), span.c.id]
    for start in range(0, len(traces), _TRACES_PER_STATEMENT):
        wanted = set(traces[start : start + _TRACES_PER_STATEMENT])
        groups: dict[tuple[str, str], list[StoredSpan]] = defaultdict(list)
        for row in connection.execute(
            sa.select(*columns).where(span.c.trace_id.in_({trace_id for trace_id, _ in wanted}))
        ):
            one = StoredSpan(*row[:-1], id=row[-1])
            if (one.trace_id, one.application) in wanted:
                groups[one.trace_id, one.application].append(one)
        for members in groups.values():
            if sum(map(is_call_span, members)) > 1:
                yield members
