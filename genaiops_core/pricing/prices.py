"""Prices model calls: with the overrides of this installation first, then with the built-in list."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import NamedTuple

import sqlalchemy as sa

from db.tables.telemetry import price
from genaiops_core import saved_settings
from genaiops_core.pricing import builtin
from genaiops_core.pricing.model_names import same_provider
from genaiops_core.pricing.rates import (
    NO_SPECIAL_TOKENS,
    Rates,
    SpecialTokens,
    UnknownRate,
    cost_nano_usd,
)
from genaiops_core.pricing.tiers import normalize_tier

VERSION_SETTING = "price_list"
"""Row of `saved_settings` that changes with the overrides, so that a running process reads them again."""


AUDIO, IMAGE, CACHE_1H = "audio", "image", "cache_1h"
"""Tiers of overrides that price one kind of token instead of a service tier."""


class CallPrice(NamedTuple):
    """The cost of a call, or why it is unknown."""

    cost_nano_usd: int | None
    problem: str = ""


class CallTerms(NamedTuple):
    """What decides the price of a call beside its model and its tokens."""

    tier: str = ""
    """Service tier, for example `flex`; '' is the standard one."""
    region: str = ""
    """Where the model runs; '' when unknown."""
    surcharge: str = ""
    """A regional endpoint whose surcharge the price list does not know; '' without one."""
    special: SpecialTokens = NO_SPECIAL_TOKENS


STANDARD_TERMS = CallTerms()


class _Override(NamedTuple):
    valid_from_ns: int
    provider: str
    region: str
    rates: Rates


class PriceList:
    """The overrides at one time; other models have the prices of the built-in list."""

    def __init__(
        self, overrides: dict[tuple[str, str], list[_Override]] | None = None, version: str = ""
    ) -> None:
        self._overrides = overrides or {}
        self.version = version

    @classmethod
    def load(cls, connection: sa.Connection) -> PriceList:
        """Read every override by model and tier; those of a region first, then the newest."""
        version = current_version(connection)
        overrides: dict[tuple[str, str], list[_Override]] = defaultdict(list)
        c = price.c
        rows = connection.execute(
            sa.select(price).order_by(c.model, c.region.desc(), c.valid_from.desc(), c.provider.desc())
        )
        for row in rows:
            rates = Rates(
                row.input_nano_usd_per_million,
                row.output_nano_usd_per_million,
                row.cache_read_nano_usd_per_million,
                row.cache_write_nano_usd_per_million,
            )
            override = _Override(_epoch_ns(row.valid_from), row.provider, row.region.lower(), rates)
            overrides[row.model, normalize_tier(row.tier)].append(override)
        return cls(dict(overrides), version)

    def refresh(self, connection: sa.Connection) -> PriceList:
        """This list, or a new one if prices were imported since."""
        return self if current_version(connection) == self.version else PriceList.load(connection)

    def cost_nano_usd(
        self,
        provider: str,
        model: str,
        at_ns: int,
        input_tokens: int | None,
        output_tokens: int | None,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
    ) -> int | None:
        """Cost of one call of the standard tier in nano-USD, or None when it is unknown; see `price_call`."""
        return self.price_call(
            provider, model, at_ns, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens
        ).cost_nano_usd

    def price_call(
        self,
        provider: str,
        model: str,
        at_ns: int,
        input_tokens: int | None,
        output_tokens: int | None,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        terms: CallTerms = STANDARD_TERMS,
    ) -> CallPrice:
        """Price one model call; without a price or a token count its cost is None, and `problem` says why.

        Args:
            provider: as in the telemetry; an override for another provider does not apply.
            model: as in the telemetry.
            at_ns: start of the call, Unix nanoseconds; the newest price valid at that time applies.
            input_tokens: including cached tokens.
            output_tokens: of the answer.
            cache_read_tokens: None counts as none.
            cache_write_tokens: None counts as none.
            terms: service tier, region and tokens with a rate of their own.
        """
        if input_tokens is None or output_tokens is None:
            return CallPrice(None, "its token usage is unknown")
        if not model:
            return CallPrice(None, "its model is unknown")
        override = self._find_override(provider, model, at_ns, terms.tier, terms.region)
        rates = override.rates if override else None
        if override is None or (terms.surcharge and not override.region):
            if terms.surcharge:
                return CallPrice(
                    None, f"no price of {model} is known for the regional endpoint {terms.surcharge}"
                )
            rates = builtin.rates(provider, model, at_ns, input_tokens, terms.tier)
        if rates is None:
            kind = f"{terms.tier} price" if terms.tier else "price"
            return CallPrice(None, f"no {kind} of {model} is known")
        special = terms.special
        if special is not NO_SPECIAL_TOKENS:
            rates = self._add_special_rates(rates, provider, model, at_ns, terms)
        try:
            cost = cost_nano_usd(
                rates,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                cache_read_tokens=cache_read_tokens or 0,
                cache_write_tokens=cache_write_tokens or 0,
                special=special,
            )
        except UnknownRate as missing:
            return CallPrice(None, f"no price of {model} is known for {missing}")
        return CallPrice(cost)

    def _find_override(
        self, provider: str, model: str, at_ns: int, tier: str, region: str
    ) -> _Override | None:
        for override in self._overrides.get((model, tier), ()):
            if (
                override.valid_from_ns <= at_ns
                and override.region in ("", region)
                and (override.provider in ("", provider) or same_provider(override.provider, provider))
            ):
                return override
        return None

    def _add_special_rates(
        self, rates: Rates, provider: str, model: str, at_ns: int, terms: CallTerms
    ) -> Rates:
        """`rates` with those that overrides have for audio, images and caches that live one hour."""
        audio, image, cache = (
            self._find_override(provider, model, at_ns, kind, terms.region)
            for kind in (AUDIO, IMAGE, CACHE_1H)
        )
        if audio:
            rates = rates._replace(
                input_audio=audio.rates.input,
                output_audio=audio.rates.output,
                cache_read_audio=audio.rates.cache_read or rates.cache_read_audio,
            )
        if image:
            rates = rates._replace(input_image=image.rates.input, output_image=image.rates.output)
        if cache:
            rate = cache.rates.input if cache.rates.cache_write is None else cache.rates.cache_write
            rates = rates._replace(cache_write_1h=rate)
        return rates


def current_version(connection: sa.Connection) -> str:
    """Identifies the state of the overrides; it changes with every import."""
    value = saved_settings.read(connection, VERSION_SETTING)
    return str(value["version"]) if value else ""


def _epoch_ns(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1_000_000) * 1000
