"""Rates and the calculation of cost: in integers, rounded once per call."""

from __future__ import annotations

from typing import NamedTuple

NANO = 1_000_000_000
_MILLION = 1_000_000


class Rates(NamedTuple):
    """Price of a model in nano-USD per million tokens; None for a cache rate means the input rate.

    None for a rate of one hour, of audio or of output images means that its price is unknown.
    """

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    per_request_nano_usd: int = 0
    cache_write_1h: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    cache_read_audio: int | None = None
    input_image: int | None = None
    """None means the input rate: models that read images count them as text."""
    output_image: int | None = None


class SpecialTokens(NamedTuple):
    """Tokens with a rate of their own; each is part of a count of the call."""

    cache_write_1h: int = 0
    """Written to a cache that lives one hour; part of the cache writes."""
    input_audio: int = 0
    """Part of the input, cached ones included."""
    output_audio: int = 0
    cache_read_audio: int = 0
    """Part of the cache reads and of `input_audio`."""
    input_image: int = 0
    output_image: int = 0


NO_SPECIAL_TOKENS = SpecialTokens()


class UnknownRate(Exception):
    """A call has tokens whose rate is unknown; the text names them."""


def cost_nano_usd(
    rates: Rates,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
    special: SpecialTokens = NO_SPECIAL_TOKENS,
) -> int:
    """Cost of one call in nano-USD, halves rounded up.

    Args:
        rates: of the model.
        input_tokens: including tokens read from or written to a cache.
        output_tokens: including reasoning tokens.
        cache_read_tokens: at most `input_tokens`.
        cache_write_tokens: at most the rest.
        special: tokens of these counts that have a rate of their own.

    Raises:
        UnknownRate: `special` has tokens whose rate is unknown.
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
    if special is not NO_SPECIAL_TOKENS and any(special):
        total += _add_special(rates, special, read_rate, write_rate)
    return (total + _MILLION // 2) // _MILLION + rates.per_request_nano_usd


def _add_special(rates: Rates, special: SpecialTokens, read_rate: int, write_rate: int) -> int:
    """What the tokens of `special` cost more than at the rates of text."""
    fresh_audio = max(0, special.input_audio - special.cache_read_audio)
    input_image_rate = rates.input if rates.input_image is None else rates.input_image
    parts = (
        ("audio input tokens", fresh_audio, rates.input_audio, rates.input),
        ("audio output tokens", special.output_audio, rates.output_audio, rates.output),
        ("cached audio tokens", special.cache_read_audio, rates.cache_read_audio, read_rate),
        ("image input tokens", special.input_image, input_image_rate, rates.input),
        ("image output tokens", special.output_image, rates.output_image, rates.output),
        ("cache writes that live one hour", special.cache_write_1h, rates.cache_write_1h, write_rate),
    )
    more = 0
    for name, tokens, rate, text_rate in parts:
        if tokens:
            if rate is None:
                raise UnknownRate(name)
            more += tokens * (rate - text_rate)
    return more
