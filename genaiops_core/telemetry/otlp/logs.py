"""Decodes OTLP log exports, protobuf or JSON, to plain values; records without a trace id are rejected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from genaiops_core.telemetry.otlp import wire
from genaiops_core.telemetry.otlp.decode import (
    LARGE_BODY_BYTES,
    SPANS_PER_PART,
    Collector,
    parse_requests,
)
from genaiops_core.telemetry.otlp.values import (
    INT64_MAX,
    NO_SPAN,
    NO_TRACE,
    SPAN_ID,
    TRACE_ID,
    RejectedRecord,
    decode_attributes,
    decode_json_attributes,
    decode_json_resource,
    decode_json_scope,
    decode_json_value,
    decode_value,
    parse_integer,
    read_list,
    read_object,
    read_objects,
    read_text,
)

_NO_TRACE = "it names no trace; only records of traces are kept"


class RawLog(NamedTuple):
    """One log record as it was sent."""

    trace_id: str
    span_id: str  # '' when it belongs to the trace as a whole
    time_ns: int  # when it happened, else when it was observed
    event_name: str
    severity: str
    body: Any
    attributes: dict[str, Any]


class LogGroup(NamedTuple):
    """Records that share a resource and an instrumentation scope."""

    resource: dict[str, Any]
    scope: dict[str, Any]
    records: list[RawLog]


@dataclass(frozen=True, kw_only=True)
class DecodedLogs:
    """One export request; `problem` names the first rejected record and the reason."""

    groups: list[LogGroup]
    rejected: int = 0
    problem: str = ""


def decode_log_parts(body: bytes, *, is_json: bool) -> Iterator[DecodedLogs]:
    """Decode an export, a large protobuf body in parts; see `otlp.decode_parts`."""
    if is_json or len(body) <= LARGE_BODY_BYTES:
        yield decode_logs_json(body) if is_json else decode_logs_protobuf(body)
        return
    for part in wire.split_export(body, SPANS_PER_PART):
        yield decode_logs_protobuf(part)


def decode_logs_protobuf(body: bytes) -> DecodedLogs:
    """Decode an `ExportLogsServiceRequest`.

    Raises:
        BadInput: the body is not that message.
    """
    collector = Collector("log record")
    groups = []
    for request in parse_requests(body, ExportLogsServiceRequest, collector, "log"):
        for resource_logs in request.resource_logs:
            resource = decode_attributes(resource_logs.resource.attributes)
            for scope_logs in resource_logs.scope_logs:
                scope = {"name": scope_logs.scope.name, "version": scope_logs.scope.version}
                records = collector.decode_all(scope_logs.log_records, _decode_protobuf_record)
                groups.append(LogGroup(resource, scope, records))
    return DecodedLogs(groups=groups, rejected=collector.rejected, problem=collector.problem)


def decode_logs_json(body: bytes) -> DecodedLogs:
    """Decode a log export in the OTLP JSON encoding.

    Raises:
        BadInput: the body is not JSON, or not such a request.
    """
    request = wire.parse_json_object(body)
    collector = Collector("log record")
    groups = []
    for resource_logs in read_objects(request, "resourceLogs"):
        resource = decode_json_resource(read_object(resource_logs, "resource").get("attributes"))
        for scope_logs in read_objects(resource_logs, "scopeLogs"):
            records = collector.decode_all(read_list(scope_logs, "logRecords"), _decode_json_record)
            groups.append(LogGroup(resource, decode_json_scope(scope_logs), records))
    return DecodedLogs(groups=groups, rejected=collector.rejected, problem=collector.problem)


def _decode_protobuf_record(record: Any) -> RawLog:
    trace_id, span_id = record.trace_id, record.span_id
    if not any(trace_id):
        raise RejectedRecord(_NO_TRACE)
    if len(trace_id) != 16:
        raise RejectedRecord(f"its trace id must be 16 bytes, but has {len(trace_id)}")
    if len(span_id) not in (0, 8):
        raise RejectedRecord(f"its span id must be 8 bytes or absent, but has {len(span_id)}")
    attributes = decode_attributes(record.attributes)
    return _check_time(
        RawLog(
            trace_id.hex(),
            span_id.hex() if any(span_id) else "",
            record.time_unix_nano or record.observed_time_unix_nano,
            record.event_name or str(attributes.get("event.name") or ""),
            record.severity_text,
            decode_value(record.body),
            attributes,
        )
    )


def _decode_json_record(record: Any) -> RawLog:
    if not isinstance(record, dict):
        raise RejectedRecord("it is not an object")
    trace_id, span_id = read_text(record.get("traceId")).lower(), read_text(record.get("spanId")).lower()
    if trace_id in ("", NO_TRACE):
        raise RejectedRecord(_NO_TRACE)
    if not TRACE_ID.fullmatch(trace_id):
        raise RejectedRecord(f"its trace id must be 32 hexadecimal digits, but is {trace_id[:40]!r}")
    if span_id and not SPAN_ID.fullmatch(span_id):
        raise RejectedRecord(f"its span id must be 16 hexadecimal digits or absent, but is {span_id[:40]!r}")
    attributes = decode_json_attributes(record.get("attributes"))
    return _check_time(
        RawLog(
            trace_id,
            "" if span_id == NO_SPAN else span_id,
            parse_integer(record.get("timeUnixNano") or 0)
            or parse_integer(record.get("observedTimeUnixNano") or 0),
            read_text(record.get("eventName")) or str(attributes.get("event.name") or ""),
            read_text(record.get("severityText")),
            decode_json_value(record.get("body")),
            attributes,
        )
    )


def _check_time(record: RawLog) -> RawLog:
    if record.time_ns <= 0:
        raise RejectedRecord("it has no time")
    if record.time_ns > INT64_MAX:
        raise RejectedRecord("its time is after the year 2262")
    return record
