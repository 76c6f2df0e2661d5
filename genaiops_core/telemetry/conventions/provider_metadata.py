"""Counts, tier and cost that the AI SDK reports only inside the provider's metadata, one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

PROVIDER_METADATA = "ai.response.providerMetadata"


def read_metadata(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `names.FIELDS` that the metadata has; empty without metadata or with other content.

    Args:
        attributes: of the span.
    """
    value = attributes.get(PROVIDER_METADATA)
    if value is None:
        return {}
    try:
        metadata = orjson.loads(value) if isinstance(value, (str, bytes)) else value
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(metadata, dict):
        return {}
    anthropic = _object(metadata.get("anthropic"))
    bedrock = _object(metadata.get("bedrock"))
    usage, bedrock_usage = _object(anthropic.get("usage")), _object(bedrock.get("usage"))
    lives = _object(usage.get("cache_creation"))
    openai = _object(metadata.get("openai"))
    tier = bedrock.get("serviceTier")
    fields = {
        "cache_read_tokens": _first(
            anthropic.get("cacheReadInputTokens"),
            usage.get("cache_read_input_tokens"),
            bedrock_usage.get("cacheReadInputTokens"),
        ),
        "cache_write_tokens": _first(
            anthropic.get("cacheCreationInputTokens"),
            usage.get("cache_creation_input_tokens"),
            bedrock_usage.get("cacheWriteInputTokens"),
        ),
        "cache_write_1h_tokens": _first(
            lives.get("ephemeral_1h_input_tokens"), sum_cache_details(bedrock_usage.get("cacheDetails"), "1h")
        ),
        "cache_write_5m_tokens": _first(
            lives.get("ephemeral_5m_input_tokens"), sum_cache_details(bedrock_usage.get("cacheDetails"), "5m")
        ),
        "service_tier": _first(
            openai.get("serviceTier"),
            usage.get("service_tier"),
            tier.get("type") if isinstance(tier, dict) else tier,
        ),
        "stated_cost": _first(
            _object(metadata.get("gateway")).get("cost"),
            _object(_object(metadata.get("openrouter")).get("usage")).get("cost"),
        ),
    }
    return {name: value for name, value in fields.items() if value is not None}


def sum_cache_details(details: Any, life: str) -> int | None:
    """Sum the tokens written to caches that live `life`, from Bedrock's `cacheDetails`; None where it says none."""
    if not isinstance(details, list):
        return None
    counts = [
        detail.get("inputTokens")
        for detail in details
        if isinstance(detail, dict) and str(detail.get("ttl", "")).lower() == life
    ]
    return sum(count for count in counts if type(count) is int and count >= 0) if counts else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
