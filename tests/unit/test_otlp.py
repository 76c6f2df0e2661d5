"""Decoding OTLP: both encodings say the same, and what cannot be kept is named."""

from __future__ import annotations

import base64
import contextlib
import json

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.otlp.decode import DecodedExport, decode_json, decode_protobuf
from tests.otlp_samples import T0_NS, body, export, span


def as_protobuf(**changes: object) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = group.scope_spans.add()
    scope.scope.name = "test"
    good = {
        "trace_id": bytes(15) + b"\x01",
        "span_id": bytes(7) + b"\x01",
        "name": "chat",
        "start_time_unix_nano": T0_NS,
        "end_time_unix_nano": T0_NS + 10,
    }
    scope.spans.add(**{**good, **changes})
    return request.SerializeToString()


def only_problem(export_: DecodedExport) -> str:
    assert export_.rejected == 1
    assert not any(group.spans for group in export_.groups)
    return export_.problem


def test_both_encodings_decode_equally() -> None:
    as_json = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "scopeSpans": [
                    {
                        "scope": {"name": "test", "version": "1"},
                        "spans": [
                            {
                                "traceId": "0" * 31 + "1",
                                "spanId": "0" * 15 + "2",
                                "parentSpanId": "0" * 15 + "1",
                                "name": "chat",
                                "kind": 3,
                                "startTimeUnixNano": str(T0_NS),
                                "endTimeUnixNano": str(T0_NS + 5),
                                "traceState": "a=b",
                                "attributes": [
                                    {"key": "text", "value": {"stringValue": "hé"}},
                                    {"key": "empty", "value": {"stringValue": ""}},
                                    {"key": "whole", "value": {"intValue": "-9007199254740993"}},
                                    {"key": "part", "value": {"doubleValue": 0.5}},
                                    {"key": "flag", "value": {"boolValue": False}},
                                    {"key": "bytes", "value": {"bytesValue": "AAEC"}},
                                    {"key": "nothing", "value": {}},
                                    {
                                        "key": "list",
                                        "value": {
                                            "arrayValue": {
                                                "values": [{"intValue": "1"}, {"stringValue": "x"}]
                                            }
                                        },
                                    },
                                    {
                                        "key": "map",
                                        "value": {
                                            "kvlistValue": {
                                                "values": [{"key": "k", "value": {"intValue": "2"}}]
                                            }
                                        },
                                    },
                                ],
                                "events": [{"name": "e", "timeUnixNano": str(T0_NS), "attributes": []}],
                                "links": [{"traceId": "0" * 31 + "3", "spanId": "0" * 15 + "4"}],
                                "status": {"code": 2, "message": "broke"},
                            }
                        ],
                    }
                ],
            }
        ]
    }
    for_protobuf = json.loads(json.dumps(as_json))
    sent = for_protobuf["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    for part in (sent, sent["links"][0]):  # protobuf's own JSON has ids in base64
        for key in ("traceId", "spanId", "parentSpanId"):
            if key in part:
                part[key] = base64.b64encode(bytes.fromhex(part[key])).decode()
    message = ParseDict(for_protobuf, ExportTraceServiceRequest())
    from_json = decode_json(json.dumps(as_json).encode())
    assert decode_protobuf(message.SerializeToString()) == from_json
    decoded = from_json.groups[0].spans[0]
    assert decoded.attributes["whole"] == -9007199254740993
    assert decoded.attributes["list"] == [1, "x"]
    assert decoded.attributes["map"] == {"k": 2}
    assert decoded.attributes["nothing"] is None
    assert (decoded.status_code, decoded.status_message, decoded.kind) == (2, "broke", 3)


def test_json_accepts_enumeration_names_numbers_unknown_fields() -> None:
    sent = span(1) | {
        "traceId": "ABCDEF" + "0" * 26,
        "kind": "SPAN_KIND_CLIENT",
        "status": {"code": "STATUS_CODE_ERROR"},
        "startTimeUnixNano": T0_NS,
        "somethingNew": {"a": 1},
        "parentSpanId": "0" * 16,
    }
    decoded = decode_json(body(sent)).groups[0].spans[0]
    assert (decoded.kind, decoded.status_code, decoded.start_ns) == (3, 2, T0_NS)
    assert decoded.trace_id == "abcdef" + "0" * 26
    assert decoded.parent_span_id == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"traceId": "ab"}, "trace id must be 32"),
        ({"traceId": "0" * 32}, "trace id must be 32"),
        ({"traceId": "g" * 32}, "trace id must be 32"),
        ({"spanId": ""}, "span id must be 16"),
        ({"parentSpanId": "12"}, "parent span id must be 16"),
        ({"startTimeUnixNano": None}, "no start time"),
        ({"endTimeUnixNano": "0"}, "no end time"),
        ({"endTimeUnixNano": str(2**63)}, "after the year 2262"),
        ({"startTimeUnixNano": "soon"}, "malformed"),
        ({"attributes": "none"}, "malformed"),
        ({"attributes": [{"key": "n", "value": {"intValue": "many"}}]}, "malformed"),
        ({"name": 7}, "malformed"),
    ],
)
def test_rejected_json_span_is_named(change: dict[str, object], reason: str) -> None:
    good, bad = span(1), span(2, name="bad one") | change
    decoded = decode_json(body(good, bad))
    assert decoded.rejected == 1
    assert [decoded_span.name for decoded_span in decoded.groups[0].spans] == ["chat"]
    assert decoded.problem.startswith(f"span 1 {str(bad['name'])!r}: ")
    assert reason in decoded.problem


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trace_id": b"short"}, "trace id must be 16 bytes"),
        ({"trace_id": bytes(16)}, "trace id must be 16 bytes"),
        ({"span_id": b""}, "span id must be 8 bytes"),
        ({"parent_span_id": b"123"}, "parent span id must be 8 bytes"),
        ({"start_time_unix_nano": 0}, "no start time"),
        ({"end_time_unix_nano": 0}, "no end time"),
        ({"end_time_unix_nano": 2**64 - 1}, "after the year 2262"),
    ],
)
def test_rejected_protobuf_span_is_named(change: dict[str, object], reason: str) -> None:
    problem = only_problem(decode_protobuf(as_protobuf(**change)))
    assert problem.startswith("span 0 'chat': ")
    assert reason in problem


@pytest.mark.parametrize(
    "sent",
    [b'{"resourceSpans": [{"resource": {"attributes": 7}}]}', b"{", b"[]", b'"text"', b"", b'{"resourceSpans": 3}', b'{"resourceSpans": [1]}',
     b'{"resourceSpans": [{"scopeSpans": [{"spans": {}}]}]}', b"\xff\xfe"],
)  # fmt: skip
def test_json_that_is_not_an_export_is_rejected(sent: bytes) -> None:
    with pytest.raises(BadInput):
        decode_json(sent)


def test_body_that_is_not_protobuf_is_rejected() -> None:
    with pytest.raises(BadInput, match="not an OTLP trace export"):
        decode_protobuf(b"\xff\xff\xff")


def test_empty_export_has_no_spans() -> None:
    assert decode_protobuf(b"").groups == []
    assert decode_json(b"{}").groups == []


@given(st.binary(max_size=400))
def test_protobuf_raises_only_bad_input(sent: bytes) -> None:
    with contextlib.suppress(BadInput):
        decode_protobuf(sent)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
span_keys = st.sampled_from(
    ["traceId", "spanId", "name", "kind", "startTimeUnixNano", "attributes", "events", "links", "status"]
)


@given(st.dictionaries(span_keys, json_values))
def test_bad_json_span_does_not_lose_its_neighbour(changes: dict[str, object]) -> None:
    sent = json.dumps(export(span(1), span(2) | changes)).encode()
    try:
        decoded = decode_json(sent)
    except BadInput as error:
        assert "not JSON" in str(error)  # NaN and lone surrogates are not JSON
        return
    spans = decoded.groups[0].spans
    assert spans[0].span_id == f"{1:016x}"
    assert len(spans) + decoded.rejected == 2
    assert bool(decoded.problem) == bool(decoded.rejected)
