"""Rates and the calculation of cost: in integers, rounded once per call."""

from __future__ import annotations

from typing import NamedTuple

NANO = 1_000_000_000
_MILLION = 1_000_000


class Rates(NamedTuple):
    """Price of a model in nano-USD per million tokens; None for a cache rate means the input rate."""

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    per_request_nano_usd: int = 0


def cost_nano_usd(
    rates: Rates,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
) -> int:
    """Cost of one call in nano-USD, halves rounded up.

    Args:
        rates: of the model.
        input_tokens: including tokens read from or written to a cache.
        output_tokens: including reasoning tokens.
        cache_read_tokens: at most `input_tokens`.
        cache_write_tokens: at most the rest.
    """
    # Some senders report more cached tokens than input tokens; the rest must not become negative.
    plain = max(0, input_tokens - cache_read_tokens - cache_write_tokens)
    read_rate = rates.input if rates.cache_read is None else rates.cache_read
    write_rate = rates.input if rates.cache_write is None else rates.cache_write
    total = (
        plain * rates.input
        + cache_read_tokens * read_rate
        + cache_write_tokens * write_rate
        + output_tokens * rates.output
    )
    return (total + _MILLION // 2) // _MILLION + rates.per_request_nano_usd
