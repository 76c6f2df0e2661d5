"""What no honest sender would send: each has the outcome that docs/reference/telemetry.md promises, the rest is kept."""

from __future__ import annotations

import gzip
import itertools
import json
import resource
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from db import histogram
from db.tables.telemetry import request, rollup_minute, span
from db.transaction import reading
from genaiops_core.api.app import create_app
from genaiops_core.api.otlp import InFlight
from genaiops_core.errors import BadInput, Unavailable
from genaiops_core.settings import Settings
from genaiops_core.telemetry.bounds import MAX_ATTRIBUTES, MAX_EVENTS, MAX_VALUE_CHARACTERS
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp import decode, wire
from genaiops_core.telemetry.otlp.decode import decode_json, decode_protobuf
from genaiops_core.telemetry.traces.trace import get_trace
from tests.otlp_samples import SECOND_NS, T0_NS, attribute, body, call, export
from tests.otlp_samples import span as sample
from tests.payloads import read_payloads

PROTOBUF = {"content-type": "application/x-protobuf"}
DAY_NS = 86_400 * SECOND_NS


def ingest_payloads(engine: sa.Engine, *spans: dict[str, Any]) -> list[dict[str, Any]]:
    """The payloads of `spans` after ingest, in order; nothing may be rejected."""
    result = ingest(engine, decode_json(body(*spans)))
    assert (result.rejected, result.spans) == (0, len(spans))
    with reading(engine) as connection:
        payloads = read_payloads(connection, f"{1:032x}")
        assert get_trace(connection, f"{1:032x}") is not None
    return [payloads[sent_span["spanId"]] for sent_span in spans]


def protobuf(spans: int, *, text: bytes = b"second st", start: int = 1) -> bytes:
    """An export whose second span is called `text`, which need not be UTF-8."""
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = group.scope_spans.add()
    scope.scope.name = "test"
    for number in range(start, start + spans):
        scope.spans.add(
            trace_id=bytes(15) + b"\x01",
            span_id=number.to_bytes(8, "big"),
            name="PLACEHOLD" if number == start + 1 else f"step {number}",
            start_time_unix_nano=T0_NS,
            end_time_unix_nano=T0_NS + 5,
        )
    # Of the same length, so that the lengths around it stay right.
    assert len(text) == len(b"PLACEHOLD")
    return message.SerializeToString().replace(b"PLACEHOLD", text, 1)


def test_wrong_clock_is_stored_with_a_note(sqlite_engine: sa.Engine) -> None:
    import time

    ahead, behind, fine = ingest_payloads(
        sqlite_engine,
        sample(1, start_ns=time.time_ns() + 40 * DAY_NS),
        sample(2, parent=1, start_ns=5),
        sample(3, parent=1),
    )
    assert "40.0 days ahead" in ahead["notes"][0]
    assert behind["notes"] == ["its start time is before 2015"]
    assert "notes" not in fine


def test_invalid_durations_are_unknown_and_no_latency(sqlite_engine: sa.Engine) -> None:
    notes = ingest_payloads(
        sqlite_engine,
        call(1, duration_ns=-3 * SECOND_NS),
        call(2, parent=1, duration_ns=40 * DAY_NS),
        call(3, parent=1, tokens=(1, 1)),
    )
    assert "ended 3 s before it started" in notes[0]["notes"][0]
    assert "took 40 days" in notes[1]["notes"][0]
    with reading(sqlite_engine) as connection:
        durations = connection.execute(sa.select(span.c.duration_ns).order_by(span.c.span_id)).scalars()
        assert list(durations) == [-1, -1, SECOND_NS]
        assert connection.execute(sa.select(request.c.duration_ns)).scalar() == -1
        rows = connection.execute(sa.select(rollup_minute.c.call_latency, rollup_minute.c.request_latency))
        blobs = [histogram.merge(column) for column in zip(*rows, strict=True)]
    assert [histogram.count(blob) for blob in blobs] == [1, 0]


def test_missing_parent_and_self_parent_are_accepted(sqlite_engine: sa.Engine) -> None:
    ingest_payloads(sqlite_engine, sample(1, parent=77), sample(2, parent=2), sample(3))
    with reading(sqlite_engine) as connection:
        trace = get_trace(connection, f"{1:032x}")
    assert trace is not None
    assert {trace_span.depth for trace_span in trace.spans} == {0}
    assert trace.is_complete


@pytest.mark.parametrize("names", list(itertools.permutations(["first", "second", "third"])))
def test_repeated_span_id_counts_once_in_any_order(engine: sa.Engine, names: tuple[str, ...]) -> None:
    """Of spans that are equally complete the same is kept, whatever arrives first."""
    for number, batch in enumerate((names[:2], names[2:])):
        sent = body(*[call(1, name=name) for name in batch])
        assert ingest(engine, decode_json(sent)).new == 1 - number
    with reading(engine) as connection:
        assert connection.execute(sa.select(span.c.name)).scalars().all() == ["third"]
        assert connection.execute(sa.select(sa.func.sum(rollup_minute.c.calls))).scalar() == 1


@pytest.mark.parametrize("absurd", [float("nan"), -5, 10**12, "many"])
def test_invalid_token_counts_are_unknown(sqlite_engine: sa.Engine, absurd: Any) -> None:
    [stored_payload] = ingest_payloads(sqlite_engine, call(1, gen_ai__usage__input_tokens=absurd))
    assert "input_tokens was" in stored_payload["notes"][0]
    with reading(sqlite_engine) as connection:
        row = connection.execute(sa.select(span.c.input_tokens, span.c.output_tokens)).one()
    assert tuple(row) == (None, 100)


def test_nan_infinity_and_large_numbers_are_stored(sqlite_engine: sa.Engine) -> None:
    sent = body(sample(1, part=1.5)).replace(b"1.5", b"NaN")
    export_ = decode_json(sent)
    assert ingest(sqlite_engine, export_).new == 1


def test_attributes_over_the_limits_are_cut_with_a_note(sqlite_engine: sa.Engine) -> None:
    long = "x" * (5 << 20)
    nested = sample(2, parent=1)
    nested["attributes"].append(
        {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": long}, {"intValue": "1"}]}}}
    )
    many = sample(3, parent=1, **{f"a{number}": number for number in range(3 * MAX_ATTRIBUTES)})
    eventful = sample(4, parent=1)
    eventful["events"] = [
        {"name": "e", "timeUnixNano": "1", "attributes": [attribute("long", long)] if number == 0 else []}
        for number in range(MAX_EVENTS + 5)
    ]
    first, two, three, four = ingest_payloads(
        sqlite_engine, sample(1, long=long, short="y"), nested, many, eventful
    )
    assert first["attributes"] == {"long": long[:MAX_VALUE_CHARACTERS], "short": "y"}
    assert first["notes"] == [f"attribute 'long' had {5 << 20} characters; the first 262144 are kept"]
    assert len(two["attributes"]["list"]) == MAX_VALUE_CHARACTERS
    assert len(three["attributes"]) == MAX_ATTRIBUTES and "3000 attributes" in three["notes"][0]
    assert len(four["events"]) == MAX_EVENTS
    assert len(four["events"][0]["attributes"]["long"]) == MAX_VALUE_CHARACTERS
    assert len(four["notes"]) == 2


def deep_value(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"stringValue": "bottom"}
    for _ in range(levels):
        value = {"arrayValue": {"values": [value]}}
    return value


def test_deeply_nested_values_are_stored_or_cut(sqlite_engine: sa.Engine) -> None:
    deep = sample(2, parent=1)
    deep["attributes"].append({"key": "deep", "value": deep_value(30)})
    text = body(sample(1), deep, sample(3, parent=1))
    # Deeper than any parser recurses; written by hand, because our own encoder would not either.
    bottomless = '{"arrayValue":{"values":[' * 5000 + '{"stringValue":"b"}' + "]}}" * 5000
    text = text.replace(b'{"stringValue": "bottom"}', bottomless.encode())
    result = ingest(sqlite_engine, decode_json(text))
    assert (result.rejected, result.new) == (0, 3)


def test_too_deep_protobuf_value_loses_only_its_span() -> None:
    message = ExportTraceServiceRequest.FromString(protobuf(3))
    value = message.resource_spans[0].scope_spans[0].spans[1].attributes.add(key="deep").value
    for _ in range(500):
        value = value.array_value.values.add()
    decoded = decode_protobuf(message.SerializeToString())
    assert sum(len(group.spans) for group in decoded.groups) == 2
    assert decoded.rejected == 1
    assert decoded.problem.startswith("span 1 '': it is damaged or nested too deep")


def test_invalid_utf8_is_replaced() -> None:
    [group, *_] = decode_protobuf(protobuf(1)).groups
    assert group.spans[0].name == "step 1"
    decoded = decode_protobuf(protobuf(3, text=b"caf\xe9 \xff ok"))
    names = [decoded_span.name for group in decoded.groups for decoded_span in group.spans]
    assert names == ["step 1", "caf\ufffd \ufffd ok", "step 3"]
    assert {group.resource["service.name"] for group in decoded.groups} == {"shop"}
    as_json = body(sample(1, name="caf?")).replace(b"caf?", b"caf\xe9")
    assert decode_json(as_json).groups[0].spans[0].name == "caf\ufffd"
    half_pair = body(sample(1, name="half")).replace(b"half", b"\\ud83d")
    assert decode_json(half_pair).groups[0].spans[0].name == "?"


def test_body_that_is_not_an_export_is_rejected() -> None:
    for sent in (b"\xff\xff", protobuf(3)[:-3], b"\x0a\x05hello"):
        with pytest.raises(BadInput, match="not an OTLP trace export"):
            decode_protobuf(sent)


@pytest.mark.parametrize("items", [1, 7, 1000])
def test_parts_decode_like_the_whole_body(items: int) -> None:
    whole = protobuf(50)
    parts = list(wire.split_export(whole, items))
    assert len(parts) == -(-50 // items)
    decoded = [decode_protobuf(part) for part in parts]
    spans = [decoded_span for export_ in decoded for group in export_.groups for decoded_span in group.spans]
    [expected] = decode_protobuf(whole).groups
    assert spans == expected.spans
    assert all(export_.groups[0][:2] == expected[:2] for export_ in decoded)


def test_small_scopes_are_joined_into_parts() -> None:
    whole = b"".join(protobuf(3, start=number) for number in range(1, 100, 3))
    parts = list(wire.split_export(whole, 30))
    assert [len(decode_protobuf(part).groups) for part in parts] == [10, 10, 10, 3]


@pytest.mark.parametrize("is_json", [True, False])
def test_large_body_in_parts_keeps_indexes_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, is_json: bool
) -> None:
    monkeypatch.setattr(decode, "LARGE_BODY_BYTES", 100)
    monkeypatch.setattr(decode, "SPANS_PER_PART", 4)
    if is_json:
        spans = [sample(number) for number in range(1, 11)]
        spans[6]["endTimeUnixNano"] = "0"
        sent = body(*spans)
    else:
        message = ExportTraceServiceRequest.FromString(protobuf(10))
        message.resource_spans[0].scope_spans[0].spans[6].end_time_unix_nano = 0
        sent = message.SerializeToString()
    decoded = list(decode.decode_parts(sent, is_json=is_json))
    counts = [sum(len(group.spans) for group in part.groups) for part in decoded]
    assert [count for count in counts if count] == ([4, 5] if is_json else [4, 3, 2])
    assert sum(part.rejected for part in decoded) == 1
    assert [part.problem.partition(" '")[0] for part in decoded if part.problem] == ["span 6"]


@pytest.fixture
def client(tmp_path: Any) -> Iterator[TestClient]:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/bad.db", max_request_mb=16)
    with TestClient(create_app(settings)) as opened:
        yield opened


def test_request_of_100000_spans_takes_little_memory(client: TestClient) -> None:
    sent = b"".join(protobuf(10_000, start=1 + 10_000 * number) for number in range(10))
    assert len(sent) > decode.LARGE_BODY_BYTES
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = client.post("/v1/traces", content=sent, headers=PROTOBUF)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert answer.status_code == 200
    assert not ExportTraceServiceResponse.FromString(answer.content).HasField("partial_success")
    with reading(client.app.state.engine) as connection:  # type: ignore[attr-defined]
        assert connection.execute(sa.select(sa.func.count()).select_from(span)).scalar() == 100_000
    # All at once they took 300 MB.
    assert grown_mb < 120


def test_half_written_large_request_may_be_resent(client: TestClient) -> None:
    sent = b"".join(protobuf(10_000, start=1 + 10_000 * number) for number in range(2))
    assert client.post("/v1/traces", content=sent[:-2], headers=PROTOBUF).status_code == 400
    assert client.post("/v1/traces", content=sent, headers=PROTOBUF).status_code == 200
    with reading(client.app.state.engine) as connection:  # type: ignore[attr-defined]
        assert connection.execute(sa.select(sa.func.count()).select_from(span)).scalar() == 20_000


def test_compression_bomb_and_wrong_type_are_rejected(client: TestClient) -> None:
    bomb = gzip.compress(bytes(200 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = client.post("/v1/traces", content=bomb, headers=PROTOBUF | {"content-encoding": "gzip"})
    assert answer.status_code == 413
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 60
    for path in ("/v1/traces", "/v1/logs"):
        assert client.post(path, content=b"{}", headers={"content-type": "text/xml"}).status_code == 415


def test_many_large_requests_are_answered_with_retry() -> None:
    held = InFlight(10)
    held.take(30)  # alone, anything goes that one request may be
    with pytest.raises(Unavailable):
        held.take(1)
    held.give(30)
    held.take(6)
    held.take(4)
    with pytest.raises(Unavailable):
        held.take(1)


def test_odd_span_never_loses_its_neighbours(sqlite_engine: sa.Engine) -> None:
    odd = [
        sample(10) | {"traceId": "zz"},
        sample(11) | {"startTimeUnixNano": "0"},
        sample(12) | {"attributes": {"a": 1}},
        sample(13) | {"events": [{"name": 5}]},
        sample(14) | {"links": 3},
        sample(15) | {"status": "fine"},
    ]
    sent = json.dumps(export(sample(1), *odd, sample(2, parent=1))).encode()
    result = ingest(sqlite_engine, decode_json(sent))
    assert (result.new, result.rejected) == (2, len(odd))
    assert result.problem.startswith("span 1")
