"""Replies of OpenAI: chat completions, responses and embeddings, whole and as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.dialects.scenarios import (
    CACHED_BY_OPENAI,
    EMBEDDED,
    ORDER,
    Usage,
    choose_usage,
    find_kind,
    find_scenario,
    write_answer,
)

_CREATED_S = 1_795_780_800
_RELEASE = "2025-08-07"
_ARGUMENTS = json.dumps({"order": ORDER})
_CALL_ID = "call_Kq1"


def answer_chat(body: dict[str, Any]) -> tuple[dict[str, Any], Usage]:
    """The reply of a chat completion, and its usage."""
    scenario, usage, calls_tool = _read_request(body)
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    if calls_tool:
        message["tool_calls"] = [_build_tool_call()]
    else:
        message["content"] = write_answer(scenario)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(calls_tool)}
    return {
        **_head_chat(scenario, body, calls_tool, "chat.completion"),
        "choices": [choice],
        "usage": _count_chat(usage),
    }, usage


def stream_chat(body: dict[str, Any]) -> tuple[bytes, Usage | None]:
    """The chunks of a chat completion, and its usage; None where the caller did not ask for it."""
    scenario, usage, calls_tool = _read_request(body)
    has_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    head = _head_chat(scenario, body, calls_tool, "chat.completion.chunk")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "" if not calls_tool else None}]
    if calls_tool:
        deltas.append({"tool_calls": [{"index": 0, **_build_tool_call()}]})
    else:
        deltas += [{"content": word} for word in write_answer(scenario).split(" ")[:1]]
        deltas += [{"content": f" {word}"} for word in write_answer(scenario).split(" ")[1:]]
    extra = {"usage": None} if has_usage else {}
    chunks = [
        {**head, **extra, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    last = {"index": 0, "delta": {}, "finish_reason": _finish(calls_tool)}
    chunks.append({**head, **extra, "choices": [last]})
    if has_usage:
        chunks.append({**head, "choices": [], "usage": _count_chat(usage)})
    data = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return data.encode(), usage if has_usage else None


def answer_response(body: dict[str, Any]) -> tuple[dict[str, Any], Usage]:
    """The reply of the Responses API, and its usage."""
    scenario, usage, calls_tool = _read_request(body)
    output = [_build_output(scenario, calls_tool)]
    return {**_head_response(scenario, body, calls_tool), "output": output, **_close(usage)}, usage


def stream_response(body: dict[str, Any]) -> tuple[bytes, Usage]:
    """The events of the Responses API, and its usage."""
    scenario, usage, calls_tool = _read_request(body)
    head = _head_response(scenario, body, calls_tool)
    item = _build_output(scenario, calls_tool)
    events = list(_list_response_events(head, item, usage, calls_tool))
    data = "".join(
        f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n"
        for number, event in enumerate(events)
    )
    return data.encode(), usage


def answer_embedding(body: dict[str, Any]) -> tuple[dict[str, Any], Usage]:
    """The reply of the embeddings API, and its usage."""
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector: Any = [0.25, 0.5, -0.5]
    if body.get("encoding_format") == "base64":
        vector = "AACAPgAAAD8AAAC/"
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector} for index, _ in enumerate(texts)
        ],
        "model": body["model"],
        "usage": {"prompt_tokens": EMBEDDED.input, "total_tokens": EMBEDDED.input},
    }, EMBEDDED


def _read_request(body: dict[str, Any]) -> tuple[str, Usage, bool]:
    scenario = find_scenario(body)
    items: Iterable[Any] = body.get("messages") or body.get("input") or []
    has_result = any(
        isinstance(item, dict) and (item.get("role") == "tool" or item.get("type") == "function_call_output")
        for item in items
    )
    usage = choose_usage(scenario, has_tool_result=has_result, cached=CACHED_BY_OPENAI)
    return scenario, usage, find_kind(scenario) == "tool" and not has_result


def _finish(calls_tool: bool) -> str:
    return "tool_calls" if calls_tool else "stop"


def _build_tool_call() -> dict[str, Any]:
    return {
        "id": _CALL_ID,
        "type": "function",
        "function": {"name": "find_order", "arguments": _ARGUMENTS},
    }


def _head_chat(scenario: str, body: dict[str, Any], calls_tool: bool, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{scenario}-{'call' if calls_tool else 'answer'}",
        "object": kind,
        "created": _CREATED_S,
        "model": f"{body['model']}-{_RELEASE}",
        "service_tier": "default",
        "system_fingerprint": None,
    }


def _head_response(scenario: str, body: dict[str, Any], calls_tool: bool) -> dict[str, Any]:
    return {
        "id": f"resp_{scenario}_{'call' if calls_tool else 'answer'}",
        "object": "response",
        "created_at": _CREATED_S,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": None,
        "model": f"{body['model']}-{_RELEASE}",
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": {},
    }


def _build_output(scenario: str, calls_tool: bool) -> dict[str, Any]:
    if calls_tool:
        return {
            "type": "function_call",
            "id": "fc_Kq1",
            "call_id": _CALL_ID,
            "name": "find_order",
            "arguments": _ARGUMENTS,
            "status": "completed",
        }
    text = {"type": "output_text", "text": write_answer(scenario), "annotations": [], "logprobs": []}
    return {"type": "message", "id": "msg_Kq1", "status": "completed", "role": "assistant", "content": [text]}


def _close(usage: Usage) -> dict[str, Any]:
    return {
        "status": "completed",
        "usage": {
            "input_tokens": usage.input,
            "input_tokens_details": {"cached_tokens": usage.read},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input + usage.output,
        },
    }


def _list_response_events(
    head: dict[str, Any], item: dict[str, Any], usage: Usage, calls_tool: bool
) -> Iterator[dict[str, Any]]:
    yield {"type": "response.created", "response": head}
    yield {"type": "response.in_progress", "response": head}
    place = {"output_index": 0, "item_id": item["id"]}
    if calls_tool:
        empty = {**item, "arguments": "", "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": 0, "item": empty}
        yield {"type": "response.function_call_arguments.delta", **place, "delta": _ARGUMENTS}
        yield {
            "type": "response.function_call_arguments.done",
            **place,
            "name": item["name"],
            "arguments": _ARGUMENTS,
        }
    else:
        part = item["content"][0]
        place["content_index"] = 0
        empty = {**item, "content": [], "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": 0, "item": empty}
        yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
        yield {"type": "response.output_text.delta", **place, "delta": part["text"], "logprobs": []}
        yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
        yield {"type": "response.content_part.done", **place, "part": part}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.completed", "response": {**head, "output": [item], **_close(usage)}}


def _count_chat(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
