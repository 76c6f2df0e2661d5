"""Calls of OpenAI's SDK, as an application makes them, for every instrumentation of the SDK."""

from __future__ import annotations

from typing import Any

from support import EMBEDDING, GPT, OPENAI, SYSTEM, TOOL, TOOL_RESULT, Scenario, write_question


def build_scenarios(client_type: Any, *, has_responses: bool = True) -> dict[str, Scenario]:
    """Chat completions, responses and embeddings, streaming and not.

    Args:
        client_type: class of the client; made after the instrumentation of the SDK.
        has_responses: whether the instrumentation covers the Responses API.
    """
    client = client_type(base_url=OPENAI, max_retries=0)

    def chat(scenario: str) -> None:
        client.chat.completions.create(model=GPT, messages=_build_messages(scenario))

    def stream(scenario: str) -> None:
        request = {"model": GPT, "messages": _build_messages(scenario), "stream": True}
        for _ in client.chat.completions.create(**request, stream_options={"include_usage": True}):
            pass

    def stream_without_usage(scenario: str) -> None:
        request = {"model": GPT, "messages": _build_messages(scenario), "stream": True}
        for _ in client.chat.completions.create(**request):
            pass

    def chat_tool(scenario: str) -> None:
        messages: list[Any] = _build_messages(scenario)
        tools = [{"type": "function", "function": TOOL}]
        message = client.chat.completions.create(model=GPT, messages=messages, tools=tools).choices[0].message
        messages += [message.model_dump(exclude_none=True), _answer_tool(message.tool_calls[0].id)]
        client.chat.completions.create(model=GPT, messages=messages, tools=tools)

    def stream_tool(scenario: str) -> None:
        messages: list[Any] = _build_messages(scenario)
        request = {
            "model": GPT,
            "stream": True,
            "stream_options": {"include_usage": True},
            "tools": [{"type": "function", "function": TOOL}],
        }
        calls: list[Any] = []
        for chunk in client.chat.completions.create(**request, messages=messages):
            calls += (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []
        function = {"name": calls[0].function.name, "arguments": calls[0].function.arguments}
        tool_call = {"id": calls[0].id, "type": "function", "function": function}
        messages += [{"role": "assistant", "tool_calls": [tool_call]}, _answer_tool(calls[0].id)]
        for _ in client.chat.completions.create(**request, messages=messages):
            pass

    def respond(scenario: str) -> None:
        client.responses.create(model=GPT, instructions=SYSTEM, input=write_question(scenario))

    def stream_response(scenario: str) -> None:
        request = {"model": GPT, "instructions": SYSTEM, "input": write_question(scenario)}
        for _ in client.responses.create(**request, stream=True):
            pass

    def respond_tool(scenario: str) -> None:
        items: list[Any] = [{"role": "user", "content": write_question(scenario)}]
        request = {"model": GPT, "instructions": SYSTEM, "tools": [{"type": "function", **TOOL}]}
        output = client.responses.create(**request, input=items).output
        items += [item.model_dump(exclude_none=True) for item in output]
        items.append({"type": "function_call_output", "call_id": output[0].call_id, "output": TOOL_RESULT})
        client.responses.create(**request, input=items)

    def embed(scenario: str) -> None:
        client.embeddings.create(model=EMBEDDING, input=[write_question(scenario)])

    scenarios: dict[str, Scenario] = {
        "chat": chat,
        "chat-cached": chat,
        "chat-tool": chat_tool,
        "chat-error": chat,
        "chat-stream": stream,
        "chat-stream-cached": stream,
        "chat-stream-tool": stream_tool,
        "chat-stream-error": stream,
        "chat-stream-without-usage": stream_without_usage,
        "embedding": embed,
    }
    if has_responses:
        scenarios |= {
            "responses": respond,
            "responses-cached": respond,
            "responses-tool": respond_tool,
            "responses-error": respond,
            "responses-stream": stream_response,
            "responses-stream-cached": stream_response,
        }
    return scenarios


def _build_messages(scenario: str) -> list[dict[str, Any]]:
    return [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": write_question(scenario)},
    ]


def _answer_tool(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": TOOL_RESULT}
