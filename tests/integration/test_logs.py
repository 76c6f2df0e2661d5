"""Log records: joined to their spans whichever comes first; evaluations told by spans and logs become scores."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from db.tables.telemetry import application, log_record, score, score_rollup_hour
from db.transaction import reading
from genaiops_core.telemetry.ingest.ingest import Ingestor, ingest
from genaiops_core.telemetry.logs import prepare_logs
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.otlp.logs import DecodedLogs, decode_logs_json, decode_logs_protobuf
from genaiops_core.telemetry.spans import Batch
from genaiops_core.telemetry.traces.trace import get_trace
from tests.conftest import SHARED_DATA
from tests.otlp_samples import T0_NS, attribute, body, call

CHOICE = {"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        pairs = [{"key": key, "value": any_value(inner)} for key, inner in value.items()]
        return {"kvlistValue": {"values": pairs}}
    return attribute("", value)["value"]


def record(event: str, body: Any, number: int = 1, *, trace: int = 1, **attributes: Any) -> dict[str, Any]:
    return {
        "timeUnixNano": str(T0_NS + number),
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "body": any_value(body),
        "attributes": [attribute("event.name", event)]
        + [attribute(key.replace("__", "."), value) for key, value in attributes.items()],
    }


def logs(*records: dict[str, Any], name: str = "shop") -> DecodedLogs:
    resource = {"attributes": [attribute("service.name", name), attribute("service.version", "v1")]}
    sent = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": list(records)}]}]}
    return decode_logs_json(json.dumps(sent).encode())


def keep(engine: sa.Engine, export: DecodedLogs) -> None:
    Ingestor().write(engine, [Batch(spans=[], logs=prepare_logs(export))])


@pytest.mark.parametrize("logs_come_first", [True, False])
def test_records_join_their_span_in_any_order(engine: sa.Engine, logs_come_first: bool) -> None:
    export = logs(
        record("gen_ai.user.message", {"content": "Hello"}),
        record("gen_ai.choice", CHOICE, gen_ai__system="x"),
    )
    if logs_come_first:
        keep(engine, export)
    ingest(engine, decode_json(body(call(1))))
    if not logs_come_first:
        keep(engine, export)
    with reading(engine) as connection:
        trace = get_trace(connection, f"{1:032x}")
    assert trace is not None
    content = trace.spans[0].content
    assert [message.text for message in (*content.messages_in, *content.messages_out)] == ["Hello", "Hi"]
    assert content.finish_reasons == ("stop",)


def test_repeated_records_change_nothing(engine: sa.Engine) -> None:
    export = logs(record("a", "one"), record("a", "one"), record("a", "two"), record("a", "one", 2))
    for _ in range(2):
        keep(engine, export)
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(log_record)).scalar() == 3
        assert connection.execute(sa.select(application.c.application)).scalars().all() == ["shop"]


def test_both_encodings_give_equal_records() -> None:
    sent = {
        "resourceLogs": [
            {
                "resource": {"attributes": [attribute("service.name", "shop")]},
                "scopeLogs": [
                    {
                        "scope": {"name": "test"},
                        "logRecords": [
                            {**record("gen_ai.choice", {"a": {"b": 1.5}}), "severityText": "INFO"},
                            {"timeUnixNano": "1", "body": {"stringValue": "no trace"}},
                            {"observedTimeUnixNano": "7", "traceId": "ab" * 16, "eventName": "named"},
                            {"traceId": "ab" * 16},
                        ],
                    }
                ],
            }
        ]
    }
    as_json = decode_logs_json(json.dumps(sent).encode())
    for each in sent["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:  # type: ignore[index]
        for name, digits in (("traceId", 32), ("spanId", 16)):
            if name in each:
                import base64

                assert len(each[name]) == digits
                each[name] = base64.b64encode(bytes.fromhex(each[name])).decode()
    as_protobuf = decode_logs_protobuf(ParseDict(sent, ExportLogsServiceRequest()).SerializeToString())
    assert as_json.groups[0].records == as_protobuf.groups[0].records
    assert [item.event_name for item in as_json.groups[0].records] == ["gen_ai.choice", "named"]
    for export in (as_json, as_protobuf):
        assert (export.rejected, export.problem) == (
            2,
            "log record 1 '': it names no trace; only records of traces are kept",
        )


def test_evaluations_of_spans_and_logs_become_scores(engine: sa.Engine) -> None:
    body_fields = {
        "gen_ai.evaluation.name": "relevance",
        "gen_ai.evaluation.score.value": 0.75,
        "gen_ai.evaluation.score.label": "relevant",
        "gen_ai.evaluation.explanation": "on the point",
    }
    spans = call(1)
    spans["events"] = [
        {
            "name": "gen_ai.evaluation.result",
            "timeUnixNano": str(T0_NS),
            "attributes": [attribute(key, value) for key, value in body_fields.items()],
        }
    ]
    records = [
        record("gen_ai.evaluation.result", {}, gen_ai__evaluation__name="Correct", gen_ai__evaluation__score__label="fail"),
        record("gen_ai.evaluation.result", {}, 2, gen_ai__evaluation__name="stars", gen_ai__evaluation__score__value=4.0,
               gen_ai__evaluation__evaluator__name="nova"),
    ]  # fmt: skip
    for _ in range(2):
        ingest(engine, decode_json(body(spans, service__version="v1")))
        keep(engine, logs(*records))
    with reading(engine) as connection:
        rows = connection.execute(
            sa.select(score.c.metric, score.c.judge, score.c.value, score.c.reason).order_by(score.c.metric)
        ).all()
        sums = connection.execute(
            sa.select(sa.func.sum(score_rollup_hour.c.scored), sa.func.sum(score_rollup_hour.c.undefined))
        ).one()
        releases = set(connection.execute(sa.select(score_rollup_hour.c.release)).scalars())
    assert [tuple(row) for row in sorted(rows)] == [
        ("Correct", "reported", 0.0, "fail"),
        ("relevance", "reported", 0.75, "on the point"),
        ("stars", "nova", None, "the value 4.0 is not between 0 and 1"),
    ]
    assert (tuple(sums), releases) == ((2, 1), {"v1"})


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"evaluation__name": "faith", "evaluation__score": 0.5}, ("faith", 0.5)),
        ({"annotation__tone__score": 1, "annotation__tone__label": "kind"}, ("tone", 1.0)),
        ({"evaluation__name": "faith"}, None),
        ({"evaluation__score": 0.5}, None),
        ({"evaluation__a__b__score": 0.5}, None),
    ],
)
def test_evaluations_in_attributes_are_read(
    sqlite_engine: sa.Engine, attributes: dict[str, Any], expected: tuple[str, float] | None
) -> None:
    from tests.otlp_samples import span

    ingest(sqlite_engine, decode_json(body(span(1, **attributes))))
    with reading(sqlite_engine) as connection:
        stored_score = connection.execute(sa.select(score.c.metric, score.c.value)).one_or_none()
    assert (tuple(stored_score) if stored_score else None) == expected


def test_agentcore_logs_reach_the_content_of_its_spans(sqlite_engine: sa.Engine) -> None:
    folder = SHARED_DATA / "otlp" / "converted"
    spans = folder / "agentcore_raw_otel_langchain_spans.json"
    if not spans.is_file():
        # Without the shared data the same is tested on records made here, above.
        return
    export = decode_logs_json((folder / "agentcore_raw_otel_langchain_runtime_logs.json").read_bytes())
    truth = json.loads((folder / "agentcore_raw_otel_langchain_runtime_logs.truth.json").read_text())
    assert (sum(len(group.records) for group in export.groups), export.rejected) == (truth["records"], 0)
    keep(sqlite_engine, export)
    ingest(sqlite_engine, decode_json(spans.read_bytes()))
    with reading(sqlite_engine) as connection:
        trace = get_trace(connection, "691bbd2521293a552b6cbb5c30547369")
    assert trace is not None
    for item in trace.spans:
        if item.component == "generation":
            assert [message.text for message in item.content.messages_in] == ["Hello"]
        if item.name.startswith("chat us."):
            assert item.content.messages_out[0].text.startswith("Hello! How can I help")
