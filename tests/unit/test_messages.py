"""Who says what in messages of every shape; results of tools are nobody's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genaiops_core.telemetry.conventions.messages import parse_messages
from genaiops_core.telemetry.traces.content import find_last_text

QUESTION = {"role": "user", "content": "Balance?"}
RESULT = "12.30 EUR"

TOOL_RESULTS = {
    "OpenTelemetry": {
        "role": "user",
        "parts": [{"type": "tool_call_response", "id": "t1", "result": RESULT}],
    },
    "OpenTelemetry, response": {
        "role": "user",
        "parts": [{"type": "tool_call_response", "id": "t1", "response": {"text": RESULT}}],
    },
    "Anthropic": {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": RESULT}]}
        ],
    },
    "Anthropic as JSON text": {
        "role": "user",
        "content": json.dumps([{"type": "tool_result", "tool_use_id": "t1", "content": RESULT}]),
    },
    "Bedrock": {
        "role": "user",
        "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": RESULT}]}}],
    },
    "Google": {
        "role": "user",
        "parts": [{"functionResponse": {"name": "b", "response": {"output": RESULT}}}],
    },
    "pydantic-ai": {"role": "user", "parts": [{"part_kind": "tool-return", "content": RESULT}]},
    "OpenAI Responses": {"type": "function_call_output", "call_id": "t1", "output": RESULT},
    "OpenInference": {"role": "user", "content": RESULT, "tool_call_id": "t1"},
    "Vercel": {
        "role": "tool",
        "content": [{"type": "tool-result", "toolName": "b", "output": {"type": "text", "value": RESULT}}],
    },
    "LangChain": {"type": "tool", "data": {"content": RESULT, "type": "tool", "tool_call_id": "t1"}},
}


def pair_up(value: Any) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in parse_messages(value, "user")]


@pytest.mark.parametrize("dialect", TOOL_RESULTS)
@pytest.mark.parametrize("is_text", [False, True])
def test_tool_result_is_not_the_question(dialect: str, is_text: bool) -> None:
    value = [QUESTION, TOOL_RESULTS[dialect]]
    messages = parse_messages(json.dumps(value) if is_text else value, "user")
    assert [(message.role, message.text) for message in messages] == [("user", "Balance?"), ("tool", RESULT)]
    assert find_last_text(messages, "user") == "Balance?"


@pytest.mark.parametrize("dialect", TOOL_RESULTS)
def test_tool_result_alone_is_no_question(dialect: str) -> None:
    assert find_last_text(parse_messages([TOOL_RESULTS[dialect]], "user"), "user") is None


def test_text_beside_a_tool_result_is_the_question() -> None:
    content = [
        {"type": "tool_result", "tool_use_id": "t1", "content": RESULT},
        {"type": "text", "text": "And now?"},
    ]
    assert pair_up([{"role": "user", "content": content}]) == [("tool", RESULT), ("user", "And now?")]


LANGCHAIN = [
    {"type": "system", "data": {"content": "Be brief.", "type": "system"}},
    {"type": "human", "data": {"content": [{"type": "text", "text": "Balance?"}], "type": "human"}},
    {
        "type": "ai",
        "data": {
            "content": "",
            "additional_kwargs": {"tool_calls": [{"id": "t1", "function": {"name": "b", "arguments": "{}"}}]},
        },
    },
    {"type": "tool", "data": {"content": RESULT}},
    {"type": "AIMessageChunk", "data": {"content": "You have 12.30 EUR.", "type": "AIMessageChunk"}},
]


@pytest.mark.parametrize(
    "value", [LANGCHAIN, [LANGCHAIN], {"messages": LANGCHAIN}, json.dumps({"messages": [LANGCHAIN]})]
)
def test_langchain_dictionaries_are_unwrapped(value: Any) -> None:
    messages = parse_messages(value, "user")
    assert [(message.role, message.text) for message in messages] == [
        ("system", "Be brief."),
        ("user", "Balance?"),
        ("assistant", ""),
        ("tool", RESULT),
        ("assistant", "You have 12.30 EUR."),
    ]
    assert [call.name for call in messages[2].tool_calls] == ["b"]


def test_single_langchain_answer_is_unwrapped() -> None:
    assert pair_up({"type": "ai", "data": {"content": "Yes."}}) == [("assistant", "Yes.")]
    assert pair_up(json.dumps({"output": {"type": "ai", "data": {"content": "Yes."}}})) == [
        ("assistant", "Yes.")
    ]


def test_pairs_of_role_and_text_are_messages() -> None:
    value = {"messages": [["user", "Balance?"], ["ai", "12.30 EUR"]]}
    assert pair_up(value) == [("user", "Balance?"), ("assistant", "12.30 EUR")]


def test_file_with_data_stays_part_of_its_message() -> None:
    content = [{"type": "text", "text": "Read this"}, {"type": "file", "data": {"id": "f1"}}]
    assert pair_up([{"role": "user", "content": content}]) == [("user", "Read this\n[file]")]


STEPS = {
    "OpenTelemetry": [
        {"type": "text", "content": "It is 12.30 EUR."},
        {"type": "tool_call", "id": "t1", "name": "balance", "arguments": {}},
        {"type": "tool_call_response", "id": "t1", "response": RESULT},
    ],
    "Anthropic": [
        {"type": "tool_use", "id": "t1", "name": "balance", "input": {}},
        {"type": "tool_result", "tool_use_id": "t1", "content": RESULT},
        {"type": "text", "text": "It is 12.30 EUR."},
    ],
    "Bedrock": [
        {"toolUse": {"toolUseId": "t1", "name": "balance", "input": {}}},
        {"toolResult": {"toolUseId": "t1", "content": [{"text": RESULT}]}},
        {"text": "It is 12.30 EUR."},
    ],
}


@pytest.mark.parametrize("key", ["parts", "content"])
@pytest.mark.parametrize("is_text", [False, True])
@pytest.mark.parametrize("dialect", STEPS)
def test_tool_result_is_not_the_answer(dialect: str, is_text: bool, key: str) -> None:
    value = [{"role": "assistant", key: STEPS[dialect], "finish_reason": "stop"}]
    answer, tool = parse_messages(json.dumps(value) if is_text else value, "assistant")
    assert (answer.role, answer.text, answer.finish_reason) == ("assistant", "It is 12.30 EUR.", "stop")
    assert [call.name for call in answer.tool_calls] == ["balance"]
    assert (tool.role, tool.text) == ("tool", RESULT)


def test_message_of_nothing_but_a_result_stays_whole() -> None:
    part = {"type": "tool_call_response", "id": "t1", "response": RESULT}
    (message,) = parse_messages([{"role": "assistant", "parts": [part]}], "assistant")
    assert message.text == RESULT
