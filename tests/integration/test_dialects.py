"""Every dialect: its calls once, with all their tokens, and what it says to people."""

from __future__ import annotations

import json
import random

import pytest
import sqlalchemy as sa

from db.tables.telemetry import rollup_minute, span
from db.transaction import reading
from genaiops_core.telemetry.conventions import read_content
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import DecodedExport, decode_json
from tests.otlp_dialects import DIALECTS, Dialect
from tests.otlp_samples import export


def decode_spans(dialect: Dialect, *numbers: int) -> DecodedExport:
    sent = export(*[dialect.spans[number] for number in numbers])
    sent["resourceSpans"][0]["scopeSpans"][0]["scope"]["name"] = dialect.scope
    return decode_json(json.dumps(sent).encode())


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "span by span"])
@pytest.mark.parametrize("name", DIALECTS)
def test_calls_are_counted_once(sqlite_engine: sa.Engine, name: str, is_whole: bool) -> None:
    dialect = DIALECTS[name]
    numbers = list(range(len(dialect.spans)))
    if is_whole:
        ingest(sqlite_engine, decode_spans(dialect, *numbers))
    else:
        random.Random(name).shuffle(numbers)
        for number in numbers:
            ingest(sqlite_engine, decode_spans(dialect, number))
    columns = (
        "calls",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "call_errors",
    )
    with reading(sqlite_engine) as connection:
        rows = connection.execute(
            sa.select(span.c.input_tokens, span.c.output_tokens)
            .where(span.c.is_call)
            .order_by(span.c.start_ns)
        ).all()
        sums = connection.execute(sa.select(*[sa.func.sum(rollup_minute.c[name]) for name in columns])).one()
    assert [tuple(row) for row in rows] == dialect.calls
    assert tuple(sums) == (
        len(dialect.calls),
        sum(tokens or 0 for tokens, _ in dialect.calls),
        sum(tokens or 0 for _, tokens in dialect.calls),
        *dialect.cached,
        sum(tokens is None for tokens, _ in dialect.calls),
    )


@pytest.mark.parametrize("name", [name for name, dialect in DIALECTS.items() if dialect.says])
def test_content_of_every_dialect_is_read(name: str) -> None:
    dialect = DIALECTS[name]
    spans = decode_spans(dialect, *range(len(dialect.spans))).groups[0].spans
    by_number = {int(decoded_span.span_id, 16): decoded_span for decoded_span in spans}
    for number, expected in dialect.says.items():
        content = read_content(by_number[number].attributes, by_number[number].events)
        calls = [call.name for message in content.messages_out for call in message.tool_calls]
        texts = {
            "in": content.messages_in[0].text if content.messages_in else "",
            "out": content.messages_out[0].text if content.messages_out else "",
            "system": content.system,
            "calls": calls[0] if calls else "",
            "tool": content.tool.name if content.tool else "",
            "result": content.tool.result if content.tool else "",
            "document": content.documents[0].content if content.documents else "",
            "source": content.documents[0].source if content.documents else "",
        }
        assert {key: texts[key] for key in expected} == expected, number


def test_agentcore_logs_supply_the_content_of_spans() -> None:
    from genaiops_core.telemetry.conventions import LogRecord

    whole = json.dumps({"inputs": {"messages": [{"lc": 1, "id": ["langchain", "HumanMessage"],
                                                 "kwargs": {"type": "human", "content": "Hello"}}]}})  # fmt: skip
    records = [
        LogRecord(event_name="opentelemetry.instrumentation.langchain", time_ns=2, attributes={},
                  body={"output": {"messages": [{"role": "assistant", "content": "Hi"}]}}),
        LogRecord(event_name="opentelemetry.instrumentation.langchain", time_ns=1, attributes={},
                  body={"input": {"messages": [{"role": "user", "content": whole}]}}),
    ]  # fmt: skip
    content = read_content({"gen_ai.prompt.0.role": "user"}, (), records)
    assert [(message.role, message.text) for message in content.messages_in] == [("user", "Hello")]
    assert [(message.role, message.text) for message in content.messages_out] == [("assistant", "Hi")]
    by_sdk = [
        LogRecord(event_name="gen_ai.choice", time_ns=2, attributes={"gen_ai.system": "aws.bedrock"},
                  body={"message": {"role": "assistant", "content": [{"text": "Hi"}]}, "finish_reason": "end_turn"}),
        LogRecord(event_name="gen_ai.user.message", time_ns=1, attributes={}, body={"content": [{"text": "Hello"}]}),
    ]  # fmt: skip
    content = read_content({}, (), by_sdk)
    assert [message.text for message in (*content.messages_in, *content.messages_out)] == ["Hello", "Hi"]
    assert content.finish_reasons == ("end_turn",)


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.input.messages": "[" * 5000},
        {"gen_ai.input.messages": "[" * 200 + "1" + "]" * 200},
        {"gen_ai.input.messages": '[{"role": 7, "parts": 3}]'},
        {"llm.input_messages.0.message.role": 1, "llm.input_messages.x.message": "a"},
        {"llm.input_messages.0": "text", "llm.input_messages.0.message.content": "deeper"},
        {"gen_ai.output.messages": '{"choices": [{"message": null}]}', "input.value": 3.5},
        {"retrieval.documents.0.document.score": "NaN", "retrieval.documents.0.document.metadata": "[1]"},
        {
            "gen_ai.retrieval.documents": '[1, {"id": {}, "location": {"type": "S3", "s3Location": {"uri": "s3://a"}}}]'
        },
        {"ai.response.toolCalls": '[1, {"toolName": null}]', "gen_ai.tool.name": ["x"]},
        {"gen_ai.tool.name": "t", "gen_ai.response.finish_reasons": '["stop", null]'},
    ],
)
def test_any_attributes_are_read_without_error(attributes: dict[str, object]) -> None:
    read_content(attributes, [{"name": "gen_ai.choice", "attributes": {"message": 5}}, {"name": "x"}])
