"""Everything the spans of one trace said beyond their columns: payloads and the log records joined to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa
import zstandard

from db.tables.telemetry import log_record, payload
from genaiops_core.telemetry.conventions import Content, LogRecord, content

MAX_LOG_RECORDS = 2_000
"""Log records read of one trace; the earliest."""

_LARGEST_BLOB_BYTES = 1 << 30

SpanKey = tuple[str, str]
"""Application and span id."""


@dataclass(frozen=True, kw_only=True)
class SpanDetails:
    """What one span said."""

    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    links: Sequence[Mapping[str, Any]] = ()
    resource: Mapping[str, Any] = field(default_factory=dict)
    scope: Mapping[str, Any] = field(default_factory=dict)
    kind: int = 0
    trace_state: str = ""
    notes: Sequence[str] = ()
    """What ingest found wrong with the span and how it was taken."""
    logs: tuple[LogRecord, ...] = ()

    def content(self) -> Content:
        """Its messages, documents and tools, whatever the dialect."""
        return content(self.attributes, self.events, self.logs)


NO_DETAILS = SpanDetails()


def read_span_details(
    connection: sa.Connection, trace_id: str, wanted: Collection[SpanKey] | None = None
) -> dict[SpanKey, SpanDetails]:
    """What spans of a trace said; spans whose payload is gone are left out.

    Args:
        connection: best a `reading` snapshot.
        trace_id: 32 hexadecimal digits.
        wanted: only these spans, so that a large trace is never held as a whole; None for all.
    """
    spans = {span_id for _, span_id in wanted} if wanted is not None else None
    logs = read_logs(connection, trace_id, spans)
    found: dict[SpanKey, SpanDetails] = {}
    blobs = connection.execute(
        sa.select(payload.c.application, payload.c.spans_zstd)
        .where(payload.c.trace_id == trace_id)
        .order_by(payload.c.id)
    )
    decompress = zstandard.ZstdDecompressor().decompress
    for application, blob in blobs:
        for span_id, told in orjson.loads(decompress(blob, max_output_size=_LARGEST_BLOB_BYTES)).items():
            key = (application, span_id)
            # The span kept is the first that came; what a later one of the same id said is not shown.
            if key not in found and (wanted is None or key in wanted):
                found[key] = _parse_details(told, logs.get(span_id, ()))
    for key in wanted or ():
        if key not in found and key[1] in logs:
            found[key] = SpanDetails(logs=tuple(logs[key[1]]))
    return found


def read_logs(
    connection: sa.Connection, trace_id: str, spans: Collection[str] | None = None
) -> dict[str, list[LogRecord]]:
    """Span id -> its log records in time; '' -> those of the trace as a whole."""
    query = (
        sa.select(
            log_record.c.span_id, log_record.c.time_ns, log_record.c.event_name, log_record.c.record_zstd
        )
        .where(log_record.c.trace_id == trace_id)
        .order_by(log_record.c.time_ns, log_record.c.id)
        .limit(MAX_LOG_RECORDS)
    )
    found: dict[str, list[LogRecord]] = defaultdict(list)
    decompress = zstandard.ZstdDecompressor().decompress
    for span_id, time_ns, event_name, blob in connection.execute(query):
        if spans is not None and span_id and span_id not in spans:
            continue
        said = orjson.loads(decompress(blob, max_output_size=_LARGEST_BLOB_BYTES))
        found[span_id].append(
            LogRecord(
                event_name=event_name,
                time_ns=time_ns,
                body=said.get("body"),
                attributes=said.get("attributes") or {},
            )
        )
    return dict(found)


def _parse_details(told: Mapping[str, Any], logs: Sequence[LogRecord]) -> SpanDetails:
    return SpanDetails(
        attributes=told.get("attributes") or {},
        events=told.get("events") or (),
        links=told.get("links") or (),
        resource=told.get("resource") or {},
        scope=told.get("scope") or {},
        kind=told.get("kind") or 0,
        trace_state=told.get("trace_state") or "",
        notes=told.get("notes") or (),
        logs=tuple(logs),
    )
