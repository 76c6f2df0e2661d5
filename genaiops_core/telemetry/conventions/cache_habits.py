"""Whether the input tokens of an instrumentation include cached ones, by its scope, version and API.

Each rule was read from the library's source or seen in its spans; docs/reference/telemetry.md lists the versions.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Habit(enum.Enum):
    """What is known about an instrumentation; the first two outweigh a total that adds up in one way only."""

    INCLUDES = "includes"
    EXCLUDES = "excludes"
    PROBABLY_EXCLUDES = "probably excludes"
    UNKNOWN = "unknown"


class Instrumentation(NamedTuple):
    """Who wrote a span."""

    scope: str
    version: str = ""
    span_name: str = ""


AI_SDK_SCOPE = "ai"

_OPENINFERENCE_CONVERSE_INCLUDES = (0, 1, 60)
"""First version of OpenInference for Bedrock that adds cached tokens to those of Converse."""
_AI_SDK_EXCLUDES = (
    "anthropic",
    "amazon-bedrock",
    "bedrock",
    "google.vertex.anthropic",
    "vertex.anthropic",
)
"""Providers whose own count AI SDK 4 and 5 report; version 6 counts all input tokens and adds `inputTokenDetails`."""
_AI_SDK_GATEWAYS = ("gateway", "vercel")
_AI_SDK_EXCLUDES_MODELS = ("anthropic/", "bedrock/", "amazon/", "vertexAnthropic/")
_STANDARD_NAMES = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens")
_VERSION_PARTS = re.compile(r"(\d+)\.(\d+)\.(\d+)")

Fields = Mapping[str, Any]
Attributes = Mapping[str, Any]


def find_habit(fields: Fields, attributes: Attributes, source: Instrumentation) -> Habit:
    """What is known about the instrumentation that wrote a span.

    Args:
        fields: result of `reading.read_fields`.
        attributes: of the span.
        source: who wrote it.
    """
    rule = _RULES.get(source.scope)
    return Habit.UNKNOWN if rule is None else rule(fields, attributes, source)


def _includes(_fields: Fields, _attributes: Attributes, _source: Instrumentation) -> Habit:
    return Habit.INCLUDES


def _excludes(_fields: Fields, _attributes: Attributes, _source: Instrumentation) -> Habit:
    return Habit.EXCLUDES


def _probably_excludes(_fields: Fields, _attributes: Attributes, _source: Instrumentation) -> Habit:
    return Habit.PROBABLY_EXCLUDES


def _read_strands(_fields: Fields, attributes: Attributes, _source: Instrumentation) -> Habit:
    # The scope has no version; the release that began to include cached tokens also took the standard names.
    if any(name in attributes for name in _STANDARD_NAMES):
        return Habit.INCLUDES
    return Habit.PROBABLY_EXCLUDES


def _read_openinference_bedrock(fields: Fields, _attributes: Attributes, source: Instrumentation) -> Habit:
    version = _parse_version(source.version)
    is_new = version is not None and version >= _OPENINFERENCE_CONVERSE_INCLUDES
    if source.span_name.startswith("bedrock.invoke_model"):
        # The counts of Claude are added up, those of Nova are passed on, with a total of its own reckoning.
        return Habit.EXCLUDES if "nova" in str(fields.get("model", "")) else Habit.INCLUDES
    if version is not None and source.span_name.startswith("bedrock.converse"):
        return Habit.INCLUDES if is_new else Habit.EXCLUDES
    if is_new:
        return Habit.INCLUDES
    # Only InvokeModel of Claude has no total.
    return Habit.PROBABLY_EXCLUDES if "total_tokens" in fields else Habit.UNKNOWN


def _read_ai_sdk(fields: Fields, attributes: Attributes, _source: Instrumentation) -> Habit:
    if any(name.startswith("ai.usage.inputTokenDetails.") for name in attributes):
        return Habit.INCLUDES
    if any(name in attributes for name in _STANDARD_NAMES):
        return Habit.INCLUDES
    provider = str(fields.get("provider", ""))
    if provider.startswith(_AI_SDK_EXCLUDES):
        return Habit.EXCLUDES
    is_gateway = provider.startswith(_AI_SDK_GATEWAYS)
    if is_gateway and str(fields.get("model", "")).startswith(_AI_SDK_EXCLUDES_MODELS):
        return Habit.EXCLUDES
    return Habit.UNKNOWN


def _parse_version(text: str) -> tuple[int, ...] | None:
    match = _VERSION_PARTS.match(text)
    return tuple(map(int, match.groups())) if match else None


_RULES: dict[str, Callable[[Fields, Attributes, Instrumentation], Habit]] = {
    # Converse passes on Bedrock's count; InvokeModel does not report cached tokens at all.
    "opentelemetry.instrumentation.botocore.bedrock-runtime": _probably_excludes,
    "opentelemetry.instrumentation.bedrock": _excludes,
    "@traceloop/instrumentation-bedrock": _excludes,
    "opentelemetry.instrumentation.anthropic": _includes,
    "openinference.instrumentation.anthropic": _includes,
    "openinference.instrumentation.bedrock": _read_openinference_bedrock,
    "strands.telemetry.tracer": _read_strands,
    "pydantic-ai": _includes,
    AI_SDK_SCOPE: _read_ai_sdk,
}
