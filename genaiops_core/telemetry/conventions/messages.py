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


_ROLES = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "function": "tool",
    "developer": "system",
    "toolresult": "tool",
    "tool-result": "tool",
}
_PAIR_ROLES = frozenset(("user", "human", "assistant", "ai", "system", "tool"))
_LANGCHAIN_TYPES = frozenset(("human", "ai", "system", "tool", "function", "chat"))
"""Kinds of messages of LangChain, without the suffixes Message and Chunk."""
_TOOL_RESULT_TYPES = frozenset(
    (
        "tool_result",
        "tool-result",
        "tool_call_response",
        "tool-return",
        "tool_return",
        "function_call_output",
        "custom_tool_call_output",
        "function_response",
        "server_tool_result",
    )
)
"""Types of a part, or of an item, that has the result of a tool."""
_TOOL_RESULT_KEYS = ("toolResult", "function_response", "functionResponse")
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
            if len(value) == 2 and value[0] in _PAIR_ROLES:
                # LangGraph's short form: a role and a text.
                return [Message(role=_ROLES.get(value[0]) or value[0], text=value[1])]
            return [message for item in value for message in parse_messages(item, role, depth + 1)]
        if _are_parts(value):
            return _split_tool_results(value, role) or [_build_message(value, role)]
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
    data = value.get("data")
    if isinstance(data, Mapping) and _find_langchain_type(value):
        # LangChain's `message_to_dict`.
        return _parse_object({"role": _find_langchain_type(value), **data}, role, depth + 1)
    if value.get("type") in _TOOL_RESULT_TYPES and "role" not in value:
        return [Message(role="tool", text=_join_text(value))]
    if value.get("type") in ("function_call", "custom_tool_call") and "role" not in value:
        return [Message(role="assistant", text="", tool_calls=(_parse_tool_use(value),))]
    if _is_message(value):
        sender = _find_sender(value, role)
        messages = _split_tool_results(_find_body(value), "user") if sender == "user" else []
        if messages:
            return messages
        if sender == "assistant":
            value, results = _separate_tool_results(value)
            if results:
                return [_parse_message(value, role), _build_message(results, "tool")]
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
    return has_content and ("role" in value or _find_langchain_type(value) != "")


def _find_langchain_type(value: Mapping[str, Any]) -> str:
    """The kind of a LangChain message, '' for anything else."""
    kind = str(value.get("type") or "")
    name = kind.removesuffix("Chunk").removesuffix("Message").lower()
    return name if name in _LANGCHAIN_TYPES and kind != "function" else ""


def _find_sender(value: Mapping[str, Any], role: str) -> str:
    sender = str(value.get("role") or _find_langchain_type(value) or role).lower()
    # The result of a tool may travel in a message of the user; only such messages name the call.
    if sender == "user" and value.get("tool_call_id"):
        return "tool"
    return _ROLES.get(sender, sender)


def _find_body(value: Mapping[str, Any]) -> Any:
    return next(
        (value[key] for key in ("parts", "content", "contents", "text", "value") if value.get(key)), ""
    )


def _is_tool_result(part: Any) -> bool:
    return isinstance(part, Mapping) and (
        str(part.get("type") or part.get("part_kind") or "") in _TOOL_RESULT_TYPES
        or any(key in part for key in _TOOL_RESULT_KEYS)
    )


def _split_tool_results(body: Any, role: str) -> list[Message]:
    """Split a message of the user that has results of tools into one of the tool and one of the user.

    Bedrock, Anthropic and Google send results of tools in messages of role user: they are not the user's words.

    Returns:
        The messages; empty when the body has no result of a tool.
    """
    parts = body if isinstance(body, Sequence) and not isinstance(body, str) else parse_json_text(body)
    if isinstance(parts, Mapping):
        parts = [parts]
    if not isinstance(parts, Sequence) or not any(map(_is_tool_result, parts)):
        return []
    results = [part for part in parts if _is_tool_result(part)]
    others = [part for part in parts if not _is_tool_result(part)]
    messages = [_build_message(results, "tool")]
    return [*messages, _build_message(others, role)] if others else messages


def _separate_tool_results(value: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Any]]:
    """Separate the results of tools from a message of the assistant: they are not its words.

    An agent may report all its steps in one message, and providers run tools of their own within an answer.

    Returns:
        The message without the results, and the results.
    """
    body = _find_body(value)
    parts = body if isinstance(body, list) else parse_json_text(body)
    results = [part for part in parts if _is_tool_result(part)] if isinstance(parts, list) else []
    # Without other parts the message is nothing but the result, whatever its role.
    if not results or not isinstance(parts, list) or len(results) == len(parts):
        return value, []
    others = [part for part in parts if not _is_tool_result(part)]
    message = {key: part for key, part in value.items() if key not in _TEXT_KEYS}
    return {**message, "parts": others}, results


def _parse_message(value: Mapping[str, Any], role: str) -> Message:
    message = _build_message(_find_body(value), _find_sender(value, role))
    extra = value.get("additional_kwargs")
    more_calls = value.get("tool_calls") or (extra.get("tool_calls") if isinstance(extra, Mapping) else None)
    calls = [*message.tool_calls, *_parse_tool_calls(more_calls)]
    reason = value.get("finish_reason") or value.get("finishReason") or value.get("stopReason") or ""
    return replace(
        message,
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
        and part.get("type") not in ("human", "ai", "system", "message", "function_call_output")
        and not (isinstance(part.get("data"), Mapping) and _find_langchain_type(part))
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
        "value",
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
