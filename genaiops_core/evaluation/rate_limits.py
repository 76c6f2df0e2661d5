"""Limits of an evaluation's model calls: concurrency, rate, timeout and budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.pricing.rates import NANO

MAX_CONCURRENCY = 256
MAX_TIMEOUT_S = 86_400
MAX_LIMIT_USD = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """Limits of one evaluation, across all workers that share it."""

    concurrency: int = 16
    """Calls in flight at once."""
    calls_per_minute: int | None = None
    """Maximum number of calls that begin within a minute; None means only the provider throttles."""
    unit_timeout_s: float = 120.0
    """Seconds after which a unit (one metric of one answer) counts as failed."""
    spend_limit_nano_usd: int | None = None
    """Budget for judges and targets; no call begins that might exceed it. None means no limit."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            BadInput: a value is out of range.
        """
        if not 1 <= self.concurrency <= MAX_CONCURRENCY:
            raise BadInput(f"The concurrency must be 1 to {MAX_CONCURRENCY}, not {self.concurrency}.")
        if self.calls_per_minute is not None and self.calls_per_minute < 1:
            raise BadInput(f"The calls per minute must be at least 1, not {self.calls_per_minute}.")
        if not 0 < self.unit_timeout_s <= MAX_TIMEOUT_S:
            raise BadInput(
                f"The timeout of a unit must be above 0 s and at most {MAX_TIMEOUT_S:,} s, not {self.unit_timeout_s:g}."
            )
        if self.spend_limit_nano_usd is not None and self.spend_limit_nano_usd < 0:
            raise BadInput("The spend limit must be at least 0 USD.")

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | None) -> RateLimits:
        """Parse what `as_json` returns; evaluations stored before these limits existed get the defaults."""
        # An unknown key raises TypeError: documents are written by `as_json` of this or an earlier version.
        return cls(**(document or {}))


def parse_spend_limit(limit_usd: float | None) -> int | None:
    """Convert a spend limit from USD to nano-USD; None means no limit.

    Raises:
        BadInput: the amount is not a number or exceeds `MAX_LIMIT_USD`.
    """
    if limit_usd is None:
        return None
    if not abs(limit_usd) <= MAX_LIMIT_USD:  # NaN fails every comparison
        raise BadInput(f"A spend limit is at most {MAX_LIMIT_USD:,} USD, not {limit_usd:g}.")
    return round(limit_usd * NANO)
