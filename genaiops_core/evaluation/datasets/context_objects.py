"""Finds the text of a context that is an object, whatever its tool calls the text."""

from __future__ import annotations

import re
from typing import Any

_TEXT_KEYS = (
    *("text", "content", "page_content", "pageContent", "body", "document", "passage", "document.content"),
    *(
        "passage_text",
        "chunk_text",
        "chunk",
        "context",
        "snippet",
        "paragraph",
        "value",
        "sentence",
        "sentences",
    ),
)
_TEXT_NAME = re.compile(
    r"text|content|passage|chunk|snippet|paragraph|body|sentence|context|excerpt", re.IGNORECASE
)
_NO_TEXT = re.compile(
    r"(?:id|ids|type|length|hash|url|uri|format|index|name|source|title|score|lang)$", re.IGNORECASE
)
_WRAPPERS = ("document", "node", "chunk", "payload", "content", "doc", "passage", "record")
_MAX_DEPTH = 3


def find_text(item: dict[str, Any], depth: int = 0) -> str | None:
    """Find the text of an object: by a known key, in an object within, or the only text it has; None for no text."""
    for key in _TEXT_KEYS:
        value = item.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
            return "\n".join(value)
    for key in _WRAPPERS:
        inner = item.get(key)
        if isinstance(inner, dict) and depth < _MAX_DEPTH:
            text = find_text(inner, depth + 1)
            if text is not None:
                return text
    texts = {key: value for key, value in item.items() if isinstance(value, str) and value.strip()}
    likely = [value for key, value in texts.items() if _TEXT_NAME.search(key) and not _NO_TEXT.search(key)]
    if likely:
        return max(likely, key=len)
    return next(iter(texts.values())) if len(texts) == 1 and len(item) == 1 else None


def transpose_objects(value: dict[str, Any]) -> list[Any] | None:
    """Convert columns to rows; None for another object.

    {"passage_text": [...], "url": [...]} has objects with a text, {"title": [...], "sentences": [[...], ...]} titles with
    their sentences.
    """
    if len(value) < 2 or not all(isinstance(column, list) for column in value.values()):
        return None
    if len({len(column) for column in value.values()}) != 1:
        return None
    rows = [list(row) for row in zip(*value.values(), strict=True)]
    objects = [dict(zip(value, row, strict=True)) for row in rows]
    has_texts = any(isinstance(row.get(key), str) for row in objects for key in _TEXT_KEYS)
    return objects if has_texts else rows
