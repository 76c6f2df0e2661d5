"""Chat messages in the shapes that providers and peers write them, as plain text.

Read are OpenAI (`role`, `content`, content parts, `choices`), LangChain (`type`, `content`, `data`, `kwargs`), ShareGPT
(`from`, `value`), TensorZero (`messages` with content blocks) and DeepEval (`turns`).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ROLE_KEYS = ("role", "from", "speaker", "type", "author")
_TEXT_KEYS = ("content", "value", "text", "parts")
_LIST_KEYS = ("messages", "turns", "conversation", "conversations", "contents")
_WRAPPED = ("data", "kwargs")

_ROLES = {
    **dict.fromkeys(("user", "human", "customer", "prompter", "humanmessage"), "user"),
    **dict.fromkeys(("assistant", "ai", "gpt", "bot", "model", "chatbot", "agent", "aimessage"), "assistant"),
    **dict.fromkeys(("system", "developer", "systemmessage"), "system"),
    **dict.fromkeys(("tool", "function", "toolmessage"), "tool"),
}
_BLOCKS = frozenset(
    (
        *(
            "text",
            "input_text",
            "output_text",
            "raw_text",
            "template",
            "tool_call",
            "tool_result",
            "tool_use",
        ),
        *("image_url", "image", "input_image", "input_audio", "audio", "file", "thought", "thinking"),
    )
)
_PRINTED = re.compile(r"\[?\{\s*['\"]")
_MAX_PRINTED_CHARACTERS = 100_000
MAX_OPENED_CHARACTERS = 1_000_000
"""A longer cell is taken as text, whatever it looks like."""


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """What was asked, what was said around it, and the answer that ends it."""

    question: str
    """The one message of the user, or all turns with their roles where there are several."""
    system: str
    answer: str
    """The last message, where it is the assistant's; '' otherwise."""
    messages: int


def opened(value: Any) -> Any:
    """A cell whose text is a JSON object or list, or one of objects as Python prints them; anything else as it is."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not (text.startswith(("{", "[")) and text.endswith(("}", "]"))) or len(text) > MAX_OPENED_CHARACTERS:
        return value
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _printed(text, value)


def _printed(text: str, value: Any) -> Any:
    """What pandas writes for a column of objects: {'question': 'Why?', 'n': None}."""
    if not _PRINTED.match(text) or len(text) > _MAX_PRINTED_CHARACTERS:
        return value
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
    return found if isinstance(found, (dict, list)) else value


def is_conversation(value: Any) -> bool:
    """Whether an opened cell is chat messages, or an object around them."""
    return _messages(value) is not None


def conversation(value: Any) -> Conversation | None:
    """An opened cell read as chat messages; None when it is something else."""
    found = _messages(value)
    if found is None:
        return None
    messages, system = found
    told = [(_role(message), _said(message)) for message in messages]
    system = "\n\n".join([*([system] if system else []), *[text for role, text in told if role == "system"]])
    turns = [(role, text) for role, text in told if role != "system" and text]
    answer = ""
    if len(turns) > 1 and turns[-1][0] == "assistant":
        answer = turns.pop()[1]
    single = len(turns) == 1
    question = turns[0][1] if single else "\n".join(f"{role}: {text}" for role, text in turns)
    return Conversation(question=question, system=system, answer=answer, messages=len(messages))


def said_in(value: Any) -> str | None:
    """The text of one message, completion or list of content blocks; None when the value is none of these."""
    if isinstance(value, list):
        if value and all(_is_block(item) for item in value):
            return _blocks(value)
        return None
    if not isinstance(value, dict):
        return None
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return said_in(choices[0].get("message")) or _text_of(choices[0])
    if _role(value) and ("content" in value or any(isinstance(value.get(key), dict) for key in _WRAPPED)):
        return _said(value) or None
    if set(value) == {"raw", "parsed"} and isinstance(value["raw"], str):
        return value["raw"]
    return None


def _messages(value: Any) -> tuple[Sequence[Mapping[str, Any]], str] | None:
    """The messages of a cell, and the system prompt that stands beside them."""
    if isinstance(value, dict):
        for key in _LIST_KEYS:
            found = _messages(value.get(key)) if isinstance(value.get(key), list) else None
            if found is not None:
                return found[0], _plain(value.get("system"))
        return None
    if not isinstance(value, list) or not value:
        return None
    # LangChain wraps a batch around the messages: [[...]].
    inner = value[0] if len(value) == 1 and isinstance(value[0], list) else value
    if inner and all(isinstance(item, dict) and _role(item) and _has_text(item) for item in inner):
        return inner, ""
    return None


def _role(message: Any) -> str:
    """user, assistant, system or tool; '' for what is no message."""
    for key in _ROLE_KEYS:
        written = message.get(key) if isinstance(message, dict) else None
        if isinstance(written, str) and written.lower() in _ROLES:
            return _ROLES[written.lower()]
    name = message.get("id") if isinstance(message, dict) else None
    # LangChain's serialised form names the class: {"lc": 1, "id": [..., "HumanMessage"], "kwargs": {...}}.
    if isinstance(name, list) and name and isinstance(name[-1], str):
        return _ROLES.get(name[-1].lower(), "")
    return ""


def _has_text(message: Mapping[str, Any]) -> bool:
    inner = next((message[key] for key in _WRAPPED if isinstance(message.get(key), dict)), message)
    return any(key in inner for key in (*_TEXT_KEYS, "tool_calls"))


def _said(message: Mapping[str, Any]) -> str:
    inner = next((message[key] for key in _WRAPPED if isinstance(message.get(key), dict)), message)
    return _text_of(inner)


def _text_of(message: Mapping[str, Any]) -> str:
    for key in _TEXT_KEYS:
        content = message.get(key)
        if isinstance(content, str) and content.strip():
            return content
        if isinstance(content, list):
            return _blocks(content)
        if isinstance(content, dict):
            return _block(content)
    calls = message.get("tool_calls")
    return _json(calls) if calls else ""


def _is_block(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") in _BLOCKS


def _blocks(blocks: Sequence[Any]) -> str:
    return "\n".join(filter(None, map(_block, blocks)))


def _block(block: Any) -> str:
    """The text of one part of a message; what is no text is named in brackets, what is data is JSON."""
    if isinstance(block, str):
        return block
    if not isinstance(block, dict):
        return _json(block)
    for key in ("text", "value", "content"):
        if isinstance(block.get(key), str):
            return str(block[key])
    if isinstance(block.get("arguments"), (dict, list)):
        return _json(block["arguments"] if block.get("type") in ("template", "text") else block)
    if isinstance(block.get("type"), str) and block["type"] in _BLOCKS - {"text", "tool_call", "tool_use"}:
        return f"[{block['type']}]"
    return _json(block)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
