"""Joins log entries to the OTLP spans of the same calls, whichever of the two arrives first.

Spans and entries are matched by the provider's id: the `requestId` of an entry, or the id in its answer, equals the
`call_id` of the span. The entry becomes a child of the span. An entry that arrived before its span is moved: its counts
are subtracted, and it is written again as a span of the other trace. `deduplication` then decides which of the two is
counted. The entry has the usage, the span knows how long the application waited and whether the call failed for it: the
entry takes both from the span, so that it is counted with them.

Limits: a span without either id is not matched, and ids of fewer than eight characters are ignored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from db.engine import is_sqlite
from db.portions import split_portions
from db.tables.telemetry import invocation_log, payload, request, span
from genaiops_core.telemetry.conventions import MODEL_COMPONENTS
from genaiops_core.telemetry.ingest import payloads
from genaiops_core.telemetry.ingest.duplicate_call import is_call_span
from genaiops_core.telemetry.ingest.invocation_entries import LogEntry
from genaiops_core.telemetry.rollups import rollups, usage
from genaiops_core.telemetry.spans import COLUMNS, SpanFacts, reread_terms

_ADVISORY_LOCK = 0x6E61_4F73
"""Exclusive while entries are placed; shared while spans that may own entries are written."""

_MIN_ID_LENGTH = 8
_MAX_DISTANCE_NS = 86_400 * 1_000_000_000
"""Equal ids further apart belong to different calls."""

_INHERITED = ("environment", "release", "session_id", "user_id")
_c, _s = invocation_log.c, span.c


class PlacedEntries(NamedTuple):
    """New entries, as spans ready to be written."""

    spans: list[SpanFacts]
    new: int  # calls without an OTLP span
    joined: int  # calls with an OTLP span
    expired: int  # calls of days that retention has deleted; they are not stored


class _OwnerSpan(Protocol):
    """A span that may own an entry: a row of `span`, or a span about to be written."""

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


def place_entries(
    connection: sa.Connection, entries: Sequence[tuple[LogEntry, SpanFacts]], edge_ns: int
) -> PlacedEntries:
    """Find the new ones of `entries`, each request once; attach each to its span, or leave it a trace of its own.

    Args:
        connection: the writing transaction.
        entries: with their spans.
        edge_ns: entries before this time are refused; their spans may have been counted and deleted.
    """
    # Without it an entry and its span, written at the same time, would not see each other and both count.
    _lock(connection, is_shared=False)
    request_ids = [entry.request_id for entry, _ in entries]
    known: set[str] = set()
    for portion in split_portions(request_ids):
        known.update(connection.scalars(sa.select(_c.request_id).where(_c.request_id.in_(portion))))
    unknown = [pair for pair in entries if pair[0].request_id not in known]
    expired = sum(entry.start_ns < edge_ns for entry, _ in unknown)
    unknown = [pair for pair in unknown if pair[0].start_ns >= edge_ns]
    owners = _index_by_call_id(
        _fetch_spans(connection, [call_id for entry, _ in unknown for call_id in _list_ids(entry)])
    )
    spans, rows, joined = [], [], 0
    for entry, facts in unknown:
        owner = _find_owner(owners, _list_ids(entry), entry.start_ns)
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
    return PlacedEntries(spans=spans, new=len(unknown) - joined, joined=joined, expired=expired)


def adopt_entries(connection: sa.Connection, spans: list[SpanFacts], shard: int) -> list[SpanFacts]:
    """Return `spans`, about to be written, and the log entries of their calls that had no span so far.

    Args:
        connection: the writing transaction; the caller holds `rollups.lock_shard`.
        spans: of one batch or more.
        shard: number of this writer.
    """
    candidates = [span for span in spans if span.call_id and _may_own_entry(span)]
    if not candidates:
        return spans
    _lock(connection, is_shared=True)
    # Most installations have no log entries at all.
    if connection.scalar(sa.select(_c.request_id).limit(1)) is None:
        return spans
    by_call_id = _index_by_call_id(candidates)
    owners = {
        row.request_id: (row, owner)
        for row in _fetch_unjoined(connection, sorted(by_call_id))
        if (owner := _find_owner(by_call_id, (row.request_id, row.response_id), row.start_ns)) is not None
    }
    if not owners:
        return spans
    removed = _remove_entries(connection, [row for row, _ in owners.values()], shard)
    if removed:
        connection.execute(
            sa.update(invocation_log)
            .where(_c.request_id == sa.bindparam("of"))
            .values(application=sa.bindparam("now_of"), trace_id=sa.bindparam("now_in"), is_folded=True),
            [
                {"of": name, "now_of": owners[name][1].application, "now_in": owners[name][1].trace_id}
                for name in removed
            ],
        )
    return [*spans, *(_attach_below(facts, owners[name][1]) for name, facts in removed.items())]


def _may_own_entry(span: SpanFacts) -> bool:
    """Whether the span may be the call of an entry: of a model, or a bare request to Bedrock.

    An agent may report the id of its last call as its own.
    """
    return span.component in MODEL_COMPONENTS or not is_call_span(span)


def _lock(connection: sa.Connection, *, is_shared: bool) -> None:
    if not is_sqlite(connection):
        lock = sa.func.pg_advisory_xact_lock_shared if is_shared else sa.func.pg_advisory_xact_lock
        connection.execute(sa.select(lock(_ADVISORY_LOCK)))


def _list_ids(entry: LogEntry) -> tuple[str, str]:
    return entry.request_id, entry.response_id


def _index_by_call_id(spans: Iterable[_OwnerSpan]) -> dict[str, _OwnerSpan]:
    """Index spans by call id: of several spans of a call the one that started last, whatever their order."""
    by_call_id: dict[str, _OwnerSpan] = {}
    for candidate in spans:
        latest = by_call_id.get(candidate.call_id)
        if latest is None or (candidate.start_ns, candidate.span_id) > (latest.start_ns, latest.span_id):
            by_call_id[candidate.call_id] = candidate
    return by_call_id


def _find_owner(by_call_id: Mapping[str, _OwnerSpan], ids: Iterable[str], start_ns: int) -> _OwnerSpan | None:
    for call_id in ids:
        owner = by_call_id.get(call_id) if len(call_id) >= _MIN_ID_LENGTH else None
        if owner is not None and abs(owner.start_ns - start_ns) < _MAX_DISTANCE_NS:
            return owner
    return None


def _attach_below(facts: SpanFacts, owner: Any) -> SpanFacts:
    """Make the entry's span a child of `owner`, within its time: clocks differ, and log times are rounded."""
    end_ns = owner.start_ns + max(0, owner.duration_ns)
    return dataclasses.replace(
        facts,
        application=owner.application,
        trace_id=owner.trace_id,
        parent_span_id=owner.span_id,
        is_request=False,
        is_call=True,
        folded_into="",
        # Its own id is another one where the two are matched by the id of the answer.
        call_id=owner.call_id,
        start_ns=min(max(facts.start_ns, owner.start_ns), end_ns),
        # Latency is the time that the application waited, which only the owner knows.
        duration_ns=owner.duration_ns,
        is_error=facts.is_error or owner.is_error,
        # An application inference profile has an ARN without the model, which the application may know.
        model=owner.model if owner.model and facts.model.startswith("arn:") else facts.model,
        response_model=facts.response_model or owner.model,
        **{name: getattr(facts, name) or getattr(owner, name) for name in _INHERITED},
    )


def _fetch_spans(connection: sa.Connection, ids: Sequence[str]) -> Iterator[Any]:
    names = ("application", "trace_id", "span_id", "start_ns", "duration_ns", "call_id", "model", "is_error")
    columns = (*names, *_INHERITED)
    for portion in split_portions([call_id for call_id in ids if len(call_id) >= _MIN_ID_LENGTH]):
        yield from connection.execute(
            sa.select(*[_s[name] for name in columns]).where(
                _s.call_id.in_(portion),
                # Redundant, but it is the condition of the partial index.
                _s.call_id != "",
                # As `_may_own_entry`.
                sa.or_(
                    _s.component.in_(sorted(MODEL_COMPONENTS)),
                    sa.and_(~_s.is_call, _s.folded_into == ""),
                ),
            )
        )


def _fetch_unjoined(connection: sa.Connection, ids: Sequence[str]) -> list[Any]:
    """Lock and return the entries with one of `ids` that have no span so far, in order of request id."""
    request_ids: set[str] = set()
    for portion in split_portions([call_id for call_id in ids if len(call_id) >= _MIN_ID_LENGTH]):
        for matches in (
            _c.request_id.in_(portion),
            sa.and_(_c.response_id.in_(portion), _c.response_id != ""),
        ):
            request_ids.update(connection.scalars(sa.select(_c.request_id).where(matches, ~_c.is_folded)))
    rows: list[Any] = []
    for portion in split_portions(sorted(request_ids)):
        # Another writer may have a span of the same call: the second one waits here, and no longer gets the entry.
        query = sa.select(invocation_log).where(_c.request_id.in_(portion), ~_c.is_folded)
        rows += connection.execute(query.order_by(_c.request_id).with_for_update())
    return rows


def _remove_entries(connection: sa.Connection, rows: Sequence[Any], shard: int) -> dict[str, SpanFacts]:
    """Delete the traces of these entries, subtract their counts, and return their spans by request id.

    Entries that retention or a user's deletion has removed are left out.
    """
    removed: dict[str, SpanFacts] = {}
    for portion in split_portions(rows):
        names = {(row.trace_id, row.span_id, row.application): row.request_id for row in portion}
        traces = [row.trace_id for row in portion]
        payload_by_trace = {
            (trace_id, application): payloads.unpack([blob])
            for trace_id, application, blob in connection.execute(
                sa.select(payload.c.trace_id, payload.c.application, payload.c.spans_zstd).where(
                    payload.c.trace_id.in_(traces)
                )
            )
        }
        for stored in connection.execute(sa.select(span).where(_s.trace_id.in_(traces))).mappings():
            key = (stored["trace_id"], stored["span_id"], stored["application"])
            entry_payload = payload_by_trace.get((key[0], key[2]), {}).get(key[1], {})
            attributes = entry_payload.get("attributes", {})
            removed[names[key]] = SpanFacts(
                **{name: stored[name] for name in COLUMNS},
                response_model=str(attributes.get("gen_ai.response.model") or ""),
                payload=entry_payload,
                terms=reread_terms(attributes, entry_payload.get("resource", {})),
            )
        # The trace id is derived from the request id: these traces have no other spans.
        for table in (span, payload, request):
            connection.execute(sa.delete(table).where(table.c.trace_id.in_(traces)))
    cells = rollups.build_cells(())
    rollups.subtract_spans(cells, removed.values())
    rollups.write_cells(connection, cells, shard)
    days = {(facts.application, facts.start_ns // usage.DAY_NS) for facts in removed.values()}
    usage.mark_days(connection, days, shard)
    return removed
