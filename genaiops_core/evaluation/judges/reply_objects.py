"""JSON objects in the reply of a model: without its reasoning, without objects that it quotes, and never two readings.

Pure functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

# Marks around the reasoning of models: DeepSeek and Qwen, Anthropic's convention, Mistral, Kimi.
_REASONING = (
    *((f"<{tag}>", f"</{tag}>") for tag in ("think", "thinking", "thought", "reasoning", "reflection")),
    *((f"<{tag}>", f"</{tag}>") for tag in ("scratchpad", "analysis")),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
)
_BLOCK = re.compile(
    "|".join(rf"{re.escape(start)}.*?(?:{re.escape(end)}|\Z)" for start, end in _REASONING),
    re.DOTALL | re.IGNORECASE,
)
_END = re.compile("|".join(re.escape(end) for _, end in _REASONING), re.IGNORECASE)
# The channels of gpt-oss; servers that do not parse them return them as text.
_FINAL_CHANNEL = re.compile(r"<\|channel\|>final.*?<\|message\|>", re.DOTALL)


class UnusableObject(ValueError):
    """An object whose meaning is open: a key with two values, or NaN for a number; the message says what."""


@dataclass(frozen=True)
class ReplyObject:
    """An object in a reply."""

    value: dict[str, Any]
    source: str
    """Its text in the reply."""


def remove_reasoning(text: str) -> str:
    """The text behind and between blocks of reasoning; a block without its end lasts until the end of the text."""
    final = list(_FINAL_CHANNEL.finditer(text))
    if final:
        return text[final[-1].end() :]
    rest = _BLOCK.sub("", text)
    # Chat templates write the start of the block into the prompt, so that a reply has only its end.
    ends = list(_END.finditer(rest))
    return rest[ends[-1].end() :] if ends else rest


def load_object(text: str) -> dict[str, Any] | None:
    """The JSON object that is the whole text; None when the text is anything else.

    Raises:
        UnusableObject: a key has two values, or a number is NaN or infinite.
    """
    try:
        value = json.loads(text, object_pairs_hook=_build_object, parse_constant=_reject_constant)
    except UnusableObject:
        raise
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def find_objects(text: str) -> list[ReplyObject]:
    """The outermost JSON objects in a text, in their order.

    Raises:
        UnusableObject: a key has two values, or a number is NaN or infinite.
    """
    objects: list[ReplyObject] = []
    decoder = json.JSONDecoder(object_pairs_hook=_build_object, parse_constant=_reject_constant)
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except UnusableObject:
            raise
        except (ValueError, RecursionError):
            # A brace within prose: the search goes on behind it.
            end = at + 1
        else:
            objects.append(ReplyObject(value, text[at:end]))
        at = text.find("{", end)
    return objects


def unwrap(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The object, then the object that its only key wraps."""
    yield value
    inner = next(iter(value.values())) if len(value) == 1 else None
    if isinstance(inner, dict):
        yield inner


def remove_spaces(text: str) -> str:
    """The text without white space: quotations of JSON are often spaced anew."""
    return "".join(text.split())


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value and value[key] != item:
            raise UnusableObject(f"the key {key} has two values")
        value[key] = item
    return value


def _reject_constant(name: str) -> NoReturn:
    raise UnusableObject(f"{name} is no number of JSON")
