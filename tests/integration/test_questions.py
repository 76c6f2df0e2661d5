"""Every reader of a trace sees the same question and answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.evaluation.datasets.trace_case import read_trace_case
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.traces.content import read_questions_and_answers
from genaiops_core.telemetry.traces.context_record import build_context_record
from tests.otlp_samples import T0_NS, call, export, span

TRACE = f"{1:032x}"
QUESTION, ANSWER = "What is my balance?", "You have 12.30 EUR."

ASKED = {"role": "user", "parts": [{"type": "text", "content": QUESTION}]}
TOOL_CALL = {
    "role": "assistant",
    "parts": [{"type": "tool_call", "id": "t1", "name": "b", "arguments": "{}"}],
}
TOOL_RESULT = {"role": "user", "parts": [{"type": "tool_call_response", "id": "t1", "result": "12.30 EUR"}]}
ANSWERED = {"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}


def converse(number: int, sent: list[Any], received: list[Any], **more: Any) -> dict[str, Any]:
    return call(
        number,
        gen_ai__input__messages=json.dumps(sent),
        gen_ai__output__messages=json.dumps(received),
        **more,
    )


LANGCHAIN_IN = {"messages": [{"type": "human", "data": {"content": QUESTION, "type": "human"}}]}
LANGCHAIN_OUT = {"messages": [*LANGCHAIN_IN["messages"], {"type": "ai", "data": {"content": ANSWER}}]}

TRACES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "tool result last": [
        ("bot", span(1, name="POST /ask")),
        ("bot", converse(2, [ASKED, TOOL_CALL, TOOL_RESULT], [ANSWERED], parent=1)),
    ],
    "loop of an agent": [
        ("bot", span(1)),
        ("bot", converse(2, [ASKED], [TOOL_CALL], parent=1)),
        ("bot", converse(3, [ASKED, TOOL_CALL, TOOL_RESULT], [ANSWERED], parent=1, start_ns=T0_NS + 5)),
    ],
    "LangChain": [
        (
            "bot",
            span(
                1,
                openinference__span__kind="CHAIN",
                input__value=json.dumps(LANGCHAIN_IN),
                output__value=json.dumps(LANGCHAIN_OUT),
            ),
        )
    ],
    "called tool service with a model of its own": [
        ("bot", span(1)),
        ("bot", converse(2, [ASKED], [ANSWERED], parent=1)),
        (
            "tools",
            converse(
                3,
                [{"role": "user", "parts": [{"type": "text", "content": "Look up user 12"}]}],
                [{"role": "assistant", "parts": [{"type": "text", "content": "12.30"}]}],
                parent=1,
                kind=2,
                start_ns=T0_NS + 1,
            ),
        ),
    ],
}


@pytest.mark.parametrize("name", TRACES)
def test_every_reader_sees_the_same_question_and_answer(engine: sa.Engine, name: str) -> None:
    for application, sent in TRACES[name]:
        ingest(engine, decode_json(json.dumps(export(sent, application=application)).encode()))
    with reading(engine) as connection:
        record = build_context_record(connection, TRACE)
        texts = read_questions_and_answers(connection, [TRACE])[TRACE]
        case = read_trace_case(connection, TRACE).case
    assert record is not None and case is not None
    assert (record.question, record.answer) == texts == (case.input, case.answer)
    assert texts == (QUESTION, ANSWER)
