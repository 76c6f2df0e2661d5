"""Token usage of a span: input includes cached tokens, output includes reasoning tokens.

Instrumentations differ: some report a provider's count, in which input excludes cached tokens. The decision, in this
order: more cached tokens than input tokens cannot be part of the input; a total that adds up in one way only; what is
known about the instrumentation; else OpenTelemetry's rule, that input includes them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from genaiops_core.telemetry.conventions.names import (
    INPUT_EXCLUDES_CACHE_SCOPES,
    VERCEL_EXCLUDES_CACHE_PROVIDERS,
    VERCEL_SCOPE,
)

MAX_TOKENS = 1_000_000_000
"""More tokens in one call are an error of the sender: the count is unknown, with a note."""

_DETAILS = {
    "input_tokens": ("input", "input_tokens", "prompt_tokens", "promptTokens"),
    "output_tokens": ("output", "output_tokens", "completion_tokens", "completionTokens"),
    "cache_read_tokens": (
        "input_cache_read",
        "input_cached_tokens",
        "cache_read_input_tokens",
        "cache_read",
        "cached_tokens",
    ),
    "cache_write_tokens": (
        "input_cache_creation",
        "cache_creation_input_tokens",
        "cache_write_input_tokens",
        "cache_write",
    ),
    "reasoning_tokens": ("output_reasoning", "output_reasoning_tokens", "reasoning_tokens"),
    "total_tokens": ("total", "total_tokens"),
}
"""Keys of Langfuse's usage object."""
_METADATA = "ai.response.providerMetadata"


class TokenUsage(NamedTuple):
    """Token counts; None where unknown."""

    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None

    @property
    def is_known(self) -> bool:
        return self.input_tokens is not None or self.output_tokens is not None


def read_usage(
    fields: Mapping[str, Any], attributes: Mapping[str, Any], scope: str, notes: list[str]
) -> TokenUsage:
    """Read the usage of one span.

    Args:
        fields: result of `reading.read_fields`.
        attributes: of the span.
        scope: name of the instrumentation.
        notes: gets a sentence for each invalid count.
    """
    has_details = "usage_details" in fields and not ("input_tokens" in fields or "output_tokens" in fields)
    if has_details:
        fields = {**fields, **_parse_details(fields["usage_details"])}
    input_tokens = _parse_tokens(fields, "input_tokens", notes)
    output_tokens = _parse_tokens(fields, "output_tokens", notes)
    if input_tokens is None and output_tokens is None:
        return TokenUsage(None, None, None, None)
    read = _parse_tokens(fields, "cache_read_tokens", notes)
    written = _parse_tokens(fields, "cache_write_tokens", notes)
    if written is None and _METADATA in attributes and scope == VERCEL_SCOPE:
        written = _parse_cache_write_metadata(attributes[_METADATA])
    reasoning = _parse_tokens(fields, "reasoning_tokens", notes) or 0
    cached = (read or 0) + (written or 0)
    if cached or reasoning:
        # Senders differ on whether input includes cached tokens; a total decides it without knowing the sender.
        total = _parse_tokens(fields, "total_tokens", notes)
        is_apart = has_details or _excludes_cached_tokens(fields, attributes, scope)
        more_input, more_output = _count_excluded_tokens(
            input_tokens, output_tokens, read or 0, cached, reasoning, total, is_apart
        )
        if input_tokens is not None:
            input_tokens += more_input
        if output_tokens is not None:
            output_tokens += more_output
    return TokenUsage(input_tokens, output_tokens, read, written)


def _count_excluded_tokens(
    input_tokens: int | None,
    output_tokens: int | None,
    read: int,
    cached: int,
    reasoning: int,
    total: int | None,
    is_apart: bool,
) -> tuple[int, int]:
    """Count the cached and reasoning tokens that input and output exclude."""
    known_input = input_tokens or 0
    more_output = reasoning if output_tokens is not None and reasoning > output_tokens else 0
    if total is not None and output_tokens is not None:
        rest = total - known_input - output_tokens
        for more_input, more in ((0, 0), (cached, 0), (0, reasoning), (cached, reasoning), (read, 0)):
            # The first explanation that gives exactly the total; the most common one comes first.
            if rest == more_input + more and known_input + more_input >= cached:
                return more_input, max(more, more_output)
    # More cached tokens than input tokens prove that the input excludes them.
    return (cached if is_apart or cached > known_input else 0), more_output


def _excludes_cached_tokens(fields: Mapping[str, Any], attributes: Mapping[str, Any], scope: str) -> bool:
    if scope in INPUT_EXCLUDES_CACHE_SCOPES:
        return True
    if scope != VERCEL_SCOPE or any(name.startswith("ai.usage.inputTokenDetails.") for name in attributes):
        return False
    return str(fields.get("provider", "")).startswith(VERCEL_EXCLUDES_CACHE_PROVIDERS)


def _parse_tokens(fields: Mapping[str, Any], field: str, notes: list[str]) -> int | None:
    value = fields.get(field)
    if value is None:
        return None
    # Some senders write every attribute as text.
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS:
        return value
    notes.append(f"{field} was {str(value)[:50]!r}, not a token count; it counts as unknown")
    return None


def _parse_details(value: Any) -> dict[str, Any]:
    """Parse the usage object of Langfuse, which counts every kind of token separately: `input` excludes cached tokens."""
    try:
        details = orjson.loads(value) if isinstance(value, (str, bytes)) else value
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(details, dict):
        return {}
    counts = {}
    for field, keys in _DETAILS.items():
        count = next((details[key] for key in keys if details.get(key) is not None), None)
        if count is not None:
            counts[field] = count
    return counts


def _parse_cache_write_metadata(value: Any) -> int | None:
    """Parse the cache write count, which AI SDK 5 reports only in the provider metadata."""
    try:
        metadata = orjson.loads(value) if isinstance(value, str) else value
        anthropic, bedrock = metadata.get("anthropic") or {}, metadata.get("bedrock") or {}
        count = anthropic.get(
            "cacheCreationInputTokens", (bedrock.get("usage") or {}).get("cacheWriteInputTokens")
        )
    except (orjson.JSONDecodeError, AttributeError):
        return None
    return count if type(count) is int and 0 <= count <= MAX_TOKENS else None
