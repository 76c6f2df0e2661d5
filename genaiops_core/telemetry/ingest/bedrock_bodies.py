"""Reads messages, usage and stop reasons from the bodies of Bedrock calls, by shape and not by vendor.

Shapes: Converse (also Nova's own), Claude messages and text completions, Llama, Titan, Mistral, Cohere and the
OpenAI-like shape of newer models; a complete answer, or the list of chunks that a stream is logged as. Unknown fields
are ignored, and no shape is an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.telemetry.conventions.provider_metadata import sum_cache_details

Part = dict[str, Any]
Message = dict[str, Any]
"""{"role", "parts": [{"type": "text", "content"} | {"type": "tool_call", ...} | ...]}: OpenTelemetry's shape."""

_USAGE = {
    "input_tokens": (
        "inputTokens",
        "input_tokens",
        "prompt_tokens",
        "prompt_token_count",
        "inputTextTokenCount",
        "inputTokenCount",
    ),
    "output_tokens": (
        "outputTokens",
        "output_tokens",
        "completion_tokens",
        "generation_token_count",
        "totalOutputTextTokenCount",
        "outputTokenCount",
    ),
    "cache_read_tokens": ("cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_input_tokens"),
    "cache_write_tokens": (
        "cacheWriteInputTokens",
        "cacheWriteInputTokenCount",
        "cache_creation_input_tokens",
    ),
}
"""Field -> its names in bodies, the most common first."""

_STREAM_METRICS = "amazon-bedrock-invocationMetrics"
_STOP_REASONS = ("stopReason", "stop_reason", "finish_reason", "completionReason", "finishReason")
_TEXTS = ("text", "outputText", "generation", "completion", "content", "response")
_PARAMETERS = {
    "gen_ai.request.temperature": ("temperature",),
    "gen_ai.request.top_p": ("topP", "top_p", "p"),
    "gen_ai.request.top_k": ("topK", "top_k", "k"),
    "gen_ai.request.max_tokens": (
        "maxTokens",
        "max_tokens",
        "max_gen_len",
        "maxTokenCount",
        "max_new_tokens",
        "max_tokens_to_sample",
    ),
}
_PARAMETER_PLACES = ("inferenceConfig", "textGenerationConfig")


@dataclass(frozen=True, kw_only=True)
class RequestBody:
    """The content of a request body."""

    messages: tuple[Message, ...]
    system: tuple[Part, ...]
    parameters: Mapping[str, float]
    """OpenTelemetry's attribute -> value."""
    guardrail_id: str
    tools: tuple[Any, ...]
    """Tool definitions as they were sent."""


@dataclass(frozen=True, kw_only=True)
class ResponseBody:
    """The content of a response body; None is unknown."""

    messages: tuple[Message, ...]
    finish_reasons: tuple[str, ...]
    response_id: str
    response_model: str
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cache_write_1h_tokens: int | None
    """Of `cache_write_tokens`, those that live one hour."""
    service_tier: str
    """Tier that served the call; '' when it is not said."""
    latency_ms: float | None
    first_token_ms: float | None


def read_request(body: Any) -> RequestBody:
    """Read a request body; anything but an object is empty."""
    request = body if isinstance(body, dict) else {}
    places = [request, *_filter_objects(request.get(place) for place in _PARAMETER_PLACES)]
    parameters = {
        attribute: value
        for attribute, names in _PARAMETERS.items()
        if (value := _parse_number(_find_first(places, names))) is not None
    }
    guardrail, tools = request.get("guardrailConfig"), request.get("tools") or request.get("toolConfig")
    if isinstance(tools, dict):
        tools = tools.get("tools")
    return RequestBody(
        messages=tuple(_read_request_messages(request)),
        system=tuple(_convert_parts(request.get("system") or request.get("preamble"))),
        parameters=parameters,
        guardrail_id=_to_text(guardrail.get("guardrailIdentifier")) if isinstance(guardrail, dict) else "",
        tools=tuple(tools) if isinstance(tools, list) else (),
    )


def read_response(body: Any) -> ResponseBody:
    """Read a response body: an object, or the list of chunks of a stream."""
    chunks = _filter_objects(body) if isinstance(body, list) else _filter_objects([body])
    # Chunks wrap the fields that complete answers have at the top: Claude in "message", Nova in "metadata".
    places = [place for chunk in chunks for place in _collect_objects(chunk)]
    usage = {field: _find_token_count(places, names) for field, names in _USAGE.items()}
    if usage["output_tokens"] is None:
        usage["output_tokens"] = _sum_result_tokens(chunks)
    latency_ms = _parse_number(_find_first(places, ("latencyMs", "invocationLatency")))
    return ResponseBody(
        messages=tuple(_read_response_messages(chunks, is_stream=isinstance(body, list))),
        finish_reasons=tuple(dict.fromkeys(_find_stop_reasons(chunks))),
        response_id=_to_text(_find_first(places, ("id", "generation_id", "response_id"))),
        response_model=_to_text(_find_first(places, ("model",))),
        latency_ms=latency_ms,
        first_token_ms=_parse_number(_find_first(places, ("firstByteLatency",))),
        cache_write_1h_tokens=_find_one_hour_tokens(places),
        service_tier=_find_service_tier(places),
        **usage,
    )


def _find_one_hour_tokens(places: Sequence[Mapping[str, Any]]) -> int | None:
    by_life = _find_first(places, ("cache_creation",))
    if isinstance(by_life, dict):
        return _find_token_count([by_life], ("ephemeral_1h_input_tokens",))
    return sum_cache_details(_find_first(places, ("cacheDetails",)), "1h")


def _find_service_tier(places: Sequence[Mapping[str, Any]]) -> str:
    tier = _find_first(places, ("serviceTier", "service_tier"))
    return _to_text(tier.get("type") if isinstance(tier, dict) else tier)


def _read_request_messages(request: Mapping[str, Any]) -> Iterator[Message]:
    messages = request.get("messages")
    if isinstance(messages, list):
        for message in _filter_objects(messages):
            yield {
                "role": _to_text(message.get("role")) or "user",
                "parts": _convert_parts(message.get("content")),
            }
    for turn in _filter_objects(request.get("chat_history")):
        yield {
            "role": _to_text(turn.get("role")).lower(),
            "parts": _convert_parts(turn.get("message") or turn.get("text")),
        }
    for name in ("prompt", "inputText", "message", "query"):
        if isinstance(request.get(name), str):
            yield {"role": "user", "parts": _convert_parts(request[name])}
    for text in request["texts"] if isinstance(request.get("texts"), list) else ():
        yield {"role": "user", "parts": _convert_parts(text)}


def _read_response_messages(chunks: list[dict[str, Any]], *, is_stream: bool) -> Iterator[Message]:
    if is_stream:
        text = "".join(_read_delta(chunk) for chunk in chunks)
        if text:
            yield {"role": "assistant", "parts": _convert_parts(text)}
        return
    for body in chunks:
        yield from _read_complete_response(body)


def _read_complete_response(body: dict[str, Any]) -> Iterator[Message]:
    converse = body.get("output")
    if isinstance(converse, dict) and isinstance(converse.get("message"), dict):
        message = converse["message"]
        yield {
            "role": _to_text(message.get("role")) or "assistant",
            "parts": _convert_parts(message.get("content")),
        }
        return
    for key in ("results", "outputs", "generations", "choices"):
        answers = _filter_objects(body.get(key))
        for answer in answers:
            message = answer.get("message")
            inner = message if isinstance(message, dict) else answer
            parts = _convert_parts(_find_first([inner], _TEXTS))
            if parts:
                yield {"role": "assistant", "parts": parts}
        if answers:
            return
    parts = _convert_parts(_find_first([body], _TEXTS))
    if parts:
        yield {"role": "assistant", "parts": parts}


def _read_delta(chunk: Mapping[str, Any]) -> str:
    """The text that one chunk of a stream adds."""
    nova = chunk.get("contentBlockDelta")
    places = _filter_objects([chunk.get("delta"), nova.get("delta") if isinstance(nova, dict) else None])
    for key in ("outputs", "choices", "generations"):
        for choice in _filter_objects(chunk.get(key)):
            places += _filter_objects([choice, choice.get("delta"), choice.get("message")])
    for place in (*places, chunk):
        for name in _TEXTS:
            if isinstance(place.get(name), str):
                return str(place[name])
    return ""


def _convert_parts(content: Any) -> list[Part]:
    """Convert the content of a message, text or a list of blocks, to OpenTelemetry's message parts."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    if not isinstance(content, list):
        return []
    return [part for block in content for part in _convert_block(block)]


def _convert_block(block: Any) -> list[Part]:
    if isinstance(block, str):
        return [{"type": "text", "content": block}]
    if not isinstance(block, dict):
        return []
    guarded = block.get("guardContent")
    if isinstance(guarded, dict):
        block = guarded.get("text") if isinstance(guarded.get("text"), dict) else guarded
    if isinstance(block.get("text"), str):
        return [{"type": "text", "content": block["text"]}]
    tool_use, result = block.get("toolUse"), block.get("toolResult")
    if block.get("type") == "tool_use" or isinstance(tool_use, dict):
        tool_use = tool_use if isinstance(tool_use, dict) else block
        name, arguments = _to_text(tool_use.get("name")), tool_use.get("input")
        call_id = _to_text(tool_use.get("toolUseId") or tool_use.get("id"))
        return [{"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}]
    if block.get("type") == "tool_result" or isinstance(result, dict):
        result = result if isinstance(result, dict) else block
        call_id = _to_text(result.get("toolUseId") or result.get("tool_use_id"))
        return [{"type": "tool_call_response", "id": call_id, "result": result.get("content")}]
    kind = _to_text(block.get("type")) or next(iter(block), "")
    # Images and documents can be megabytes: only their kind is recorded.
    return [{"type": kind}] if kind else []


def _collect_objects(chunk: dict[str, Any]) -> list[dict[str, Any]]:
    """Every object of a chunk that may have usage, ids or latency."""
    places = [chunk]
    for name in ("message", "metadata"):
        places += _filter_objects([chunk.get(name)])
    for place in list(places):
        places += _filter_objects([place.get("usage"), place.get("metrics"), place.get(_STREAM_METRICS)])
    meta = chunk.get("meta")
    if isinstance(meta, dict):
        places += _filter_objects([meta.get("billed_units"), meta.get("tokens")])
    return places


def _find_token_count(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> int | None:
    """The largest count: a stream begins with a provisional one."""
    counts = [
        int(count)
        for place in places
        for name in names
        if (count := _parse_number(place.get(name))) is not None and count >= 0
    ]
    return max(counts, default=None)


def _sum_result_tokens(chunks: Iterable[Mapping[str, Any]]) -> int | None:
    counts = [
        int(count)
        for chunk in chunks
        for result in _filter_objects(chunk.get("results"))
        if (count := _parse_number(result.get("tokenCount"))) is not None
    ]
    return sum(counts) if counts else None


def _find_stop_reasons(chunks: Iterable[dict[str, Any]]) -> Iterator[str]:
    for chunk in chunks:
        places = [chunk, *_filter_objects([chunk.get("messageStop"), chunk.get("delta")])]
        for key in ("results", "outputs", "generations", "choices"):
            places += _filter_objects(chunk.get(key))
        for place in places:
            reason = _find_first([place], _STOP_REASONS)
            if isinstance(reason, str) and reason:
                yield reason


def _filter_objects(values: Any) -> list[dict[str, Any]]:
    if values is None or isinstance(values, str | bytes | dict | int | float):
        return []
    return [value for value in values if isinstance(value, dict)]


def _find_first(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Any:
    """The first value that is not None; names take precedence over places."""
    candidates = list(places)
    return next((place[name] for name in names for place in candidates if place.get(name) is not None), None)


def _parse_number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else ""
