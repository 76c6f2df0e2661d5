"""Decodes OTLP trace exports, protobuf or JSON, to plain values; invalid spans are rejected one by one.

Sources: opentelemetry-proto `collector/trace/v1`, and the JSON encoding of the OTLP specification (hexadecimal ids,
64-bit integers as strings or numbers, enumerations as numbers or names, unknown fields ignored).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.otlp import wire
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
    parse_enumeration,
    parse_integer,
    read_list,
    read_object,
    read_objects,
    read_text,
)

STATUS_ERROR = 2
"""`Status.code` of a span that failed."""

LARGE_BODY_BYTES = 1 << 20
"""Longer bodies are decoded in parts: 64 MB of tiny spans are a million spans."""
SPANS_PER_PART = 5_000

_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_SPAN_KINDS = {f"SPAN_KIND_{name}": number for number, name in enumerate(_KINDS)}
_STATUS_CODES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": STATUS_ERROR}

T = TypeVar("T")


class RawSpan(NamedTuple):
    """One span as it was sent: ids in lower-case hexadecimal, times in Unix nanoseconds."""

    trace_id: str
    span_id: str
    parent_span_id: str  # '' for a root
    name: str
    start_ns: int
    end_ns: int  # before the start when the sender's clock was set back
    attributes: dict[str, Any]
    kind: int = 0
    status_code: int = 0
    status_message: str = ""
    events: tuple[dict[str, Any], ...] = ()
    links: tuple[dict[str, Any], ...] = ()
    trace_state: str = ""
    flags: int = 0


class SpanGroup(NamedTuple):
    """Spans that share a resource and an instrumentation scope."""

    resource: dict[str, Any]  # the resource's attributes
    scope: dict[str, Any]  # name, version
    spans: list[RawSpan]


@dataclass(frozen=True, kw_only=True)
class DecodedExport:
    """One export request; `problem` names the first rejected span and the reason."""

    groups: list[SpanGroup]
    rejected: int = 0
    problem: str = ""


class Collector:
    """Decodes spans or log records one by one; counts the rejected ones and records the first reason."""

    def __init__(self, record_kind: str = "span") -> None:
        self._record_kind = record_kind
        self.index = -1
        self.rejected = 0
        self.problem = ""

    def decode_all(self, sent: Iterable[Any], decode: Callable[[Any], T]) -> list[T]:
        """Decode `sent`, leaving out records that cannot be decoded."""
        decoded = []
        for record in sent:
            self.index += 1
            try:
                decoded.append(decode(record))
            # The errors of malformed records; any other error is a fault of this program.
            except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
                name = record.get("name", "") if isinstance(record, dict) else getattr(record, "name", "")
                self.reject(str(name), error)
        return decoded

    def build_export(self, groups: Iterable[SpanGroup]) -> DecodedExport:
        """Build an export of `groups` and of the rejections since the last call."""
        decoded = list(groups)
        rejected, self.rejected = self.rejected, 0
        return DecodedExport(groups=decoded, rejected=rejected, problem=self.problem if rejected else "")

    def reject(self, name: str, error: Exception) -> None:
        """Count one rejected record."""
        self.rejected += 1
        if not self.problem:
            reason = error if isinstance(error, RejectedRecord) else f"malformed ({error})"
            self.problem = f"{self._record_kind} {self.index} {name[:100]!r}: {reason}"


def decode_protobuf(body: bytes) -> DecodedExport:
    """Decode an `ExportTraceServiceRequest`.

    Raises:
        BadInput: the body is not that message.
    """
    collector = Collector()
    return collector.build_export(_decode_protobuf_groups(body, collector))


def decode_json(body: bytes) -> DecodedExport:
    """Decode a trace export in the OTLP JSON encoding.

    Raises:
        BadInput: the body is not JSON, or not such a request.
    """
    collector = Collector()
    return collector.build_export(_decode_json_groups(body, collector))


def decode_parts(body: bytes, *, is_json: bool) -> Iterator[DecodedExport]:
    """Decode an export, a large one in parts of about `SPANS_PER_PART` spans, so that memory stays flat.

    Raises:
        BadInput: the body is not an export; parts before a damaged one are yielded first.
    """
    # Small bodies are decoded at once, which is faster than splitting.
    if len(body) <= LARGE_BODY_BYTES:
        yield decode_json(body) if is_json else decode_protobuf(body)
        return
    collector = Collector()
    if not is_json:
        for part in wire.split_export(body, SPANS_PER_PART):
            yield collector.build_export(_decode_protobuf_groups(part, collector))
        return
    groups: list[SpanGroup] = []
    for group in _decode_json_groups(body, collector):
        groups.append(group)
        if sum(len(pending.spans) for pending in groups) >= SPANS_PER_PART:
            yield collector.build_export(groups)
            groups = []
    yield collector.build_export(groups)


def _decode_json_groups(body: bytes, collector: Collector) -> Iterator[SpanGroup]:
    request = wire.parse_json_object(body)
    for resource_spans in read_objects(request, "resourceSpans"):
        resource = decode_json_resource(read_object(resource_spans, "resource").get("attributes"))
        for scope_spans in read_objects(resource_spans, "scopeSpans"):
            sent, scope = read_list(scope_spans, "spans"), decode_json_scope(scope_spans)
            for first in range(0, len(sent), SPANS_PER_PART):
                portion = sent[first : first + SPANS_PER_PART]
                # Frees the JSON of decoded spans.
                sent[first : first + SPANS_PER_PART] = [None] * len(portion)
                yield SpanGroup(resource, scope, collector.decode_all(portion, _decode_json_span))


def parse_requests(body: bytes, message: Any, collector: Collector, export_kind: str) -> Iterator[Any]:
    """Parse `body` as one request; when it is damaged, as one request for each record that can be repaired.

    `collector` counts the other records as rejected.
    """
    request = message()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        try:
            parts = list(wire.split_export(body, 1))
        except BadInput:
            parts = []
        if not parts:
            raise BadInput(f"The body is not an OTLP {export_kind} export in protobuf: {error}") from error
        for part in parts:
            single = message()
            try:
                single.ParseFromString(wire.repair_utf8(part, of_logs=export_kind == "log"))
            except DecodeError as problem:
                collector.index += 1
                collector.reject("", RejectedRecord(f"it is damaged or nested too deep ({problem})"))
            else:
                yield single
    else:
        yield request


def _decode_protobuf_groups(body: bytes, collector: Collector) -> Iterator[SpanGroup]:
    for request in parse_requests(body, ExportTraceServiceRequest, collector, "trace"):
        for resource_spans in request.resource_spans:
            resource = decode_attributes(resource_spans.resource.attributes)
            for scope_spans in resource_spans.scope_spans:
                scope = {"name": scope_spans.scope.name, "version": scope_spans.scope.version}
                yield SpanGroup(
                    resource, scope, collector.decode_all(scope_spans.spans, _decode_protobuf_span)
                )


def _check_times(span: RawSpan) -> RawSpan:
    if span.start_ns <= 0:
        raise RejectedRecord("it has no start time")
    if span.end_ns <= 0:
        raise RejectedRecord("it has no end time")
    if max(span.start_ns, span.end_ns) > INT64_MAX:
        raise RejectedRecord("it ends after the year 2262")
    return span


def _decode_protobuf_span(span: Any) -> RawSpan:
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != 16 or not any(trace_id):
        raise RejectedRecord(f"its trace id must be 16 bytes, not all zero, but has {len(trace_id)}")
    if len(span_id) != 8 or not any(span_id):
        raise RejectedRecord(f"its span id must be 8 bytes, not all zero, but has {len(span_id)}")
    if len(parent) not in (0, 8):
        raise RejectedRecord(f"its parent span id must be 8 bytes or absent, but has {len(parent)}")
    status = span.status
    return _check_times(
        RawSpan(
            trace_id.hex(),
            span_id.hex(),
            parent.hex() if any(parent) else "",
            span.name,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            decode_attributes(span.attributes),
            span.kind,
            status.code,
            status.message,
            tuple(
                {"name": e.name, "time_ns": e.time_unix_nano, "attributes": decode_attributes(e.attributes)}
                for e in span.events
            ),
            tuple(
                {
                    "trace_id": link.trace_id.hex(),
                    "span_id": link.span_id.hex(),
                    "attributes": decode_attributes(link.attributes),
                }
                for link in span.links
            ),
            span.trace_state,
            span.flags,
        )
    )


def _decode_json_span(span: Any) -> RawSpan:
    if not isinstance(span, dict):
        raise RejectedRecord("it is not an object")
    trace_id = read_text(span.get("traceId")).lower()
    span_id = read_text(span.get("spanId")).lower()
    parent = read_text(span.get("parentSpanId")).lower()
    if not TRACE_ID.fullmatch(trace_id) or trace_id == NO_TRACE:
        raise RejectedRecord(
            f"its trace id must be 32 hexadecimal digits, not all zero, but is {trace_id[:40]!r}"
        )
    if not SPAN_ID.fullmatch(span_id) or span_id == NO_SPAN:
        raise RejectedRecord(
            f"its span id must be 16 hexadecimal digits, not all zero, but is {span_id[:40]!r}"
        )
    if parent and not SPAN_ID.fullmatch(parent):
        raise RejectedRecord(
            f"its parent span id must be 16 hexadecimal digits or absent, but is {parent[:40]!r}"
        )
    status = span.get("status") or {}
    return _check_times(
        RawSpan(
            trace_id,
            span_id,
            "" if parent == NO_SPAN else parent,
            read_text(span.get("name")),
            parse_integer(span.get("startTimeUnixNano") or 0),
            parse_integer(span.get("endTimeUnixNano") or 0),
            decode_json_attributes(span.get("attributes")),
            parse_enumeration(span.get("kind") or 0, _SPAN_KINDS),
            parse_enumeration(status.get("code") or 0, _STATUS_CODES),
            read_text(status.get("message")),
            tuple(
                {
                    "name": read_text(e.get("name")),
                    "time_ns": parse_integer(e.get("timeUnixNano") or 0),
                    "attributes": decode_json_attributes(e.get("attributes")),
                }
                for e in span.get("events") or ()
            ),
            tuple(
                {
                    "trace_id": read_text(link.get("traceId")).lower(),
                    "span_id": read_text(link.get("spanId")).lower(),
                    "attributes": decode_json_attributes(link.get("attributes")),
                }
                for link in span.get("links") or ()
            ),
            read_text(span.get("traceState")),
            parse_integer(span.get("flags") or 0),
        )
    )
