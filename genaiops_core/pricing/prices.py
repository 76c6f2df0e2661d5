"""Prices model calls: with the overrides of this installation first, then with the built-in list."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import NamedTuple

import sqlalchemy as sa

from db.tables.telemetry import price
from genaiops_core import saved_settings
from genaiops_core.pricing import builtin
from genaiops_core.pricing.rates import Rates, cost_nano_usd

VERSION_SETTING = "price_list"
"""Row of `saved_settings` that changes with the overrides, so that a running process reads them again."""


class _Override(NamedTuple):
    valid_from_ns: int
    provider: str
    rates: Rates


class PriceList:
    """The overrides at one time; other models have the prices of the built-in list."""

    def __init__(self, overrides: dict[str, list[_Override]] | None = None, version: str = "") -> None:
        self._overrides = overrides or {}
        self.version = version

    @classmethod
    def load(cls, connection: sa.Connection) -> PriceList:
        """Read every override; newest first per model."""
        # Read before the prices, so that a change in between leads to another refresh.
        version = current_version(connection)
        overrides: dict[str, list[_Override]] = defaultdict(list)
        # Telemetry has neither region nor tier, so only general prices apply.
        rows = connection.execute(
            sa.select(price)
            .where(price.c.region == "", price.c.tier == "")
            # A price for one provider precedes the general one of the same time, because '' sorts last.
            .order_by(price.c.model, price.c.valid_from.desc(), price.c.provider.desc())
        )
        for row in rows:
            rates = Rates(
                row.input_nano_usd_per_million,
                row.output_nano_usd_per_million,
                row.cache_read_nano_usd_per_million,
                row.cache_write_nano_usd_per_million,
            )
            overrides[row.model].append(_Override(_epoch_ns(row.valid_from), row.provider, rates))
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
        """Cost of one model call in nano-USD, or None when a price or a token count is unknown.

        Args:
            provider: as in the telemetry; an override for another provider does not apply.
            model: as in the telemetry.
            at_ns: start of the call, Unix nanoseconds; the newest price valid at that time applies.
            input_tokens: including cached tokens.
            output_tokens: of the answer.
            cache_read_tokens: None counts as none.
            cache_write_tokens: None counts as none.
        """
        if input_tokens is None or output_tokens is None or not model:
            return None
        rates = self._override(provider, model, at_ns)
        if rates is None:
            rates = builtin.rates(provider, model, at_ns, input_tokens)
        if rates is None:
            return None
        return cost_nano_usd(
            rates,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cache_read_tokens=cache_read_tokens or 0,
            cache_write_tokens=cache_write_tokens or 0,
        )

    def _override(self, provider: str, model: str, at_ns: int) -> Rates | None:
        for override in self._overrides.get(model, ()):
            if override.valid_from_ns <= at_ns and override.provider in ("", provider):
                return override.rates
        return None


def current_version(connection: sa.Connection) -> str:
    """Identifies the state of the overrides; it changes with every import."""
    value = saved_settings.read(connection, VERSION_SETTING)
    return str(value["version"]) if value else ""


def _epoch_ns(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1_000_000) * 1000
