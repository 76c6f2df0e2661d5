"""What decides the price of a call beside its tokens, and the cost that its sender states."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from genaiops_core.pricing.prices import STANDARD_TERMS, CallTerms
from genaiops_core.pricing.rates import NANO, NO_SPECIAL_TOKENS, SpecialTokens
from genaiops_core.pricing.tiers import has_surcharge, normalize_tier
from genaiops_core.telemetry.conventions.answer_usage import ANSWERS
from genaiops_core.telemetry.conventions.reading import unquote
from genaiops_core.telemetry.conventions.usage import TokenUsage

_SERVICE_TIER = ("service_tier", "serviceTier")
_SPECIAL_FIELDS = (
    "input_audio_tokens",
    "output_audio_tokens",
    "cache_read_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
)
_PARAMETERS = (
    "llm.invocation_parameters",
    "langfuse.observation.model.parameters",
    "gen_ai.request.parameters",
    "model_request_parameters",
    "ai.request.providerOptions",
)
"""JSON objects with the parameters of a request."""
_TIER_IN_JSON = re.compile(r'(?<!\\)"service_?[tT]ier"\s*:\s*(?:\{\s*"type"\s*:\s*)?"(\w+)"')
_REGIONAL_SERVER = re.compile(
    r"(?:^|//)(?:(\w\w)\.api\.openai\.com|([a-z]+-[a-z]+\d+)-aiplatform\.googleapis\.com)"
)
_GLOBAL_REGIONS = frozenset(("", "global", "not_available", "default"))
_USAGE_PREFIXES = ("gen_ai.usage.", "gen_ai.aggregated_usage.", "llm.usage.", "llm.token_count.", "ai.usage.")
_OUTPUT_WORDS = ("output", "completion", "candidates", "response")
_HIGHEST_USD = 1_000_000


def read_terms(
    fields: Mapping[str, Any],
    attributes: Mapping[str, Any],
    usage: TokenUsage,
    provider: str,
    model: str,
    region: str = "",
) -> CallTerms:
    """Read service tier, region and special tokens of a call.

    Args:
        fields: result of `usage.complete_fields`.
        attributes: of the span.
        usage: of the call.
        provider: of the call.
        model: of the call.
        region: of the resource, where the span has none.
    """
    fields = {**_find_by_name(attributes), **fields}
    tier = _read_tier(fields, attributes)
    special = _read_special(fields, usage)
    endpoint = _find_endpoint(fields)
    surcharge = endpoint if endpoint and has_surcharge(provider, model) else ""
    region = endpoint or str(fields.get("region", region)).strip().lower()
    if not tier and not region and not surcharge and special is NO_SPECIAL_TOKENS:
        return STANDARD_TERMS
    return CallTerms(tier=tier, region=region, surcharge=surcharge, special=special)


def read_stated_cost(fields: Mapping[str, Any]) -> int | None:
    """Read the cost that the sender states, in nano-USD; None without one, and for 0, which senders give when unsure."""
    if "stated_cost" in fields:
        return _parse_usd(fields["stated_cost"])
    if "stated_cost_details" in fields:
        return _sum_details(fields["stated_cost_details"])
    parts = [
        cost
        for name in ("stated_input_cost", "stated_output_cost")
        if name in fields and (cost := _parse_usd(fields[name])) is not None
    ]
    return sum(parts) if parts else None


def _find_by_name(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of attributes that no dialect in `names` has, by the words in their names.

    A tier or an audio token that is overlooked would be priced as an ordinary one.
    """
    fields: dict[str, Any] = {}
    for name, value in attributes.items():
        if name.endswith(_SERVICE_TIER):
            fields.setdefault("service_tier", unquote(value))
        elif ("audio" in name or "image" in name) and name.startswith(_USAGE_PREFIXES) and "token" in name:
            kind = "audio" if "audio" in name else "image"
            if "cache" in name:
                fields.setdefault(f"cache_read_{kind}_tokens", value)
            else:
                is_output = any(word in name for word in _OUTPUT_WORDS)
                fields.setdefault(f"{'output' if is_output else 'input'}_{kind}_tokens", value)
    return fields


def _read_tier(fields: Mapping[str, Any], attributes: Mapping[str, Any]) -> str:
    if str(fields.get("is_batch", "false")).lower() not in ("false", "0"):
        return "batch"
    if "service_tier" in fields:
        return normalize_tier(fields["service_tier"])
    for value in _list_documents(attributes):
        match = _TIER_IN_JSON.search(value)
        if match:
            return normalize_tier(match[1])
    return ""


def _list_documents(attributes: Mapping[str, Any]) -> Iterator[str]:
    """The JSON documents that may name a service tier: the answer's first, which says what tier served it."""
    for name in (*ANSWERS, *_PARAMETERS):
        value = attributes.get(name)
        # Escaped quotes are text of a message; a document starts with a brace.
        if isinstance(value, str) and value.startswith("{") and any(key in value for key in _SERVICE_TIER):
            yield value


def _read_special(fields: Mapping[str, Any], usage: TokenUsage) -> SpecialTokens:
    if not usage.cache_write_1h_tokens and not any(name in fields for name in _SPECIAL_FIELDS):
        return NO_SPECIAL_TOKENS
    input_audio, output_audio, cached_audio, input_image, output_image = (
        _parse_count(fields.get(name)) for name in _SPECIAL_FIELDS
    )
    input_tokens, output_tokens = usage.input_tokens or 0, usage.output_tokens or 0
    special = SpecialTokens(
        cache_write_1h=usage.cache_write_1h_tokens,
        input_audio=min(input_audio, input_tokens),
        output_audio=min(output_audio, output_tokens),
        cache_read_audio=min(cached_audio, input_audio, usage.cache_read_tokens or 0),
        input_image=min(input_image, input_tokens - min(input_audio, input_tokens)),
        output_image=min(output_image, output_tokens - min(output_audio, output_tokens)),
    )
    return special if any(special) else NO_SPECIAL_TOKENS


def _find_endpoint(fields: Mapping[str, Any]) -> str:
    """The region that the call chose for its model, by its server or by itself; '' for a global endpoint or none."""
    server = fields.get("server")
    match = _REGIONAL_SERVER.search(str(server)) if server else None
    endpoint = (match[1] or match[2]) if match else str(fields.get("model_region", "")).strip().lower()
    return "" if endpoint in _GLOBAL_REGIONS else endpoint


def _parse_count(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) < 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value > 0 else 0


def _parse_usd(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        usd = Decimal(str(value))
    except InvalidOperation:
        return None
    return round(usd * NANO) or None if usd.is_finite() and 0 < usd <= _HIGHEST_USD else None


def _sum_details(value: Any) -> int | None:
    """The total of Langfuse's cost object, or the sum of its parts."""
    try:
        details = orjson.loads(value) if isinstance(value, (str, bytes)) else value
    except orjson.JSONDecodeError:
        return None
    if not isinstance(details, dict):
        return None
    if details.get("total") is not None:
        return _parse_usd(details["total"])
    parts = [cost for part in details.values() if (cost := _parse_usd(part)) is not None]
    return sum(parts) if parts else None
