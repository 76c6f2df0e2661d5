"""Converts chat messages in the formats of providers and other tools to plain text.

The formats are OpenAI (`role`, `content`, content parts, `choices`), LangChain (`type`, `content`, `data`, `kwargs`),
ShareGPT (`from`, `value`), TensorZero (`messages` with content blocks) and DeepEval (`turns`).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.readers.headings import TOOL_NAMES

# In the order of precedence: a message may have `type` beside `role`.
_ROLE_KEYS = ("role", "from", "speaker", "type", "author")
_TEXT_KEYS = ("content", "value", "text", "parts")
_LIST_KEYS = ("messages", "turns", "conversation", "conversations", "contents")
_WRAPPER_KEYS = ("data", "kwargs")
_CONTEXT_KEYS = frozenset(
    re.sub(r"[^a-z]", "", name) for name in (*TOOL_NAMES["contexts"], "citations", "sources", "references")
)
_MAX_CONTEXT_DEPTH = 3

_ROLES = {
    **dict.fromkeys(("user", "human", "customer", "prompter", "humanmessage"), "user"),
    **dict.fromkeys(("assistant", "ai", "gpt", "bot", "model", "chatbot", "agent", "aimessage"), "assistant"),
    **dict.fromkeys(("system", "developer", "systemmessage"), "system"),
    **dict.fromkeys(("tool", "function", "toolmessage"), "tool"),
}
_BLOCK_TYPES = frozenset(
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
_MEDIA_TYPES = frozenset(("image_url", "image", "input_image", "input_audio", "audio", "file"))
_PYTHON_LITERAL = re.compile(r"\[?\{\s*['\"]")
_MAX_LITERAL_CHARACTERS = 100_000
_MAX_VALUES = 1_000_000
"""A cell with more JSON values is text: "[]," takes 3 bytes in a file and about 60 in memory."""


class WrittenFloat(float):
    """A number of a JSON file, with its text: 1.10 is the answer 1.10, not 1.1."""

    def __new__(cls, text: str) -> WrittenFloat:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """The question, system prompt and final answer of chat messages."""

    question: str
    """The only message, or all turns with their roles when there are several."""
    system: str
    answer: str
    """The last message if the assistant wrote it; '' otherwise."""
    messages: int
    steps: tuple[dict[str, str], ...] = ()
    """Calls of tools, their results and other turns between the only question and the answer."""
    contexts: tuple[Any, ...] = ()
    """Contexts that messages contain, as they are written, without duplicates."""


def decode_cell(value: Any) -> Any:
    """Decode a cell whose text is a JSON object or list, or a Python literal of one; return any other cell unchanged."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not (text.startswith(("{", "[")) and text.endswith(("}", "]"))):
        return value
    if len(text) > _MAX_VALUES and text.count(",") + text.count("[") + text.count("{") > _MAX_VALUES:
        return value
    try:
        return json.loads(text, parse_float=WrittenFloat)
    except (ValueError, RecursionError):
        return _parse_python_literal(text, value)


def _parse_python_literal(text: str, value: Any) -> Any:
    """Parse what pandas writes for a column of objects: {'question': 'Why?', 'n': None}."""
    if not _PYTHON_LITERAL.match(text) or len(text) > _MAX_LITERAL_CHARACTERS:
        return value
    try:
        literal = ast.literal_eval(text)
    # literal_eval executes nothing, but deep nesting exhausts its parser in several ways.
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
    return literal if isinstance(literal, (dict, list)) else value


def is_conversation(value: Any) -> bool:
    """Whether a decoded cell is chat messages, or an object that contains them."""
    return _find_messages(value) is not None


def parse_conversation(value: Any) -> Conversation | None:
    """Parse a decoded cell as chat messages; None when it is something else."""
    parsed = _find_messages(value)
    if parsed is None:
        return None
    messages, system = parsed
    role_texts = [(_read_role(message), _read_message_text(message)) for message in messages]
    system = "\n\n".join(
        [*([system] if system else []), *[text for role, text in role_texts if role == "system"]]
    )
    turns = [(role, text) for role, text in role_texts if role != "system" and text]
    answer = ""
    if len(turns) > 1 and turns[-1][0] == "assistant":
        answer = turns.pop()[1]
    has_one_question = bool(turns) and (
        len(turns) == 1 or (turns[0][0] == "user" and [role for role, _ in turns].count("user") == 1)
    )
    question = turns[0][1] if has_one_question else "\n".join(f"{role}: {text}" for role, text in turns)
    return Conversation(
        question=question,
        system=system,
        answer=answer,
        messages=len(messages),
        steps=tuple({"role": role, "text": text} for role, text in turns[1:]) if has_one_question else (),
        contexts=_list_contexts(value, messages),
    )


def _list_contexts(value: Any, messages: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    """List the contexts beside the messages and within each of them."""
    holders = [value, *messages] if isinstance(value, dict) else messages
    contexts: dict[str, Any] = {}
    for holder in holders:
        for key, inner in holder.items():
            if re.sub(r"[^a-z]", "", str(key).lower()) in _CONTEXT_KEYS and inner:
                contexts |= {format_json(item): item for item in _list_items(inner)}
    return tuple(contexts.values())


def _list_items(value: Any, depth: int = 0) -> list[Any]:
    """List the contexts of a value; an object with a list, such as {"citations": [...]}, stands for the list."""
    if isinstance(value, list):
        return value
    lists = value.values() if isinstance(value, dict) and depth < _MAX_CONTEXT_DEPTH else ()
    for inner in lists:
        if isinstance(inner, (list, dict)) and inner:
            return _list_items(inner, depth + 1)
    return [value]


def extract_text(value: Any) -> str | None:
    """Extract the text of one message, completion, list of content blocks or last answer of chat messages; else None."""
    messages = _find_messages(value)
    if messages is not None:
        answers = [
            _read_message_text(message) for message in messages[0] if _read_role(message) == "assistant"
        ]
        return (answers[-1] or None) if answers else None
    if isinstance(value, list):
        if value and all(_is_block(item) for item in value):
            return _join_blocks(value)
        return None
    if not isinstance(value, dict):
        return None
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return extract_text(choices[0].get("message")) or _read_text(choices[0])
    # A role alone is no message: ordinary objects have a `type` or an `author` too.
    if _read_role(value) and (
        "content" in value or any(isinstance(value.get(key), dict) for key in _WRAPPER_KEYS)
    ):
        return _read_message_text(value) or None
    if set(value) == {"raw", "parsed"} and isinstance(value["raw"], str):
        return value["raw"]
    return None


def _find_messages(value: Any) -> tuple[Sequence[Mapping[str, Any]], str] | None:
    """Find the messages of a cell, and the system prompt beside them."""
    if isinstance(value, dict):
        for key in _LIST_KEYS:
            nested = _find_messages(value.get(key)) if isinstance(value.get(key), list) else None
            if nested is not None:
                return nested[0], _format_plain(value.get("system"))
        return None
    if not isinstance(value, list) or not value:
        return None
    # LangChain wraps a batch around the messages: [[...]].
    inner = value[0] if len(value) == 1 and isinstance(value[0], list) else value
    if inner and all(isinstance(item, dict) and _read_role(item) and _has_text(item) for item in inner):
        return inner, ""
    return None


def _read_role(message: Any) -> str:
    """Read the role: user, assistant, system or tool; '' when the value is not a message."""
    for key in _ROLE_KEYS:
        role = message.get(key) if isinstance(message, dict) else None
        if isinstance(role, str) and role.lower() in _ROLES:
            return _ROLES[role.lower()]
    name = message.get("id") if isinstance(message, dict) else None
    # LangChain's serialised form names the class: {"lc": 1, "id": [..., "HumanMessage"], "kwargs": {...}}.
    if isinstance(name, list) and name and isinstance(name[-1], str):
        return _ROLES.get(name[-1].lower(), "")
    return ""


def _has_text(message: Mapping[str, Any]) -> bool:
    inner = next((message[key] for key in _WRAPPER_KEYS if isinstance(message.get(key), dict)), message)
    return any(key in inner for key in (*_TEXT_KEYS, "tool_calls"))


def _read_message_text(message: Mapping[str, Any]) -> str:
    inner = next((message[key] for key in _WRAPPER_KEYS if isinstance(message.get(key), dict)), message)
    return _read_text(inner)


def _read_text(message: Mapping[str, Any]) -> str:
    for key in _TEXT_KEYS:
        content = message.get(key)
        if isinstance(content, str) and content.strip():
            return content
        if isinstance(content, list):
            return _join_blocks(content)
        if isinstance(content, dict):
            return _read_block(content)
    calls = message.get("tool_calls")
    return format_json(calls) if calls else ""


def _is_block(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") in _BLOCK_TYPES


def _join_blocks(blocks: Sequence[Any]) -> str:
    """Join the texts of content blocks; media are named only where there is no text."""
    texts = [_read_block(block) for block in blocks if not _is_media(block)]
    return "\n".join(filter(None, texts)) or "\n".join(filter(None, map(_read_block, blocks)))


def _is_media(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in _MEDIA_TYPES


def _read_block(block: Any) -> str:
    """Read the text of one content block; media are named in brackets, data is JSON."""
    if isinstance(block, str):
        return block
    if not isinstance(block, dict):
        return format_json(block)
    for key in ("text", "value", "content"):
        if isinstance(block.get(key), str):
            return str(block[key])
    if isinstance(block.get("arguments"), (dict, list)):
        return format_json(block["arguments"] if block.get("type") in ("template", "text") else block)
    if isinstance(block.get("type"), str) and block["type"] in _BLOCK_TYPES - {
        "text",
        "tool_call",
        "tool_use",
    }:
        return f"[{block['type']}]"
    return format_json(block)


def _format_plain(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else format_json(value)


def format_json(value: Any) -> str:
    """Format a value as JSON; a number of a JSON file as it is written there."""
    return value.text if isinstance(value, WrittenFloat) else json.dumps(value, ensure_ascii=False)
