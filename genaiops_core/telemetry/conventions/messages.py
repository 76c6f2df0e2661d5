"""Parses messages of every shape: OpenTelemetry parts, OpenAI, Anthropic, Bedrock, Google, LangChain, Vercel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

_MAX_DEPTH = 12
"""Levels of wrapping that are opened in search of messages; no known dialect has more."""


@dataclass(frozen=True, kw_only=True)
class ToolUse:
    """A tool call of a model, or the tool that a span ran."""

    name: str
    call_id: str = ""
    arguments: str = ""
    """JSON, or the text as it was sent."""
    result: str = ""
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message to or from a model."""

    role: str
    """system, user, assistant, tool, or another role of the sender; '' when unknown."""
    text: str
    tool_calls: tuple[ToolUse, ...] = ()
    reasoning: str = ""
    finish_reason: str = ""


_ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "function": "tool", "developer": "system"}
_WRAPPERS = (
    "messages",
    "inputs",
    "outputs",
    "input",
    "output",
    "contents",
    "choices",
    "generations",
    "new_message",
    "prompt",
    "message",
    "kwargs",
)
"""Keys of objects around messages, checked in order."""
_TEXT_KEYS = ("content", "text", "parts", "contents", "value")


def parse_messages(value: Any, role: str, depth: int = 0) -> list[Message]:
    """Parse the messages in `value`.

    Args:
        value: text, JSON text, or a decoded structure.
        role: role of messages without one.
        depth: levels opened so far.
    """
    if value is None or value == "" or depth > _MAX_DEPTH:
        return []
    if isinstance(value, str):
        decoded = parse_json_text(value)
        messages = parse_messages(decoded, role, depth + 1) if decoded is not None else []
        return messages or [Message(role=role, text=value)]
    if isinstance(value, Mapping):
        return _parse_object(value, role, depth)
    if isinstance(value, Sequence):
        if all(isinstance(item, str) for item in value):
            return [message for item in value for message in parse_messages(item, role, depth + 1)]
        if _are_parts(value):
            return [_build_message(value, role)]
        return [message for item in value for message in parse_messages(item, role, depth + 1)]
    return [Message(role=role, text=to_text(value))]


def parse_json_text(value: Any) -> Any:
    """Decode `value` when it is the JSON text of an object or a list, else return None."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def to_text(value: Any) -> str:
    """Format `value` for display: text as it is, anything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        return str(value)


def _parse_object(value: Mapping[str, Any], role: str, depth: int) -> list[Message]:
    kwargs = value.get("kwargs")
    if isinstance(kwargs, Mapping) and "lc" in value:
        # LangChain's serialisation has the kind of message in its class path.
        kind = str((value.get("id") or [""])[-1]).removesuffix("Chunk").removesuffix("Message").lower()
        return _parse_object({"role": kind, **kwargs}, role, depth + 1)
    if _is_message(value):
        message = _parse_message(value, role)
        # LangChain's callbacks put the complete input, or output, into one text.
        whole = None if message.tool_calls else parse_json_text(message.text)
        if isinstance(whole, Mapping) and ("inputs" in whole or "outputs" in whole):
            return parse_messages(
                {key: whole[key] for key in ("inputs", "outputs") if key in whole}, message.role, depth + 1
            )
        return [message]
    if "toolName" in value:
        return [Message(role=role, text="", tool_calls=(_parse_tool_use(value),))]
    config = value.get("config")
    system = value.get("system") or (
        config.get("system_instruction") if isinstance(config, Mapping) else None
    )
    system_messages = [Message(role="system", text=_join_text(system))] if system else []
    for key in _WRAPPERS:
        if value.get(key) not in (None, "", [], {}):
            messages = parse_messages(value[key], role, depth + 1)
            if messages:
                reason = str(value.get("finish_reason") or value.get("finishReason") or "")
                if reason and not messages[-1].finish_reason:
                    messages[-1] = replace(messages[-1], finish_reason=reason)
                return system_messages + messages
    if any(key in value for key in _TEXT_KEYS):
        return [*system_messages, _parse_message(value, role)]
    return system_messages or [Message(role=role, text=to_text(value))]


def _is_message(value: Mapping[str, Any]) -> bool:
    has_content = any(key in value for key in ("content", "parts", "contents", "tool_calls", "text"))
    return has_content and ("role" in value or value.get("type") in ("human", "ai", "system", "tool"))


def _parse_message(value: Mapping[str, Any], role: str) -> Message:
    sender = value.get("role") or (value.get("type") if value.get("type") in _ROLES else None) or role
    body = next(
        (value[key] for key in ("parts", "content", "contents", "text", "value") if value.get(key)), ""
    )
    message = _build_message(body, str(sender).lower())
    calls = [*message.tool_calls, *_parse_tool_calls(value.get("tool_calls"))]
    reason = value.get("finish_reason") or value.get("finishReason") or value.get("stopReason") or ""
    return replace(
        message,
        role=_ROLES.get(message.role, message.role),
        tool_calls=tuple(dict.fromkeys(calls)),
        reasoning=message.reasoning or to_text(value.get("reasoning_content")),
        finish_reason=str(reason),
    )


def _are_parts(value: Sequence[Any]) -> bool:
    """Whether a list has the parts of one message, not several messages."""
    return all(
        isinstance(part, Mapping)
        and "role" not in part
        and "kwargs" not in part
        and ("type" in part or any(key in part for key in _PART_KEYS))
        and part.get("type") not in ("human", "ai", "system", "message")
        for part in value
    )


_PART_KEYS = (
    "text",
    "toolUse",
    "toolResult",
    "function_call",
    "function_response",
    "functionCall",
    "reasoningContent",
)


def _build_message(body: Any, role: str) -> Message:
    """Build one message from its body: text, a list of parts, or JSON text of such a list."""
    decoded = parse_json_text(body)
    if isinstance(decoded, list) and decoded and _are_parts(decoded):
        body = decoded
    if isinstance(body, Mapping):
        body = body.get("parts") or body.get("content") or [body]
    if not isinstance(body, Sequence) or isinstance(body, (str, bytes)):
        return Message(role=role, text=to_text(body))
    texts: list[str] = []
    calls: list[ToolUse] = []
    reasoning: list[str] = []
    for part in body:
        if not isinstance(part, Mapping):
            texts.append(to_text(part))
            continue
        kind = str(part.get("type", ""))
        call = _parse_tool_call(part, kind)
        if call is not None:
            calls.append(call)
        elif kind in ("reasoning", "thinking") or "reasoningContent" in part:
            reasoning.append(_join_text(part.get("reasoningContent") or part))
        else:
            texts.append(_join_text(part))
    return Message(
        role=role,
        text="\n".join(text for text in texts if text),
        tool_calls=tuple(calls),
        reasoning="\n".join(text for text in reasoning if text),
    )


def _parse_tool_call(part: Mapping[str, Any], kind: str) -> ToolUse | None:
    """Parse a tool call among the parts of a message; None when the part is something else."""
    inner = part.get("toolUse") or part.get("function_call") or part.get("functionCall")
    if isinstance(inner, Mapping):
        return _parse_tool_use(inner)
    if kind in ("tool_call", "tool_use", "tool-call", "function_call", "function"):
        function = part.get("function")
        return _parse_tool_use({**part, **function} if isinstance(function, Mapping) else part)
    return None


def _parse_tool_use(call: Mapping[str, Any]) -> ToolUse:
    arguments = next((call[key] for key in ("arguments", "input", "args") if call.get(key) is not None), "")
    call_id = next((call[key] for key in ("id", "toolUseId", "toolCallId", "call_id") if call.get(key)), "")
    return ToolUse(
        name=to_text(call.get("name") or call.get("toolName")),
        call_id=to_text(call_id),
        arguments=to_text(arguments),
    )


def _parse_tool_calls(value: Any) -> Iterator[ToolUse]:
    value = parse_json_text(value) or value
    for call in value if isinstance(value, list) else ():
        if isinstance(call, Mapping):
            # OpenInference wraps each call once more.
            wrapper = call.get("tool_call")
            inner: Mapping[str, Any] = wrapper if isinstance(wrapper, Mapping) else call
            function = inner.get("function")
            yield _parse_tool_use({**inner, **function} if isinstance(function, Mapping) else inner)


def _join_text(value: Any, depth: int = 0) -> str:
    """Join the texts of one part at any depth; an image or the like becomes its kind in brackets."""
    if isinstance(value, str) or value is None or depth > _MAX_DEPTH:
        return to_text(value)
    if isinstance(value, Sequence):
        return "\n".join(filter(None, (_join_text(item, depth + 1) for item in value)))
    if not isinstance(value, Mapping):
        return to_text(value)
    for key in (
        "text",
        "content",
        "thinking",
        "reasoningText",
        "message_content",
        "parts",
        "response",
        "result",
        "output",
        "toolResult",
        "function_response",
        "functionResponse",
        "guardContent",
        "json",
    ):
        if value.get(key) not in (None, ""):
            return _join_text(value[key], depth + 1)
    kind = next(
        (
            str(key)
            for key in ("image", "image_url", "document", "video", "audio", "blob", "uri")
            if key in value
        ),
        "",
    )
    return f"[{kind or value.get('type')}]" if kind or "type" in value else to_text(value)
