"""Token usage of a span: input includes cached tokens, output includes reasoning tokens.

Instrumentations differ: some report a provider's count, in which input excludes cached tokens. The decision, in this
order: more cached tokens than input tokens cannot be part of the input; what is known for certain about the
instrumentation (`cache_habits`), since some reckon a total of their own; a total that adds up in one way only; what is
likely; else OpenTelemetry's rule, that input includes them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from genaiops_core.telemetry.conventions.answer_usage import read_answer_usage
from genaiops_core.telemetry.conventions.cache_habits import Habit, Instrumentation, find_habit
from genaiops_core.telemetry.conventions.provider_metadata import PROVIDER_METADATA, read_metadata
from genaiops_core.telemetry.conventions.reading import find_requested_model

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
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
    ),
    "cache_write_tokens": (
        "input_cache_creation",
        "cache_creation_input_tokens",
        "cache_write_input_tokens",
        "cache_write",
    ),
    "cache_write_1h_tokens": (
        "input_ephemeral_1h_input_tokens",
        "ephemeral_1h_input_tokens",
        "input_cache_creation_1h",
        "cache_creation.ephemeral_1h_input_tokens",
    ),
    "cache_write_5m_tokens": (
        "input_ephemeral_5m_input_tokens",
        "ephemeral_5m_input_tokens",
        "input_cache_creation_5m",
        "cache_creation.ephemeral_5m_input_tokens",
    ),
    "input_audio_tokens": ("input_audio_tokens", "input_audio", "prompt_tokens_details.audio_tokens"),
    "output_audio_tokens": ("output_audio_tokens", "output_audio", "completion_tokens_details.audio_tokens"),
    "input_image_tokens": ("input_image_tokens", "input_image"),
    "output_image_tokens": ("output_image_tokens", "output_image"),
    "reasoning_tokens": (
        "output_reasoning",
        "output_reasoning_tokens",
        "reasoning_tokens",
        "completion_tokens_details.reasoning_tokens",
    ),
    "total_tokens": ("total", "total_tokens"),
}
"""Keys of Langfuse's usage object."""
_INCLUSIVE_DETAILS = ("input_tokens", "prompt_tokens", "promptTokens")
"""Keys of a provider's own usage object, sent as it is: its input count may include cached tokens."""


class TokenUsage(NamedTuple):
    """Token counts; None where unknown."""

    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cache_write_1h_tokens: int = 0
    """Of `cache_write_tokens`, those that live one hour."""

    @property
    def is_known(self) -> bool:
        return self.input_tokens is not None or self.output_tokens is not None


NO_USAGE = TokenUsage(None, None, None, None)


def read_usage(
    fields: Mapping[str, Any], attributes: Mapping[str, Any], source: Instrumentation, notes: list[str]
) -> TokenUsage:
    """Read the usage of one span.

    Args:
        fields: result of `complete_fields`.
        attributes: of the span.
        source: who wrote the span.
        notes: gets a sentence for each invalid count.
    """
    input_tokens = _parse_tokens(fields, "input_tokens", notes)
    output_tokens = _parse_tokens(fields, "output_tokens", notes)
    if input_tokens is None and output_tokens is None:
        return NO_USAGE
    read = _parse_tokens(fields, "cache_read_tokens", notes)
    written, written_1h = _read_cache_writes(fields, notes)
    reasoning = _parse_tokens(fields, "reasoning_tokens", notes) or 0
    cached = (read or 0) + (written or 0)
    is_separate = fields.get(_SEPARATE) is True
    if is_separate:
        cached += sum(
            _parse_tokens(fields, name, notes) or 0 for name in ("input_audio_tokens", "input_image_tokens")
        )
    if cached or reasoning:
        # Senders differ on whether input includes cached tokens; a total decides it without knowing the sender.
        total = _parse_tokens(fields, "total_tokens", notes)
        if fields.get(_INCLUSIVE) is True:
            habit = Habit.INCLUDES
        else:
            habit = Habit.PROBABLY_EXCLUDES if is_separate else find_habit(fields, attributes, source)
        more_input, more_output = _count_excluded_tokens(
            input_tokens, output_tokens, read or 0, cached, reasoning, total, habit
        )
        if input_tokens is not None:
            input_tokens += more_input
        if output_tokens is not None:
            output_tokens += more_output
    return TokenUsage(input_tokens, output_tokens, read, written, written_1h)


def complete_fields(fields: dict[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `fields`, with what JSON objects among the attributes add.

    They are Langfuse's usage, the provider's metadata, the provider's answer and the requested model.
    """
    if "usage_details" in fields and not ("input_tokens" in fields or "output_tokens" in fields):
        fields = {**fields, **_parse_details(fields["usage_details"])}
    if PROVIDER_METADATA in attributes:
        metadata = read_metadata(attributes)
        if not fields.get("cache_read_tokens") and metadata.get("cache_read_tokens"):
            fields = {**fields, "cache_read_tokens": metadata["cache_read_tokens"]}
        fields = {**metadata, **fields}
    if "input_tokens" in fields and not _CACHED_FIELDS.intersection(fields):
        counts = read_answer_usage(fields, attributes)
        if counts:
            fields = {**fields, **counts, _INCLUSIVE: True}
    model = fields.get("model")
    requested = find_requested_model(attributes, model) if isinstance(model, str) else ""
    if requested:
        fields = {"response_model": model, **fields, "model": requested}
    return fields


_CACHED_FIELDS = frozenset(("cache_read_tokens", "cache_write_tokens"))
_INCLUSIVE = "includes_cached_tokens"
"""Whether the input count is known to include cached tokens."""
_SEPARATE = "is_counted_separately"
"""Whether the input count of Langfuse's usage object excludes every kind that is counted beside it."""


def _read_cache_writes(fields: Mapping[str, Any], notes: list[str]) -> tuple[int | None, int]:
    """Read the tokens written to caches, and those of them that live one hour."""
    written = _parse_tokens(fields, "cache_write_tokens", notes)
    one_hour = _parse_tokens(fields, "cache_write_1h_tokens", notes)
    minutes = _parse_tokens(fields, "cache_write_5m_tokens", notes)
    if one_hour is None and minutes is None:
        is_one_hour = str(fields.get("cache_ttl", "")).strip().lower() in ("1h", "60m", "3600", "3600s")
        return written, (written or 0) if is_one_hour else 0
    by_life = (one_hour or 0) + (minutes or 0)
    # LangChain reports 0 written tokens beside those by life.
    written = max(written or 0, by_life)
    return written, one_hour or 0


def _count_excluded_tokens(
    input_tokens: int | None,
    output_tokens: int | None,
    read: int,
    cached: int,
    reasoning: int,
    total: int | None,
    habit: Habit,
) -> tuple[int, int]:
    """Count the cached and reasoning tokens that input and output exclude."""
    known_input = input_tokens or 0
    more_output = reasoning if output_tokens is not None and reasoning > output_tokens else 0
    is_certain = habit in (Habit.INCLUDES, Habit.EXCLUDES)
    excluded = cached if cached > known_input or habit in (Habit.EXCLUDES, Habit.PROBABLY_EXCLUDES) else 0
    if total is not None and output_tokens is not None:
        rest = total - known_input - output_tokens
        for more_input, more in ((0, 0), (cached, 0), (0, reasoning), (cached, reasoning), (read, 0)):
            if rest == more_input + more and (is_certain or known_input + more_input >= cached):
                return excluded if is_certain else more_input, max(more, more_output)
    return excluded, more_output


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
    for outer in [name for name, inner in details.items() if isinstance(inner, dict)]:
        details = {**details, **{f"{outer}.{name}": count for name, count in details[outer].items()}}
    counts: dict[str, Any] = {}
    for field, keys in _DETAILS.items():
        count = next((details[key] for key in keys if details.get(key) is not None), None)
        if count is not None:
            counts[field] = count
    has_own_input = details.get("input") is not None
    counts[_SEPARATE] = has_own_input or not any(
        f"{key}_details.cached_tokens" in details for key in _INCLUSIVE_DETAILS
    )
    return counts
