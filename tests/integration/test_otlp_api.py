"""The OTLP routes as clients meet them: encodings, partial success, refusals, and overload."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from db.tables.telemetry import feedback, span
from db.transaction import writing
from genaiops_core.api.app import create_app
from genaiops_core.settings import Settings
from tests.otlp_samples import body, build_protobuf, call
from tests.otlp_samples import span as sample
from tests.waiting import wait_for

JSON = {"content-type": "application/json"}
PROTOBUF = {"content-type": "application/x-protobuf"}


@pytest.fixture
def client(database_url: str) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(database_url=database_url, max_request_mb=1))) as opened:
        yield opened


def count_stored_spans(client: TestClient) -> int:
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        return int(connection.execute(sa.select(sa.func.count()).select_from(span)).scalar() or 0)


def rpc_status(content: bytes) -> tuple[int, str]:
    """Parse google.rpc.Status with protobuf itself, from a description made here."""
    file = FileDescriptorProto(name="status.proto", package="google.rpc", syntax="proto3")
    message = file.message_type.add(name="Status")
    field = FieldDescriptorProto
    message.field.add(name="code", number=1, type=field.TYPE_INT32, label=field.LABEL_OPTIONAL)
    message.field.add(name="message", number=2, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    pool = DescriptorPool()
    pool.Add(file)
    status = GetMessageClass(pool.FindMessageTypeByName("google.rpc.Status")).FromString(content)
    return status.code, status.message


@pytest.mark.parametrize("encode", [lambda b: (b, {}), lambda b: (gzip.compress(b), {"content-encoding": "gzip"}),
                                    lambda b: (zlib.compress(b), {"content-encoding": "deflate"})])  # fmt: skip
def test_response_follows_commit_for_every_encoding(client: TestClient, encode: Any) -> None:
    sent, headers = encode(build_protobuf())
    answer = client.post("/v1/traces", content=sent, headers=PROTOBUF | headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    assert not ExportTraceServiceResponse.FromString(answer.content).HasField("partial_success")
    assert count_stored_spans(client) == 2
    sent, headers = encode(body(call(9)))
    headers |= {"content-type": "application/json; charset=utf-8"}
    answer = client.post("/v1/traces", content=sent, headers=headers)
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (
        200,
        "application/json",
        {},
    )
    assert count_stored_spans(client) == 3


def test_bad_span_is_named_and_nothing_else_is_lost(client: TestClient) -> None:
    answer = client.post("/v1/traces", content=build_protobuf(bad=True), headers=PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 1)
    assert partial.error_message == "span 1 'step 2': it has no end time"
    bad = sample(3, name="broken") | {"spanId": "xyz"}
    answer = client.post("/v1/traces", content=body(bad, sample(4)), headers=JSON)
    partial_json = answer.json()["partialSuccess"]
    assert partial_json["rejectedSpans"] == "1"
    assert partial_json["errorMessage"].startswith("span 0 'broken': its span id")
    assert count_stored_spans(client) == 2


def test_errors_have_an_otlp_status(client: TestClient) -> None:
    cases: list[tuple[bytes, dict[str, str], int, str]] = [
        (b"\xff\xff", PROTOBUF, 400, "not an OTLP trace export"),
        (b"{", JSON, 400, "not JSON"),
        (b"hello", {"content-type": "text/plain"}, 415, "'text/plain' is not supported"),
        (b"hello", {}, 415, "is not supported"),
        (b"hello", JSON | {"content-encoding": "br"}, 415, "'br' is not supported"),
        (b"hello", PROTOBUF | {"content-encoding": "gzip"}, 400, "not complete gzip"),
        (b" " * (2 << 20), JSON, 413, "longer than 1 MB"),
        (
            gzip.compress(bytes(50 << 20), mtime=0),
            PROTOBUF | {"content-encoding": "gzip"},
            413,
            "longer than 1 MB",
        ),
    ]
    for content, headers, expected, case in cases:
        answer = client.post("/v1/traces", content=content, headers=headers)
        assert answer.status_code == expected, case
        if headers.get("content-type") == "application/x-protobuf":
            assert answer.headers["content-type"] == "application/x-protobuf"
            code, message = rpc_status(answer.content)
        else:
            assert answer.headers["content-type"] == "application/json"
            code, message = answer.json()["code"], answer.json()["message"]
        assert code == (8 if expected == 413 else 3)
        assert case in message
    assert count_stored_spans(client) == 0


def test_full_queue_answers_retry_and_loses_nothing(tmp_path: Any) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/full.db", ingest_queue_batches=2)
    with TestClient(create_app(settings)) as client, ThreadPoolExecutor(8) as senders:
        with writing(client.app.state.engine):  # type: ignore[attr-defined]
            # The database is held by someone else: two batches wait, the others are told so at once.
            waiting = [
                senders.submit(client.post, "/v1/traces", content=body(call(n)), headers=JSON)
                for n in range(1, 7)
            ]
            wait_for(lambda: sum(answer.done() for answer in waiting) >= 4)
            refused = [answer.result() for answer in waiting if answer.done()]
        answered = [answer.result() for answer in waiting if answer.result().status_code == 200]
        assert [answer.status_code for answer in refused] == [503] * 4
        assert all(answer.headers["retry-after"] == "1" and answer.json()["code"] == 14 for answer in refused)
        assert len(answered) == 2 == count_stored_spans(client)
        for n in range(1, 7):
            assert client.post("/v1/traces", content=body(call(n)), headers=JSON).status_code == 200
        assert count_stored_spans(client) == 6


def test_log_records_without_a_trace_are_rejected(client: TestClient) -> None:
    log_record = {"timeUnixNano": "5", "traceId": "ab" * 16, "body": {"stringValue": "hello"}}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{}, log_record, {"timeUnixNano": "1"}]}]}]}
    answer = client.post("/v1/logs", content=json.dumps(logs), headers=JSON)
    assert answer.status_code == 200
    assert answer.json()["partialSuccess"] == {
        "rejectedLogRecords": "2",
        "errorMessage": "log record 0 '': it names no trace; only records of traces are kept",
    }
    assert client.post("/v1/logs", content=b"{}", headers=JSON).json() == {}
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    del logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"][1]
    sent = ParseDict(logs, ExportLogsServiceRequest()).SerializeToString()
    answer = client.post("/v1/logs", content=sent, headers=PROTOBUF)
    assert ExportLogsServiceResponse.FromString(answer.content).partial_success.rejected_log_records == 2
    assert client.post("/v1/logs", content=b"\xff", headers=PROTOBUF).status_code == 400
    assert "genaiops_ingest_log_records_total" in client.get("/metrics").text


def test_feedback_is_stored_or_rejected_with_a_reason(client: TestClient) -> None:
    submitted = {"trace_id": "ab" * 16, "user_id": "u", "thumb": "up", "comment": "good"}
    assert client.post("/v1/feedback", json=submitted).status_code == 201
    assert client.post("/v1/feedback", json={"trace_id": "ab" * 16, "rating": 4}).status_code == 201
    for wrong in ({"trace_id": "ab"}, {"trace_id": "ab" * 16}, submitted | {"thumb": "sideways"}):
        answer = client.post("/v1/feedback", json=wrong)
        assert answer.status_code == 400
        assert answer.json()["error"]
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(sa.select(feedback.c.thumb, feedback.c.rating)).all()
        assert sorted(rows, key=repr) == [("up", None), (None, 4.0)]
