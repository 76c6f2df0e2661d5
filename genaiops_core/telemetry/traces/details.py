"""The payloads of the spans of one trace, and the log records joined to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa

from db.tables.telemetry import log_record, payload
from genaiops_core.telemetry.blobs import make_decompressor
from genaiops_core.telemetry.conventions import Content, LogRecord, read_content

MAX_LOG_RECORDS = 2_000
"""Log records read per trace; the earliest are kept."""


SpanKey = tuple[str, str]
"""Application and span id."""


@dataclass(frozen=True, kw_only=True)
class SpanDetails:
    """The payload of one span and its log records."""

    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    links: Sequence[Mapping[str, Any]] = ()
    resource: Mapping[str, Any] = field(default_factory=dict)
    scope: Mapping[str, Any] = field(default_factory=dict)
    kind: int = 0
    trace_state: str = ""
    notes: Sequence[str] = ()
    """Problems that ingest found in the span, and how it handled them."""
    logs: tuple[LogRecord, ...] = ()

    def content(self) -> Content:
        """The span's messages, documents and tools, in every supported dialect."""
        return read_content(self.attributes, self.events, self.logs)


NO_DETAILS = SpanDetails()


def read_span_details(
    connection: sa.Connection, trace_id: str, wanted: Collection[SpanKey] | None = None
) -> dict[SpanKey, SpanDetails]:
    """Read the details of the spans of a trace; spans whose payload was deleted are absent.

    Args:
        connection: best a `reading` snapshot.
        trace_id: 32 hexadecimal digits.
        wanted: only these spans, so that a large trace is never in memory as a whole; None for all.
    """
    span_ids = {span_id for _, span_id in wanted} if wanted is not None else None
    logs = read_logs(connection, trace_id, span_ids)
    details_by_key: dict[SpanKey, SpanDetails] = {}
    blobs = connection.execute(
        sa.select(payload.c.application, payload.c.spans_zstd)
        .where(payload.c.trace_id == trace_id)
        .order_by(payload.c.id)
    )
    decompress = make_decompressor()
    for application, blob in blobs:
        for span_id, payload_of_span in orjson.loads(decompress(blob)).items():
            key = (application, span_id)
            # Ingest removes the payload of a replaced span; of two payloads of an id the first belongs to the row.
            if key not in details_by_key and (wanted is None or key in wanted):
                details_by_key[key] = _parse_details(payload_of_span, logs.get(span_id, ()))
    for key in wanted or ():
        if key not in details_by_key and key[1] in logs:
            details_by_key[key] = SpanDetails(logs=tuple(logs[key[1]]))
    return details_by_key


def read_logs(
    connection: sa.Connection, trace_id: str, span_ids: Collection[str] | None = None
) -> dict[str, list[LogRecord]]:
    """Log records in order of time, by span id; '' has the records that name no span.

    Args:
        connection: best a `reading` snapshot.
        trace_id: 32 hexadecimal digits.
        span_ids: only records of these spans and of the trace as a whole; None for all.
    """
    query = (
        sa.select(
            log_record.c.span_id, log_record.c.time_ns, log_record.c.event_name, log_record.c.record_zstd
        )
        .where(log_record.c.trace_id == trace_id)
        .order_by(log_record.c.time_ns, log_record.c.id)
        .limit(MAX_LOG_RECORDS)
    )
    records: dict[str, list[LogRecord]] = defaultdict(list)
    decompress = make_decompressor()
    for span_id, time_ns, event_name, blob in connection.execute(query):
        if span_ids is not None and span_id and span_id not in span_ids:
            continue
        record = orjson.loads(decompress(blob))
        records[span_id].append(
            LogRecord(
                event_name=event_name,
                time_ns=time_ns,
                body=record.get("body"),
                attributes=record.get("attributes") or {},
            )
        )
    return dict(records)


def _parse_details(fields: Mapping[str, Any], logs: Sequence[LogRecord]) -> SpanDetails:
    return SpanDetails(
        attributes=fields.get("attributes") or {},
        events=fields.get("events") or (),
        links=fields.get("links") or (),
        resource=fields.get("resource") or {},
        scope=fields.get("scope") or {},
        kind=fields.get("kind") or 0,
        trace_state=fields.get("trace_state") or "",
        notes=fields.get("notes") or (),
        logs=tuple(logs),
    )
