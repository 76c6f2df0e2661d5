"""Stored traces as OTLP/JSON resource spans: what an instrumented application would have sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
import zstandard

from db.tables.telemetry import payload, span
from genaiops_core.telemetry.conventions import LogRecord
from genaiops_core.telemetry.traces.details import SpanKey, read_logs

_LARGEST_BLOB_BYTES = 1 << 30
_SPANS_AT_ONCE = 500


def export_resource_spans(connection: sa.Connection, trace_id: str) -> Iterator[dict[str, Any]]:
    """The spans of one trace, some at a time, in groups that share resource and scope.

    Log records come back as events of their span. A span whose payload is gone is told from its columns, so that
    figures stay the same.

    Args:
        connection: best a `reading` snapshot.
        trace_id: 32 hexadecimal digits.
    """
    logs = read_logs(connection, trace_id)
    told: set[SpanKey] = set()
    decompress = zstandard.ZstdDecompressor().decompress
    blobs = connection.execute(
        sa.select(payload.c.id, payload.c.application)
        .where(payload.c.trace_id == trace_id)
        .order_by(payload.c.id)
    ).all()
    for row_id, application in blobs:
        # One payload at a time: a giant trace is never held as a whole.
        blob = connection.scalar(sa.select(payload.c.spans_zstd).where(payload.c.id == row_id))
        said = orjson.loads(decompress(blob or b"", max_output_size=_LARGEST_BLOB_BYTES))
        wanted = [span_id for span_id in said if (application, span_id) not in told]
        rows = _read_rows(connection, trace_id, application, wanted)
        told.update((application, row["span_id"]) for row in rows)
        yield from _group_by_resource_and_scope(rows, said, logs)
    for rows in _read_rows_without_payload(connection, trace_id, told):
        yield from _group_by_resource_and_scope(rows, {}, logs)


def _read_rows(
    connection: sa.Connection, trace_id: str, application: str, wanted: Sequence[str]
) -> list[sa.RowMapping]:
    rows: list[sa.RowMapping] = []
    for at in range(0, len(wanted), _SPANS_AT_ONCE):
        rows += connection.execute(
            sa.select(span)
            .where(
                span.c.trace_id == trace_id,
                span.c.application == application,
                span.c.span_id.in_(wanted[at : at + _SPANS_AT_ONCE]),
            )
            .order_by(span.c.id)
        ).mappings()
    return rows


def _read_rows_without_payload(
    connection: sa.Connection, trace_id: str, told: set[SpanKey]
) -> Iterator[list[sa.RowMapping]]:
    after = 0
    while True:
        rows = (
            connection.execute(
                sa.select(span)
                .where(span.c.trace_id == trace_id, span.c.id > after)
                .order_by(span.c.id)
                .limit(_SPANS_AT_ONCE)
            )
            .mappings()
            .all()
        )
        if not rows:
            return
        after = rows[-1]["id"]
        left = [row for row in rows if (row["application"], row["span_id"]) not in told]
        if left:
            yield left


def _group_by_resource_and_scope(
    rows: Sequence[sa.RowMapping], said: Mapping[str, Any], logs: Mapping[str, Sequence[LogRecord]]
) -> Iterator[dict[str, Any]]:
    groups: dict[bytes, dict[str, Any]] = {}
    for row in rows:
        one = said.get(row["span_id"]) or {}
        resource = {**(one.get("resource") or {}), "service.name": row["application"]}
        scope = one.get("scope") or {}
        key = orjson.dumps([resource, scope])
        group = groups.get(key)
        if group is None:
            group = groups[key] = {
                "resource": {"attributes": encode_attributes(resource)},
                "scopeSpans": [{"scope": scope, "spans": []}],
            }
        group["scopeSpans"][0]["spans"].append(_encode_span(row, one, logs.get(row["span_id"], ())))
    yield from groups.values()


def _encode_span(row: sa.RowMapping, told: Mapping[str, Any], logs: Sequence[LogRecord]) -> dict[str, Any]:
    said = told.get("attributes")
    sent: dict[str, Any] = {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "parentSpanId": row["parent_span_id"],
        "name": row["name"],
        "kind": told.get("kind") or 0,
        "startTimeUnixNano": str(row["start_ns"]),
        "endTimeUnixNano": str(row["start_ns"] + row["duration_ns"]),
        "attributes": encode_attributes(_build_attributes_from_columns(row) if said is None else said),
        "status": {"code": 2 if row["is_error"] else 0, "message": row["status_message"]},
    }
    events = [*(told.get("events") or ()), *(_convert_log_to_event(record) for record in logs)]
    if events:
        sent["events"] = [
            {
                "name": event.get("name", ""),
                "timeUnixNano": str(event.get("time_ns") or 0),
                "attributes": encode_attributes(event.get("attributes") or {}),
            }
            for event in events
        ]
    if told.get("links"):
        sent["links"] = [
            {
                "traceId": link.get("trace_id", ""),
                "spanId": link.get("span_id", ""),
                "attributes": encode_attributes(link.get("attributes") or {}),
            }
            for link in told["links"]
        ]
    if told.get("trace_state"):
        sent["traceState"] = told["trace_state"]
    return sent


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
    """Attributes as OTLP/JSON writes them."""
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
        return {"arrayValue": {"values": [_encode_value(one) for one in value]}}
    return {"stringValue": str(value)}
