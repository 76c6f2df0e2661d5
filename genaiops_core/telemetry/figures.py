"""Figures of traffic: counts, cost, tokens and latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

QUANTILES = (0.5, 0.95, 0.99)
NO_LATENCY: Mapping[str, float | None] = {"p50": None, "p95": None, "p99": None}


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The traffic of one cell of a summary, a breakdown or a series.

    `requests` counts entry spans of applications, `calls` counts model calls, each once. Of all applications together a
    request that one of them made counts with the request that it is part of (`internal_requests`), and in `requests`
    not again; of one application or release it is one of its `requests`.
    A request belongs to the model of its entry span, and to no model when that is not itself a call: grouped or
    filtered by model, `calls`, tokens and cost are complete while `requests` are only those made of a single call.
    """

    requests: int
    request_errors: int
    internal_requests: int
    """Requests made by another application of the same trace."""
    internal_request_errors: int
    rootless_requests: int
    """Requests whose root span did not arrive within the grace time; their outermost span counts instead."""
    calls: int
    call_errors: int
    errors: int
    """Failed calls where the traffic is grouped or filtered by model, failed requests elsewhere."""
    error_rate: float | None
    """`errors` divided by the calls or requests they are part of; None without any."""
    cost_nano_usd: int
    """Cost of the calls with a price; `unpriced_calls` counts the others."""
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    latency_ms: Mapping[str, float | None]
    """p50, p95, p99 of successful requests, nearest rank, within 1 %; None without any."""
    call_latency_ms: Mapping[str, float | None]
    """The same of successful model calls."""

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number; None when no call has a price."""
        return format_known_usd(self.cost_nano_usd, self.calls, self.unpriced_calls)

    @property
    def cost_per_request_nano_usd(self) -> float | None:
        """Average cost per request; None without requests or without any price."""
        if not self.requests or self.cost_usd is None:
            return None
        return self.cost_nano_usd / self.requests

    def as_json(self) -> dict[str, Any]:
        """The figures under the names of the read API."""
        return {
            "requests": self.requests,
            "request_errors": self.request_errors,
            "internal_requests": self.internal_requests,
            "rootless_requests": self.rootless_requests,
            "calls": self.calls,
            "call_errors": self.call_errors,
            "errors": self.errors,
            "error_rate": self.error_rate,
            "cost_usd": self.cost_usd,
            "unpriced_calls": self.unpriced_calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "latency_ms": dict(self.latency_ms),
            "call_latency_ms": dict(self.call_latency_ms),
        }


def build_figures(
    sums: Mapping[str, int],
    *,
    by_model: bool,
    latency_ms: Mapping[str, float | None] = NO_LATENCY,
    call_latency_ms: Mapping[str, float | None] = NO_LATENCY,
) -> Figures:
    """Build figures from sums.

    Args:
        sums: a value for each of `db.tables.telemetry.ROLLUP_SUMS`.
        by_model: whether the traffic is grouped or filtered by model, so that errors are those of calls.
        latency_ms: of successful requests.
        call_latency_ms: of successful calls.
    """
    errors, total = (
        (sums["call_errors"], sums["calls"]) if by_model else (sums["request_errors"], sums["requests"])
    )
    return Figures(
        **sums,
        errors=errors,
        error_rate=errors / total if total else None,
        latency_ms=latency_ms,
        call_latency_ms=call_latency_ms,
    )


def to_percentiles_ms(percentiles_ns: Sequence[float] | None) -> Mapping[str, float | None]:
    """Name the percentiles of `QUANTILES`, and convert nanoseconds to milliseconds (to the microsecond)."""
    if percentiles_ns is None:
        return NO_LATENCY
    p50, p95, p99 = (round(value / 1e6, 3) for value in percentiles_ns)
    return {"p50": p50, "p95": p95, "p99": p99}


def format_known_usd(cost_nano_usd: int, calls: int, unpriced_calls: int) -> str | None:
    """Format the exact cost in USD as a decimal number; None when there are calls and none has a price."""
    return None if calls and unpriced_calls >= calls else format_usd(cost_nano_usd)


def format_usd(nano_usd: int) -> str:
    """Format nano-USD as an exact decimal number of USD, without trailing zeros.

    >>> format_usd(6_414_472_530), format_usd(0), format_usd(20_000_000_000)
    ('6.41447253', '0', '20')
    """
    text = f"{Decimal(nano_usd).scaleb(-9):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
