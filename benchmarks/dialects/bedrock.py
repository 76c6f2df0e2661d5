"""Replies of the Bedrock runtime: Converse, ConverseStream, InvokeModel and its stream, for Claude, Nova and Titan."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.dialects.scenarios import (
    EMBEDDED,
    ORDER,
    Usage,
    choose_usage,
    find_kind,
    find_scenario,
    write_answer,
)

TOOL_USE = {"toolUseId": "tooluse_Kq1", "name": "find_order", "input": {"order": ORDER}}
_CLAUDE_TOOL_USE = {
    "type": "tool_use",
    "id": "toolu_bdrk_Kq1",
    "name": "find_order",
    "input": {"order": ORDER},
}


def answer_converse(body: dict[str, Any]) -> tuple[dict[str, Any], Usage]:
    """The reply of Converse, and its usage."""
    scenario, usage, calls_tool = _read_request(body)
    content = [{"toolUse": TOOL_USE}] if calls_tool else [{"text": write_answer(scenario)}]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use" if calls_tool else "end_turn",
        "usage": _count_converse(usage),
        "metrics": {"latencyMs": 410},
    }, usage


def stream_converse(body: dict[str, Any]) -> tuple[bytes, Usage]:
    """The event stream of ConverseStream, and its usage."""
    scenario, usage, calls_tool = _read_request(body)
    return b"".join(
        encode_event(name, event) for name, event in _list_converse_events(scenario, usage, calls_tool)
    ), usage


def answer_invoke(model: str, body: dict[str, Any]) -> tuple[dict[str, Any], Usage]:
    """The reply of InvokeModel in the shape of the model's vendor, and its usage."""
    scenario, usage, calls_tool = _read_request(body)
    if "titan-embed" in model:
        return {"embedding": [0.1, 0.2, 0.3], "inputTextTokenCount": EMBEDDED.input}, EMBEDDED
    if "nova" in model:
        reply, _ = answer_converse(body)
        return {**reply, "usage": _count_nova(usage)}, usage
    content = [_CLAUDE_TOOL_USE] if calls_tool else [{"type": "text", "text": write_answer(scenario)}]
    return {
        "model": "claude-haiku-4-5-20251001",
        "id": f"msg_bdrk_{scenario}",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": "tool_use" if calls_tool else "end_turn",
        "stop_sequence": None,
        "usage": {**_count_claude(usage), "output_tokens": usage.output},
    }, usage


def stream_invoke(model: str, body: dict[str, Any]) -> tuple[bytes, Usage]:
    """The event stream of InvokeModelWithResponseStream, and its usage."""
    scenario, usage, calls_tool = _read_request(body)
    metrics = {
        "inputTokenCount": usage.uncached,
        "outputTokenCount": usage.output,
        "invocationLatency": 410,
        "firstByteLatency": 90,
    }
    if usage.read or usage.written:
        metrics |= {
            "cacheReadInputTokenCount": usage.read,
            "cacheWriteInputTokenCount": usage.written,
        }
    if "nova" in model:
        events = [
            {name: event} for name, event in _list_converse_events(scenario, usage, calls_tool, _count_nova)
        ]
    else:
        events = list(_list_claude_events(scenario, usage, calls_tool))
    events[-1] = {**events[-1], "amazon-bedrock-invocationMetrics": metrics}
    chunks = [{"bytes": base64.b64encode(json.dumps(event).encode()).decode()} for event in events]
    return b"".join(encode_event("chunk", chunk) for chunk in chunks), usage


def encode_event(name: str, payload: dict[str, Any]) -> bytes:
    """Encode one event in the binary framing of AWS event streams, with both of its checksums."""
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in (
            (":event-type", name),
            (":content-type", "application/json"),
            (":message-type", "event"),
        )
    )
    data = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(data), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + data
    return message + struct.pack(">I", zlib.crc32(message))


def _read_request(body: dict[str, Any]) -> tuple[str, Usage, bool]:
    """The scenario of a request, its usage, and whether the reply calls the tool."""
    scenario, text = find_scenario(body), json.dumps(body)
    has_result = '"toolResult"' in text or '"tool_result"' in text
    usage = choose_usage(scenario, has_tool_result=has_result)
    return scenario, usage, find_kind(scenario) == "tool" and not has_result


def _count_converse(usage: Usage) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "inputTokens": usage.uncached,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
    }
    if usage.read or usage.written:
        counts |= {"cacheReadInputTokens": usage.read, "cacheWriteInputTokens": usage.written}
    return counts


def _count_nova(usage: Usage) -> dict[str, Any]:
    return {
        "inputTokens": usage.uncached,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
        "cacheReadInputTokenCount": usage.read,
        "cacheWriteInputTokenCount": usage.written,
    }


def _count_claude(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.uncached,
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.read,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.written, "ephemeral_1h_input_tokens": 0},
    }


def _list_converse_events(
    scenario: str, usage: Usage, calls_tool: bool, count: Any = _count_converse
) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "messageStart", {"role": "assistant"}
    if calls_tool:
        start = {"toolUse": {key: TOOL_USE[key] for key in ("toolUseId", "name")}}
        yield "contentBlockStart", {"start": start, "contentBlockIndex": 0}
        deltas: Iterable[dict[str, Any]] = [{"toolUse": {"input": json.dumps(TOOL_USE["input"])}}]
    else:
        deltas = [{"text": word} for word in _split(write_answer(scenario))]
    for delta in deltas:
        yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": 0}
    yield "contentBlockStop", {"contentBlockIndex": 0}
    yield "messageStop", {"stopReason": "tool_use" if calls_tool else "end_turn"}
    yield "metadata", {"usage": count(usage), "metrics": {"latencyMs": 410}}


def _list_claude_events(scenario: str, usage: Usage, calls_tool: bool) -> Iterator[dict[str, Any]]:
    yield {
        "type": "message_start",
        "message": {
            "model": "claude-haiku-4-5-20251001",
            "id": f"msg_bdrk_{scenario}",
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**_count_claude(usage), "output_tokens": 1},
        },
    }
    if calls_tool:
        yield {"type": "content_block_start", "index": 0, "content_block": {**_CLAUDE_TOOL_USE, "input": {}}}
        text = json.dumps(_CLAUDE_TOOL_USE["input"])
        deltas = [{"type": "input_json_delta", "partial_json": text}]
    else:
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        deltas = [{"type": "text_delta", "text": word} for word in _split(write_answer(scenario))]
    for delta in deltas:
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use" if calls_tool else "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": usage.output},
    }
    yield {"type": "message_stop"}


def _split(text: str) -> list[str]:
    return [word if index == 0 else f" {word}" for index, word in enumerate(text.split(" "))]
