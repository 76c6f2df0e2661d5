"""Messages in whatever shape they are told: OpenTelemetry parts, OpenAI, Anthropic, Bedrock, Google, LangChain, Vercel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

_MAX_DEPTH = 12
"""Levels of wrapping opened in search of messages; nobody wraps deeper."""


@dataclass(frozen=True, kw_only=True)
class ToolUse:
    """A tool that a model asked for, or that a span ran."""

    name: str
    call_id: str = ""
    arguments: str = ""
    """As JSON, or as it was told."""
    result: str = ""
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message to or from a model."""

    role: str
    """system, user, assistant, tool, or another word the sender used; '' when not said."""
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
"""Keys that hold messages inside something else, tried in order."""
_TEXT_KEYS = ("content", "text", "parts", "contents", "value")


def parse_messages(value: Any, role: str, depth: int = 0) -> list[Message]:
    """The messages in `value`.

    Args:
        value: text, JSON text, or a decoded structure.
        role: of messages that say none.
        depth: how much was unwrapped already.
    """
    if value is None or value == "" or depth > _MAX_DEPTH:
        return []
    if isinstance(value, str):
        decoded = parse_json_text(value)
        found = parse_messages(decoded, role, depth + 1) if decoded is not None else []
        return found or [Message(role=role, text=value)]
    if isinstance(value, Mapping):
        return _parse_object(value, role, depth)
    if isinstance(value, Sequence):
        if all(isinstance(one, str) for one in value):
            return [message for one in value for message in parse_messages(one, role, depth + 1)]
        if _are_parts(value):
            return [_build_message(value, role)]
        return [message for one in value for message in parse_messages(one, role, depth + 1)]
    return [Message(role=role, text=to_text(value))]


def parse_json_text(value: Any) -> Any:
    """A decoded object or list when `value` is the JSON text of one, else None."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def to_text(value: Any) -> str:
    """`value` as people read it: text as it is, anything else as JSON."""
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
        # LangChain's own serialisation names the kind of message in its path.
        named = str((value.get("id") or [""])[-1]).removesuffix("Chunk").removesuffix("Message").lower()
        return _parse_object({"role": named, **kwargs}, role, depth + 1)
    if _is_message(value):
        one = _parse_message(value, role)
        # LangChain's callbacks put all that went in, or came out, into one text.
        whole = None if one.tool_calls else parse_json_text(one.text)
        if isinstance(whole, Mapping) and ("inputs" in whole or "outputs" in whole):
            return parse_messages(
                {key: whole[key] for key in ("inputs", "outputs") if key in whole}, one.role, depth + 1
            )
        return [one]
    if "toolName" in value:
        return [Message(role=role, text="", tool_calls=(_parse_tool_use(value),))]
    config = value.get("config")
    system = value.get("system") or (
        config.get("system_instruction") if isinstance(config, Mapping) else None
    )
    before = [Message(role="system", text=_join_text(system))] if system else []
    for key in _WRAPPERS:
        if value.get(key) not in (None, "", [], {}):
            found = parse_messages(value[key], role, depth + 1)
            if found:
                reason = str(value.get("finish_reason") or value.get("finishReason") or "")
                if reason and not found[-1].finish_reason:
                    found[-1] = replace(found[-1], finish_reason=reason)
                return before + found
    if any(key in value for key in _TEXT_KEYS):
        return [*before, _parse_message(value, role)]
    return before or [Message(role=role, text=to_text(value))]


def _is_message(value: Mapping[str, Any]) -> bool:
    speaks = any(key in value for key in ("content", "parts", "contents", "tool_calls", "text"))
    return speaks and ("role" in value or value.get("type") in ("human", "ai", "system", "tool"))


def _parse_message(value: Mapping[str, Any], role: str) -> Message:
    said = value.get("role") or (value.get("type") if value.get("type") in _ROLES else None) or role
    body = next(
        (value[key] for key in ("parts", "content", "contents", "text", "value") if value.get(key)), ""
    )
    message = _build_message(body, str(said).lower())
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
    """Whether a list holds the parts of one message rather than messages."""
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
    """One message from its body: text, a list of parts, or JSON text of such a list."""
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
    """A call for a tool among the parts of a message; None when the part is something else."""
    inner = part.get("toolUse") or part.get("function_call") or part.get("functionCall")
    if isinstance(inner, Mapping):
        return _parse_tool_use(inner)
    if kind in ("tool_call", "tool_use", "tool-call", "function_call", "function"):
        function = part.get("function")
        return _parse_tool_use({**part, **function} if isinstance(function, Mapping) else part)
    return None


def _parse_tool_use(said: Mapping[str, Any]) -> ToolUse:
    asked = next((said[key] for key in ("arguments", "input", "args") if said.get(key) is not None), "")
    call_id = next((said[key] for key in ("id", "toolUseId", "toolCallId", "call_id") if said.get(key)), "")
    return ToolUse(
        name=to_text(said.get("name") or said.get("toolName")),
        call_id=to_text(call_id),
        arguments=to_text(asked),
    )


def _parse_tool_calls(value: Any) -> Iterator[ToolUse]:
    value = parse_json_text(value) or value
    for call in value if isinstance(value, list) else ():
        if isinstance(call, Mapping):
            # OpenInference wraps each call once more.
            wrapped = call.get("tool_call")
            inner: Mapping[str, Any] = wrapped if isinstance(wrapped, Mapping) else call
            function = inner.get("function")
            yield _parse_tool_use({**inner, **function} if isinstance(function, Mapping) else inner)


def _join_text(value: Any, depth: int = 0) -> str:
    """The text of one part, however deep it lies; what is no text is named, not printed."""
    if isinstance(value, str) or value is None or depth > _MAX_DEPTH:
        return to_text(value)
    if isinstance(value, Sequence):
        return "\n".join(filter(None, (_join_text(one, depth + 1) for one in value)))
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
