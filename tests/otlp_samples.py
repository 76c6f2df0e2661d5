"""Small OTLP exports for tests, in the JSON encoding."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

T0_NS = 1_767_571_200_000_000_000
"""2026-01-05T00:00:00Z"""

SECOND_NS = 1_000_000_000


def attribute(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    return {"key": key, "value": {"stringValue": value}}


def span(
    number: int = 1,
    *,
    trace: int = 1,
    parent: int | None = None,
    name: str = "chat",
    start_ns: int = T0_NS,
    duration_ns: int = SECOND_NS,
    error: bool = False,
    kind: int = 0,
    flags: int = 0,
    **attributes: Any,
) -> dict[str, Any]:
    """One span; attributes are given with `__` for `.`."""
    sent: dict[str, Any] = {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "name": name,
        "kind": kind,
        "flags": flags,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + duration_ns),
        "attributes": [attribute(key.replace("__", "."), value) for key, value in attributes.items()],
        "status": {"code": 2 if error else 0},
    }
    if parent is not None:
        sent["parentSpanId"] = f"{parent:016x}"
    return sent


def call(
    number: int = 1, *, model: str = "alpha", tokens: tuple[int, int] = (1000, 100), **more: Any
) -> dict[str, Any]:
    """One model call."""
    return span(
        number,
        **{
            "gen_ai__operation__name": "chat",
            "gen_ai__request__model": model,
            "gen_ai__usage__input_tokens": tokens[0],
            "gen_ai__usage__output_tokens": tokens[1],
            **more,
        },
    )


def export(*spans: dict[str, Any], application: str = "shop", **resource: Any) -> dict[str, Any]:
    """An export request of one resource and scope."""
    resource_attributes = {"service__name": application, **resource}
    attributes = [attribute(key.replace("__", "."), value) for key, value in resource_attributes.items()]
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes},
                "scopeSpans": [{"scope": {"name": "test"}, "spans": list(spans)}],
            }
        ]
    }


def body(*spans: dict[str, Any], **more: Any) -> bytes:
    return json.dumps(export(*spans, **more)).encode()


def build_protobuf(*, bad: bool = False) -> bytes:
    """An export of two spans in protobuf; `bad` leaves out the end time of the second."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    spans = group.scope_spans.add().spans
    for number in (1, 2):
        spans.add(
            trace_id=bytes(15) + b"\x01",
            span_id=bytes(7) + bytes([number]),
            name=f"step {number}",
            start_time_unix_nano=T0_NS,
            end_time_unix_nano=0 if bad and number == 2 else T0_NS + 1,
        )
    return request.SerializeToString()
