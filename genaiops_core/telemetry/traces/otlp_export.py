"""Converts stored traces to OTLP/JSON resource spans, as an instrumented application sends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from db.tables.telemetry import payload, span
from genaiops_core.telemetry.blobs import make_decompressor
from genaiops_core.telemetry.conventions import LogRecord
from genaiops_core.telemetry.traces.details import SpanKey, read_logs

_SPANS_AT_ONCE = 500


def export_resource_spans(connection: sa.Connection, trace_id: str) -> Iterator[dict[str, Any]]:
    """Yield the spans of one trace in batches, grouped by resource and scope.

    Log records become events of their span. A span whose payload was deleted is rebuilt from its columns, so that an
    import of the export gives the same figures.

    Args:
        connection: best a `reading` snapshot.
        trace_id: 32 hexadecimal digits.
    """
    logs = read_logs(connection, trace_id)
    exported: set[SpanKey] = set()
    decompress = make_decompressor()
    blobs = connection.execute(
        sa.select(payload.c.id, payload.c.application)
        .where(payload.c.trace_id == trace_id)
        .order_by(payload.c.id)
    ).all()
    for row_id, application in blobs:
        # One payload at a time, so that a giant trace is never in memory as a whole.
        blob = connection.scalar(sa.select(payload.c.spans_zstd).where(payload.c.id == row_id))
        payloads = orjson.loads(decompress(blob or b""))
        wanted = [span_id for span_id in payloads if (application, span_id) not in exported]
        rows = _read_rows(connection, trace_id, application, wanted)
        exported.update((application, row["span_id"]) for row in rows)
        yield from _group_by_resource_and_scope(rows, payloads, logs)
    for rows in _read_rows_without_payload(connection, trace_id, exported):
        yield from _group_by_resource_and_scope(rows, {}, logs)


def _read_rows(
    connection: sa.Connection, trace_id: str, application: str, span_ids: Sequence[str]
) -> list[sa.RowMapping]:
    rows: list[sa.RowMapping] = []
    for start in range(0, len(span_ids), _SPANS_AT_ONCE):
        rows += connection.execute(
            sa.select(span)
            .where(
                span.c.trace_id == trace_id,
                span.c.application == application,
                span.c.span_id.in_(span_ids[start : start + _SPANS_AT_ONCE]),
            )
            .order_by(span.c.id)
        ).mappings()
    return rows


def _read_rows_without_payload(
    connection: sa.Connection, trace_id: str, exported: set[SpanKey]
) -> Iterator[list[sa.RowMapping]]:
    last_id = 0
    while True:
        rows = (
            connection.execute(
                sa.select(span)
                .where(span.c.trace_id == trace_id, span.c.id > last_id)
                .order_by(span.c.id)
                .limit(_SPANS_AT_ONCE)
            )
            .mappings()
            .all()
        )
        if not rows:
            return
        last_id = rows[-1]["id"]
        remaining = [row for row in rows if (row["application"], row["span_id"]) not in exported]
        if remaining:
            yield remaining


def _group_by_resource_and_scope(
    rows: Sequence[sa.RowMapping], payloads: Mapping[str, Any], logs: Mapping[str, Sequence[LogRecord]]
) -> Iterator[dict[str, Any]]:
    groups: dict[bytes, dict[str, Any]] = {}
    for row in rows:
        fields = payloads.get(row["span_id"]) or {}
        # The column, because a resource without a name was stored under the default application.
        resource = {**(fields.get("resource") or {}), "service.name": row["application"]}
        scope = fields.get("scope") or {}
        key = orjson.dumps([resource, scope])
        group = groups.get(key)
        if group is None:
            group = groups[key] = {
                "resource": {"attributes": encode_attributes(resource)},
                "scopeSpans": [{"scope": scope, "spans": []}],
            }
        group["scopeSpans"][0]["spans"].append(_encode_span(row, fields, logs.get(row["span_id"], ())))
    yield from groups.values()


def _encode_span(row: sa.RowMapping, fields: Mapping[str, Any], logs: Sequence[LogRecord]) -> dict[str, Any]:
    span_attributes = fields.get("attributes")
    encoded: dict[str, Any] = {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "parentSpanId": row["parent_span_id"],
        "name": row["name"],
        "kind": fields.get("kind") or 0,
        "startTimeUnixNano": str(row["start_ns"]),
        # An unknown duration (-1) becomes an end before the start, which an import reads as unknown again.
        "endTimeUnixNano": str(row["start_ns"] + row["duration_ns"]),
        "attributes": encode_attributes(
            _build_attributes_from_columns(row) if span_attributes is None else span_attributes
        ),
        "status": {"code": 2 if row["is_error"] else 0, "message": row["status_message"]},
    }
    events = [*(fields.get("events") or ()), *(_convert_log_to_event(record) for record in logs)]
    if events:
        encoded["events"] = [
            {
                "name": event.get("name", ""),
                "timeUnixNano": str(event.get("time_ns") or 0),
                "attributes": encode_attributes(event.get("attributes") or {}),
            }
            for event in events
        ]
    if fields.get("links"):
        encoded["links"] = [
            {
                "traceId": link.get("trace_id", ""),
                "spanId": link.get("span_id", ""),
                "attributes": encode_attributes(link.get("attributes") or {}),
            }
            for link in fields["links"]
        ]
    flags = fields.get("flags") or (_REMOTE_PARENT if row["has_remote_parent"] else 0)
    if flags:
        encoded["flags"] = flags
    if fields.get("trace_state"):
        encoded["traceState"] = fields["trace_state"]
    return encoded


_REMOTE_PARENT = 0x300
"""Flags of a span whose parent belongs to another process."""

_COLUMN_ATTRIBUTES = {
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.request.model",
    "session_id": "gen_ai.conversation.id",
    "user_id": "user.id",
    "release": "genaiops.release",
    "environment": "deployment.environment.name",
    "component": "genaiops.component",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "call_id": "gen_ai.response.id",
}


def _build_attributes_from_columns(row: sa.RowMapping) -> dict[str, Any]:
    return {name: row[column] for column, name in _COLUMN_ATTRIBUTES.items() if row[column] not in (None, "")}


def _convert_log_to_event(record: LogRecord) -> dict[str, Any]:
    body = record.body if isinstance(record.body, Mapping) else {"content": record.body}
    return {
        "name": record.event_name or str(record.attributes.get("event.name", "")),
        "time_ns": record.time_ns,
        "attributes": {**record.attributes, **body},
    }


def encode_attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP/JSON key-value pairs."""
    return [{"key": key, "value": _encode_value(value)} for key, value in values.items()]


def _encode_value(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": encode_attributes(value)}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_encode_value(item) for item in value]}}
    return {"stringValue": str(value)}
