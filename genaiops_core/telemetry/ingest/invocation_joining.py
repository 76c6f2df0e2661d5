"""Where a log entry belongs: below the OTLP span of the same call, or alone; whichever of the two comes first.

Spans and entries meet by the provider's id: the `requestId` of an entry, or the id in its answer, is the `call_id` of
the span. An entry that was taken in before its span came is moved: what it counted is taken away again, and it is told
once more as a span of the other trace. Which of the two is counted is decided there, by `folding`.

Limits: a span that says neither id cannot be found, and ids of fewer than eight characters are not believed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import sqlalchemy as sa

from db.engine import is_sqlite
from db.tables.telemetry import invocation_log, payload, request, span
from genaiops_core.telemetry.conventions import MODEL_COMPONENTS
from genaiops_core.telemetry.durations import UNKNOWN_NS
from genaiops_core.telemetry.ingest import payloads
from genaiops_core.telemetry.ingest.invocation_entries import LogEntry
from genaiops_core.telemetry.rollups import rollups, usage
from genaiops_core.telemetry.spans import COLUMNS, SpanFacts

_ADVISORY_LOCK = 0x6E61_4F73
"""Held alone while entries are placed, and shared while spans that may belong to some are written."""

_IDS_PER_STATEMENT = 500
_MIN_ID_LENGTH = 8
_MAX_DISTANCE_NS = 86_400 * 1_000_000_000
"""The same id on another day is another call's."""

_INHERITED = ("environment", "release", "session_id", "user_id")
_c, _s = invocation_log.c, span.c
_T = TypeVar("_T")


class PlacedEntries(NamedTuple):
    """Entries that are new, as spans ready to be written."""

    spans: list[SpanFacts]
    new: int  # calls that nobody told of
    joined: int  # calls that a span tells of too


class _OwnerSpan(Protocol):
    """What is needed of a span that an entry may belong to, written or about to be."""

    @property
    def application(self) -> str: ...
    @property
    def trace_id(self) -> str: ...
    @property
    def span_id(self) -> str: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def duration_ns(self) -> int: ...
    @property
    def call_id(self) -> str: ...


def place_entries(connection: sa.Connection, entries: Sequence[tuple[LogEntry, SpanFacts]]) -> PlacedEntries:
    """Of `entries`, each request once, take those never taken in before, and put them where they belong."""
    _lock(connection, is_shared=False)
    wanted = [entry.request_id for entry, _ in entries]
    known: set[str] = set()
    for some in _split(wanted):
        known.update(connection.scalars(sa.select(_c.request_id).where(_c.request_id.in_(some))))
    unknown = [pair for pair in entries if pair[0].request_id not in known]
    told = _index_by_call_id(_fetch_spans(connection, [i for entry, _ in unknown for i in _list_ids(entry)]))
    spans, rows, joined = [], [], 0
    for entry, facts in unknown:
        owner = _find_owner(told, _list_ids(entry), entry.start_ns)
        placed = facts if owner is None else _attach_below(facts, owner)
        joined += owner is not None
        spans.append(placed)
        rows.append(
            {
                "request_id": entry.request_id,
                "response_id": entry.response_id if len(entry.response_id) >= _MIN_ID_LENGTH else "",
                "application": placed.application,
                "trace_id": placed.trace_id,
                "span_id": placed.span_id,
                "start_ns": entry.start_ns,
                "is_folded": owner is not None,
            }
        )
    if rows:
        connection.execute(sa.insert(invocation_log), rows)
    return PlacedEntries(spans=spans, new=len(unknown) - joined, joined=joined)


def adopt_entries(connection: sa.Connection, spans: list[SpanFacts], shard: int) -> list[SpanFacts]:
    """`spans`, about to be written, and with them the log entries of their calls that stood alone so far.

    Args:
        connection: the writing transaction; the caller holds `rollups.lock_shard`.
        spans: of one batch or more.
        shard: number of this writer.
    """
    tellers = [one for one in spans if one.call_id and one.component in MODEL_COMPONENTS]
    if not tellers:
        return spans
    _lock(connection, is_shared=True)
    # Most installations have no log entries at all.
    if connection.scalar(sa.select(_c.request_id).limit(1)) is None:
        return spans
    told = _index_by_call_id(tellers)
    owners = {
        row.request_id: (row, owner)
        for row in _fetch_unjoined(connection, sorted(told))
        if (owner := _find_owner(told, (row.request_id, row.response_id), row.start_ns)) is not None
    }
    if not owners:
        return spans
    taken = _remove_entries(connection, [row for row, _ in owners.values()], shard)
    if taken:
        connection.execute(
            sa.update(invocation_log)
            .where(_c.request_id == sa.bindparam("of"))
            .values(application=sa.bindparam("now_of"), trace_id=sa.bindparam("now_in"), is_folded=True),
            [
                {"of": name, "now_of": owners[name][1].application, "now_in": owners[name][1].trace_id}
                for name in taken
            ],
        )
    return [*spans, *(_attach_below(facts, owners[name][1]) for name, facts in taken.items())]


def _lock(connection: sa.Connection, *, is_shared: bool) -> None:
    if not is_sqlite(connection):
        lock = sa.func.pg_advisory_xact_lock_shared if is_shared else sa.func.pg_advisory_xact_lock
        connection.execute(sa.select(lock(_ADVISORY_LOCK)))


def _list_ids(entry: LogEntry) -> tuple[str, str]:
    return entry.request_id, entry.response_id


def _index_by_call_id(spans: Iterable[_OwnerSpan]) -> dict[str, _OwnerSpan]:
    """One span for each id, whatever their order: of several that tell of a call, the one that started last."""
    found: dict[str, _OwnerSpan] = {}
    for one in spans:
        held = found.get(one.call_id)
        if held is None or (one.start_ns, one.span_id) > (held.start_ns, held.span_id):
            found[one.call_id] = one
    return found


def _find_owner(told: Mapping[str, _OwnerSpan], ids: Iterable[str], start_ns: int) -> _OwnerSpan | None:
    for one in ids:
        owner = told.get(one) if len(one) >= _MIN_ID_LENGTH else None
        if owner is not None and abs(owner.start_ns - start_ns) < _MAX_DISTANCE_NS:
            return owner
    return None


def _attach_below(facts: SpanFacts, owner: Any) -> SpanFacts:
    """The entry's span as a child of `owner`, and within its time: clocks differ, and log instants are rounded."""
    end_ns = owner.start_ns + max(0, owner.duration_ns)
    return dataclasses.replace(
        facts,
        application=owner.application,
        trace_id=owner.trace_id,
        parent_span_id=owner.span_id,
        is_request=False,
        is_call=True,
        folded_into="",
        start_ns=min(max(facts.start_ns, owner.start_ns), end_ns),
        # The span says how long its application waited, which is what latency means: it goes before the entry.
        duration_ns=UNKNOWN_NS,
        **{name: getattr(facts, name) or getattr(owner, name) for name in _INHERITED},
    )


def _fetch_spans(connection: sa.Connection, ids: Sequence[str]) -> Iterator[Any]:
    columns = ("application", "trace_id", "span_id", "start_ns", "duration_ns", "call_id", *_INHERITED)
    for some in _split([one for one in ids if len(one) >= _MIN_ID_LENGTH]):
        yield from connection.execute(
            sa.select(*[_s[name] for name in columns]).where(
                _s.call_id.in_(some),
                # Told again, though every id is longer: it is the condition of the index.
                _s.call_id != "",
                _s.component.in_(sorted(MODEL_COMPONENTS)),
            )
        )


def _fetch_unjoined(connection: sa.Connection, ids: Sequence[str]) -> list[Any]:
    """Entries with one of `ids` that no span told of so far, in order, and now ours to move."""
    found: set[str] = set()
    for some in _split([one for one in ids if len(one) >= _MIN_ID_LENGTH]):
        for matches in (_c.request_id.in_(some), sa.and_(_c.response_id.in_(some), _c.response_id != "")):
            found.update(connection.scalars(sa.select(_c.request_id).where(matches, ~_c.is_folded)))
    rows: list[Any] = []
    for some in _split(sorted(found)):
        # Another writer may tell of the same call: whoever comes second waits here, and finds it moved.
        query = sa.select(invocation_log).where(_c.request_id.in_(some), ~_c.is_folded)
        rows += connection.execute(query.order_by(_c.request_id).with_for_update())
    return rows


def _remove_entries(connection: sa.Connection, rows: Sequence[Any], shard: int) -> dict[str, SpanFacts]:
    """The spans of these entries by request id, taken out of the traces they had alone, with all they counted.

    Those that retention or a user's deletion took already are left out.
    """
    taken: dict[str, SpanFacts] = {}
    for some in _split(rows):
        names = {(row.trace_id, row.span_id, row.application): row.request_id for row in some}
        traces = [row.trace_id for row in some]
        told = {
            (trace_id, application): payloads.unpack([blob])
            for trace_id, application, blob in connection.execute(
                sa.select(payload.c.trace_id, payload.c.application, payload.c.spans_zstd).where(
                    payload.c.trace_id.in_(traces)
                )
            )
        }
        for stored in connection.execute(sa.select(span).where(_s.trace_id.in_(traces))).mappings():
            key = (stored["trace_id"], stored["span_id"], stored["application"])
            said = told.get((key[0], key[2]), {}).get(key[1], {})
            taken[names[key]] = SpanFacts(
                **{name: stored[name] for name in COLUMNS},
                response_model=str(said.get("attributes", {}).get("gen_ai.response.model") or ""),
                payload=said,
            )
        # Ids made from the request's own: nothing else is in these traces.
        for table in (span, payload, request):
            connection.execute(sa.delete(table).where(table.c.trace_id.in_(traces)))
    cells = rollups.build_cells(())
    rollups.subtract_spans(cells, taken.values())
    rollups.write_cells(connection, cells, shard)
    days = {(facts.application, facts.start_ns // usage.DAY_NS) for facts in taken.values()}
    usage.mark_days(connection, days, shard)
    return taken


def _split(some: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for first in range(0, len(some), _IDS_PER_STATEMENT):
        yield some[first : first + _IDS_PER_STATEMENT]
