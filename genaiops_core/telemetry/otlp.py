"""OTLP trace exports, protobuf or JSON, turned into plain values; spans that cannot be kept are named, not fatal.

Sources: opentelemetry-proto `collector/trace/v1`, and the JSON encoding of the OTLP specification (hexadecimal ids,
64-bit integers as strings or numbers, enumerations as numbers or names, unknown fields ignored).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from genaiops_core.errors import BadInput

STATUS_ERROR = 2
"""`Status.code` of a span that failed."""

_INT64_MAX = (1 << 63) - 1
_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_SPAN_KINDS = {f"SPAN_KIND_{name}": number for number, name in enumerate(_KINDS)}
_STATUS_CODES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": STATUS_ERROR}
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


class RawSpan(NamedTuple):
    """One span as it was sent: ids in lower-case hexadecimal, instants in Unix nanoseconds."""

    trace_id: str
    span_id: str
    parent_span_id: str  # '' for a root
    name: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    kind: int = 0
    status_code: int = 0
    status_message: str = ""
    events: tuple[dict[str, Any], ...] = ()
    links: tuple[dict[str, Any], ...] = ()
    trace_state: str = ""


class SpanGroup(NamedTuple):
    """Spans that share a resource and an instrumentation scope."""

    resource: dict[str, Any]  # the resource's attributes
    scope: dict[str, Any]  # name, version
    spans: list[RawSpan]


@dataclass(frozen=True, kw_only=True)
class DecodedExport:
    """One export request; `problem` names the first rejected span and what is wrong with it."""

    groups: list[SpanGroup]
    rejected: int = 0
    problem: str = ""


class _Rejected(ValueError):
    """This span cannot be kept; the text says why."""


class _Collector:
    """Decodes spans one by one, counting those that are rejected and remembering the first."""

    def __init__(self) -> None:
        self.index = -1
        self.rejected = 0
        self.problem = ""

    def spans(self, sent: Iterable[Any], decode: Callable[[Any], RawSpan]) -> list[RawSpan]:
        kept = []
        for span in sent:
            self.index += 1
            try:
                kept.append(decode(span))
            except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
                self.rejected += 1
                if not self.problem:
                    name = span.get("name", "") if isinstance(span, dict) else getattr(span, "name", "")
                    what = error if isinstance(error, _Rejected) else f"malformed ({error})"
                    self.problem = f"span {self.index} {str(name)[:100]!r}: {what}"
        return kept

    def export(self, groups: list[SpanGroup]) -> DecodedExport:
        return DecodedExport(groups=groups, rejected=self.rejected, problem=self.problem)


def decode_protobuf(body: bytes) -> DecodedExport:
    """Decode an `ExportTraceServiceRequest`.

    Raises:
        BadInput: the body is not that message.
    """
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise BadInput(f"The body is not an OTLP trace export in protobuf: {error}") from error
    collector = _Collector()
    groups = []
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope = {"name": scope_spans.scope.name, "version": scope_spans.scope.version}
            groups.append(SpanGroup(resource, scope, collector.spans(scope_spans.spans, _protobuf_span)))
    return collector.export(groups)


def decode_json(body: bytes) -> DecodedExport:
    """Decode a trace export in the OTLP JSON encoding.

    Raises:
        BadInput: the body is not JSON, or not such a request.
    """
    request = _json_object(body)
    collector = _Collector()
    groups = []
    for resource_spans in _objects(request, "resourceSpans"):
        resource = _resource(_object(resource_spans, "resource").get("attributes"))
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            sent_scope = _object(scope_spans, "scope")
            scope = {"name": str(sent_scope.get("name", "")), "version": str(sent_scope.get("version", ""))}
            spans = collector.spans(_list(scope_spans, "spans"), _json_span)
            groups.append(SpanGroup(resource, scope, spans))
    return collector.export(groups)


def count_log_records(body: bytes, *, is_json: bool) -> int:
    """How many log records an export of logs holds.

    Raises:
        BadInput: the body is not such an export.
    """
    if is_json:
        request = _json_object(body)
        return sum(
            len(_list(scope_logs, "logRecords"))
            for resource_logs in _objects(request, "resourceLogs")
            for scope_logs in _objects(resource_logs, "scopeLogs")
        )
    message = ExportLogsServiceRequest()
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise BadInput(f"The body is not an OTLP log export in protobuf: {error}") from error
    return sum(len(scope.log_records) for resource in message.resource_logs for scope in resource.scope_logs)


def _checked(span: RawSpan) -> RawSpan:
    if span.start_ns <= 0:
        raise _Rejected("it has no start time")
    if span.end_ns <= 0:
        raise _Rejected("it has no end time")
    if span.end_ns < span.start_ns:
        raise _Rejected("it ends before it starts")
    if span.end_ns > _INT64_MAX:
        raise _Rejected("it ends after the year 2262")
    return span


# Protobuf. This walk runs for every attribute of every span: `WhichOneof` once and one `getattr` is the cheapest way
# through the C implementation, several times cheaper than `json_format`.

_SCALARS = frozenset(("string_value", "int_value", "double_value", "bool_value"))


def _attributes(pairs: Any) -> dict[str, Any]:
    result = {}
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        result[pair.key] = getattr(value, kind) if kind in _SCALARS else _composite(value, kind)
    return result


def _composite(value: Any, kind: str | None) -> Any:
    if kind == "array_value":
        return [_any(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return None


def _any(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind in _SCALARS else _composite(value, kind)


def _protobuf_span(span: Any) -> RawSpan:
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != 16 or not any(trace_id):
        raise _Rejected(f"its trace id must be 16 bytes, not all zero, but has {len(trace_id)}")
    if len(span_id) != 8 or not any(span_id):
        raise _Rejected(f"its span id must be 8 bytes, not all zero, but has {len(span_id)}")
    if len(parent) not in (0, 8):
        raise _Rejected(f"its parent span id must be 8 bytes or absent, but has {len(parent)}")
    status = span.status
    return _checked(
        RawSpan(
            trace_id.hex(),
            span_id.hex(),
            parent.hex() if any(parent) else "",
            span.name,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            _attributes(span.attributes),
            span.kind,
            status.code,
            status.message,
            tuple(
                {"name": e.name, "time_ns": e.time_unix_nano, "attributes": _attributes(e.attributes)}
                for e in span.events
            ),
            tuple(
                {
                    "trace_id": link.trace_id.hex(),
                    "span_id": link.span_id.hex(),
                    "attributes": _attributes(link.attributes),
                }
                for link in span.links
            ),
            span.trace_state,
        )
    )


# JSON.


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput("The body must be a JSON object as the OTLP specification describes.")
    return value


def _list(parent: Mapping[str, Any], key: str) -> list[Any]:
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadInput(f"The OTLP JSON field '{key}' must be a list.")
    return value


def _objects(parent: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    values = _list(parent, key)
    if not all(isinstance(value, dict) for value in values):
        raise BadInput(f"The OTLP JSON field '{key}' must be a list of objects.")
    return values


def _object(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInput(f"The OTLP JSON field '{key}' must be an object.")
    return value


def _json_attributes(pairs: Any) -> dict[str, Any]:
    return {} if pairs is None else {str(pair["key"]): _json_any(pair.get("value")) for pair in pairs}


def _resource(pairs: Any) -> dict[str, Any]:
    try:
        return _json_attributes(pairs)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise BadInput("The attributes of an OTLP JSON resource are malformed.") from error


def _json_any(value: Any) -> Any:
    if value is None:
        return None
    for kind, sent in value.items():
        if kind in ("stringValue", "boolValue", "bytesValue"):
            return sent
        if kind == "intValue":
            return _integer(sent)
        if kind == "doubleValue":
            return float(sent)
        if kind == "arrayValue":
            return [_json_any(item) for item in sent.get("values") or ()]
        if kind == "kvlistValue":
            return _json_attributes(sent.get("values"))
    return None


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError("a boolean stands where a number must")
    return int(value)


def _enumeration(value: Any, names: Mapping[str, int]) -> int:
    return names.get(value, 0) if isinstance(value, str) else int(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} stands where a text must")
    return value


def _json_span(span: Any) -> RawSpan:
    if not isinstance(span, dict):
        raise _Rejected("it is not an object")
    trace_id = _text(span.get("traceId")).lower()
    span_id = _text(span.get("spanId")).lower()
    parent = _text(span.get("parentSpanId")).lower()
    if not _TRACE_ID.fullmatch(trace_id) or trace_id == _NO_TRACE:
        raise _Rejected(f"its trace id must be 32 hexadecimal digits, not all zero, but is {trace_id[:40]!r}")
    if not _SPAN_ID.fullmatch(span_id) or span_id == _NO_SPAN:
        raise _Rejected(f"its span id must be 16 hexadecimal digits, not all zero, but is {span_id[:40]!r}")
    if parent and not _SPAN_ID.fullmatch(parent):
        raise _Rejected(f"its parent span id must be 16 hexadecimal digits or absent, but is {parent[:40]!r}")
    status = span.get("status") or {}
    return _checked(
        RawSpan(
            trace_id,
            span_id,
            "" if parent == _NO_SPAN else parent,
            _text(span.get("name")),
            _integer(span.get("startTimeUnixNano") or 0),
            _integer(span.get("endTimeUnixNano") or 0),
            _json_attributes(span.get("attributes")),
            _enumeration(span.get("kind") or 0, _SPAN_KINDS),
            _enumeration(status.get("code") or 0, _STATUS_CODES),
            _text(status.get("message")),
            tuple(
                {
                    "name": _text(e.get("name")),
                    "time_ns": _integer(e.get("timeUnixNano") or 0),
                    "attributes": _json_attributes(e.get("attributes")),
                }
                for e in span.get("events") or ()
            ),
            tuple(
                {
                    "trace_id": _text(link.get("traceId")).lower(),
                    "span_id": _text(link.get("spanId")).lower(),
                    "attributes": _json_attributes(link.get("attributes")),
                }
                for link in span.get("links") or ()
            ),
            _text(span.get("traceState")),
        )
    )
