"""Demo traces as an OTLP/JSON export request, as an instrumented application sends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from genaiops_core.demo.spans import DemoSpan
from genaiops_core.demo.traces import DemoTrace, resource

_INTERNAL, _CLIENT = 1, 3
_OK, _ERROR = 1, 2


def export_request(traces: Iterable[DemoTrace]) -> dict[str, Any]:
    """Build the body of `POST /v1/traces`: a resource per application, ids in hex, times as text."""
    by_application: dict[str, list[dict[str, Any]]] = {}
    for trace in traces:
        spans = by_application.setdefault(trace.application, [])
        spans.extend(_span(trace.trace_id, span) for span in trace.spans)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource(application))},
                "scopeSpans": [{"scope": {"name": "genaiops.demo"}, "spans": spans}],
            }
            for application, spans in by_application.items()
        ]
    }


def _span(trace_id: str, span: DemoSpan) -> dict[str, Any]:
    document: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": _CLIENT if "gen_ai.request.model" in span.attributes else _INTERNAL,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "status": {"code": _ERROR, "message": span.error} if span.error else {"code": _OK},
    }
    if span.parent_span_id:
        document["parentSpanId"] = span.parent_span_id
    return document


def _attributes(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": str(value)}
