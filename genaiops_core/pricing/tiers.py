"""Names of service tiers as providers and instrumentations write them, and regional endpoints with a surcharge."""

from __future__ import annotations

import re

from genaiops_core.pricing import builtin

_STANDARD = frozenset(
    (
        "",
        "default",
        "standard",
        "standard_only",
        "auto",
        "on_demand",
        "ondemand",
        "regular",
        "none",
        "unspecified",
    )
)
_NAMES = {
    "batches": "batch",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
    "provisioned_throughput": "reserved",
    "provisioned": "reserved",
    "ptu": "reserved",
    "scale": "reserved",
}

_REGIONAL_MODELS = {
    "openai": (re.compile(r"gpt-(\d+)(?:\.(\d+))?"), (5, 4)),
    "anthropic": (re.compile(r"claude-[a-z]+-(\d+)(?:[-.](\d+))?"), (4, 6)),
    "google": (re.compile(r"claude-[a-z]+-(\d+)(?:[-.](\d{1,2})(?!\d))?"), (4, 5)),
}
"""Provider -> the models, from which version on, that cost more at a regional endpoint."""


def normalize_tier(value: object) -> str:
    """The tier as prices name it: '' for the standard one."""
    name = str(value).strip().lower().replace("-", "_").removeprefix("service_tier_")
    return "" if name in _STANDARD else _NAMES.get(name, name)


def has_surcharge(provider: str, model: str) -> bool:
    """Whether a regional endpoint costs more than the list says: Bedrock's regional prices are in the list."""
    rule = _REGIONAL_MODELS.get(builtin.find_owner(provider, model))
    if rule is None:
        return False
    match = rule[0].search(model.lower())
    return match is not None and (int(match[1]), int(match[2] or 0)) >= rule[1]
