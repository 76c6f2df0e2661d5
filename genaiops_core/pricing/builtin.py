"""Built-in list prices: the offline snapshot of genai-prices, as integer rates.

A lookup takes tens of microseconds, as long as the rest of the work on a span, so models and rates are cached.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from genaiops_core.pricing.rates import NANO, Rates


class _Tier(NamedTuple):
    above_input_tokens: int
    rates: Rates


def rates(provider: str, model: str, at_ns: int, input_tokens: int) -> Rates | None:
    """The rates of a call of `model` at that instant, or None when the list has none.

    Args:
        provider: as in the telemetry, for example `aws.bedrock`; '' when unknown.
        model: a model id, Bedrock inference profile or ARN.
        at_ns: start of the call, Unix nanoseconds; prices change with time.
        input_tokens: of this call; some models cost more per token above a length.
    """
    info = _find(provider, model)
    if info is None:
        return None
    price = info.get_prices(dt.datetime.fromtimestamp(at_ns / 1e9, dt.UTC))
    chosen = None
    for tier in _tiers(_Identity(price)):
        if tier.above_input_tokens < 0 or input_tokens > tier.above_input_tokens:
            chosen = tier.rates
    return chosen


@lru_cache(maxsize=4096)
def _find(provider: str, model: str) -> Any:
    from genai_prices.data_snapshot import get_snapshot

    model = unquote(model)
    snapshot = get_snapshot()
    # Without a provider the name of the model decides; the list matches no Bedrock name to a provider, so it is last.
    for candidate in (provider,) if provider else (None, "aws"):
        try:
            return snapshot.find_provider_model(model, None, candidate, None)[1]
        except LookupError:
            continue
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


@lru_cache(maxsize=4096)
def _tiers(identity: _Identity) -> tuple[_Tier, ...]:
    """Rates by length of the input, shortest first; empty when tokens have no price (audio, pages)."""
    price = identity.price
    if price.input_mtok is None and price.output_mtok is None:
        return ()
    starts = sorted({-1, *_starts(price)})
    return tuple(_Tier(start, _rates_above(price, start)) for start in starts)


_PARTS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")


def _starts(price: Any) -> Iterator[int]:
    for part in _PARTS:
        for tier in getattr(getattr(price, part), "tiers", ()):
            yield tier.start


def _rates_above(price: Any, start: int) -> Rates:
    rates_by_part: list[int | None] = []
    for part in _PARTS:
        value = getattr(price, part)
        if value is not None and not isinstance(value, Decimal):
            applicable = value.base
            for tier in value.tiers:
                if start >= tier.start:
                    applicable = tier.price
            value = applicable
        # The list has decimal USD; from here on all money is integers.
        rates_by_part.append(None if value is None else round(value * NANO))
    per_request = price.requests_kcount
    return Rates(
        input=rates_by_part[0] or 0,
        output=rates_by_part[1] or 0,
        cache_read=rates_by_part[2],
        cache_write=rates_by_part[3],
        per_request_nano_usd=round(per_request * NANO / 1000) if isinstance(per_request, Decimal) else 0,
    )
