"""Cached tokens in the answer of a provider, which some instrumentations keep whole beside incomplete counts.

OpenInference, for one, writes the answer of a stream to `output.value`, and no attribute for its cached tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

ANSWERS = ("output.value", "gen_ai.response.body", "llm.response.body")
"""JSON objects with the answer of a provider, where it is kept whole."""
_INPUT = ("input_tokens", "inputTokens", "prompt_tokens", "promptTokenCount")
_READ = (
    "cache_read_input_tokens",
    "cacheReadInputTokens",
    "cacheReadInputTokenCount",
    "cachedContentTokenCount",
)
_WRITTEN = ("cache_creation_input_tokens", "cacheWriteInputTokens", "cacheWriteInputTokenCount")
_INCLUDED = frozenset(("prompt_tokens", "promptTokenCount"))
"""Input counts that include cached tokens, whatever else the object has."""
_DETAILS = ("prompt_tokens_details", "input_tokens_details")


def read_answer_usage(fields: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Read input and cached tokens from the answer in a span; empty unless it reports cached tokens.

    The answer counts only where it belongs to the call: its input count, with or without cached tokens, is the span's.

    Args:
        fields: result of `reading.read_fields`, without cached tokens.
        attributes: of the span.

    Returns:
        Fields of `names.FIELDS`; the input includes cached tokens.
    """
    for usage in _list_usages(attributes):
        read = _first_count(usage, _READ)
        written = _first_count(usage, _WRITTEN)
        details = next((usage[name] for name in _DETAILS if isinstance(usage.get(name), dict)), None)
        if details is not None:
            read = _first_count(details, ("cached_tokens",))
        name = next((name for name in _INPUT if _first_count(usage, (name,)) is not None), "")
        cached = (read or 0) + (written or 0)
        if not name or not cached:
            continue
        stated = usage[name]
        total = stated if name in _INCLUDED or details is not None else stated + cached
        if fields.get("input_tokens") not in (stated, total):
            continue
        counts: dict[str, Any] = {"input_tokens": total, "cache_read_tokens": read}
        if written is not None:
            counts["cache_write_tokens"] = written
        lives = usage.get("cache_creation")
        if isinstance(lives, dict):
            counts["cache_write_1h_tokens"] = _first_count(lives, ("ephemeral_1h_input_tokens",))
            counts["cache_write_5m_tokens"] = _first_count(lives, ("ephemeral_5m_input_tokens",))
        return {field: count for field, count in counts.items() if count is not None}
    return {}


def _list_usages(attributes: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ANSWERS:
        text = attributes.get(name)
        # Most answers are the text of a model: they are not decoded.
        if not isinstance(text, str) or not text.startswith("{") or "ache" not in text or "sage" not in text:
            continue
        try:
            answer = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        for key in ("usage", "usageMetadata"):
            usage = answer.get(key)
            if isinstance(usage, dict):
                yield usage


def _first_count(counts: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    values = (counts.get(name) for name in names)
    return next((value for value in values if type(value) is int and value >= 0), None)
