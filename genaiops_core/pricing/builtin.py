"""Built-in list prices: the offline snapshot of genai-prices, as integer rates.

A lookup takes tens of microseconds, as long as the rest of the work on a span, so models and rates are cached.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from genaiops_core.pricing.model_names import list_candidates
from genaiops_core.pricing.rates import NANO, Rates

_CONTEXTS: dict[str, tuple[dict[str, str], ...]] = {
    "flex": ({"service_tier": "flex"},),
    "priority": ({"service_tier": "priority"},),
    "fast": ({"service_tier": "fast"}, {"speed": "fast"}),
    "batch": ({"processing": "batch"},),
}
"""Service tier -> the conditions under which the list has its prices."""


class _Tier(NamedTuple):
    above_input_tokens: int
    rates: Rates


class _Listing(NamedTuple):
    """A model of the list."""

    provider: str
    model: Any
    has_variants: bool
    """Whether its prices of other service tiers are this provider's own, and not its owner's."""


def rates(provider: str, model: str, at_ns: int, input_tokens: int, tier: str = "") -> Rates | None:
    """What a call of `model` cost per token at that instant, or None when the list does not know.

    Args:
        provider: as in the telemetry, for example `aws.bedrock`; '' when unknown.
        model: a model id, Bedrock inference profile or ARN.
        at_ns: start of the call, Unix nanoseconds; prices change with time.
        input_tokens: of this call; some models cost more per token above a length.
        tier: service tier, for example `flex`; '' is the standard one. None is returned where the list has no prices
            of that tier, never the standard ones.
    """
    listing = _find(provider, model)
    if listing is None:
        return None
    instant = dt.datetime.fromtimestamp(at_ns / 1e9, dt.UTC)
    price = listing.model.get_prices(instant)
    if tier:
        price = _find_variant(listing, tier, instant)
        if price is None:
            return None
    chosen = None
    for step in _tiers(price if isinstance(price, _Identity) else _Identity(price)):
        if step.above_input_tokens < 0 or input_tokens > step.above_input_tokens:
            chosen = step.rates
    return chosen


def find_owner(provider: str, model: str) -> str:
    """The provider of the list whose price a call of `model` has; '' when the list does not know the model."""
    listing = _find(provider, model)
    return listing.provider if listing else ""


@lru_cache(maxsize=4096)
def _find(provider: str, model: str) -> _Listing | None:
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    for candidate in list_candidates(provider, model):
        try:
            owner, info = snapshot.find_provider_model(candidate.model, None, candidate.provider, None)
        except LookupError:
            continue
        return _Listing(str(owner.id), info, any(info is own for own in owner.models))
    return None


def _find_variant(listing: _Listing, tier: str, instant: dt.datetime) -> _Identity | None:
    """The prices of a service tier; None without any that hold at `instant`."""
    if not listing.has_variants:
        return None
    for context in _CONTEXTS.get(tier, ()):
        for variant in listing.model.price_variants or ():
            holds = variant.constraint is None or variant.constraint.active(instant)
            if holds and variant.when == context:
                # The day decides which prices hold; a cached object for it keeps `_tiers` cached too.
                return _merge_variant(_Identity(listing.model), tuple(context.items()), instant.date())
    return None


class _Identity:
    """Makes an unhashable price object a cache key; the object lives as long as the snapshot."""

    __slots__ = ("price",)

    def __init__(self, price: Any) -> None:
        self.price = price

    def __hash__(self) -> int:
        return id(self.price)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.price is self.price


@lru_cache(maxsize=1024)
def _merge_variant(model: _Identity, context: tuple[tuple[str, str], ...], day: dt.date) -> _Identity:
    instant = dt.datetime.combine(day, dt.time(12), dt.UTC)
    return _Identity(model.price.get_prices(instant, dict(context)))


@lru_cache(maxsize=4096)
def _tiers(identity: _Identity) -> tuple[_Tier, ...]:
    """Rates by length of the input, shortest first; empty when tokens have no price (audio, pages)."""
    price = identity.price
    if price.input_mtok is None and price.output_mtok is None:
        return ()
    starts = sorted({-1, *_starts(price)})
    return tuple(_Tier(start, _rates_above(price, start)) for start in starts)


_PARTS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
    "cache_read_audio": "cache_audio_read_mtok",
    "input_image": "input_image_mtok",
    "output_image": "output_image_mtok",
}
"""Field of `Rates` -> the price of the list."""


def _starts(price: Any) -> Iterator[int]:
    for part in _PARTS.values():
        for tier in getattr(getattr(price, part), "tiers", ()):
            yield tier.start


def _rates_above(price: Any, start: int) -> Rates:
    by_part: dict[str, int | None] = {}
    for name, part in _PARTS.items():
        value = getattr(price, part)
        if value is not None and not isinstance(value, Decimal):
            applicable = value.base
            for tier in value.tiers:
                if start >= tier.start:
                    applicable = tier.price
            value = applicable
        by_part[name] = None if value is None else round(value * NANO)
    per_request = price.requests_kcount
    return Rates(
        input=by_part["input"] or 0,
        output=by_part["output"] or 0,
        per_request_nano_usd=round(per_request * NANO / 1000) if isinstance(per_request, Decimal) else 0,
        cache_read=by_part["cache_read"],
        cache_write=by_part["cache_write"],
        cache_write_1h=by_part["cache_write_1h"],
        input_audio=by_part["input_audio"],
        output_audio=by_part["output_audio"],
        cache_read_audio=by_part["cache_read_audio"],
        input_image=by_part["input_image"],
        output_image=by_part["output_image"],
    )
