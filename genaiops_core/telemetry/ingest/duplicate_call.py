"""Whether two spans, one below the other, tell of the same model call: by their usage, model and time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from genaiops_core.telemetry.counting import CountedSpan

_MAX_RELATIVE_DIFFERENCE = 0.1
"""Relative difference of token counts that two counters of one call may show."""

_VERSION = re.compile(r"$|[-@:._]?(v?\d|latest|preview)")
"""What may follow the name of a model without making it another one."""


NOTHING_BETWEEN = 0
"""Between two spans stand only spans that may belong to one call."""
AGENT_BETWEEN = 1
"""An agent stands between: one call only if both tell exactly the same usage."""
OTHER_WORK_BETWEEN = 2
"""A tool, a retrieval or the like stands between: what it calls is a call of its own."""


def is_call_span(span: CountedSpan) -> bool:
    """Whether the span tells of a model call, counted for it or not."""
    return span.is_call or span.folded_into != ""


def rate_similarity(one: CountedSpan, lower: CountedSpan, distance: int) -> int:
    """How surely `lower` tells of the same call as `one` above it.

    Returns:
        3 for the same usage, 2 for a similar one or a wrapper's failure around a failure, 1 for a wrapper's failure
        around a success, 0 for no likeness.
    """
    if distance == OTHER_WORK_BETWEEN:
        return 0
    if not has_usage(one):
        # A wrapper that failed without usage adds nothing to the call inside it, failed or not.
        is_around = distance == NOTHING_BETWEEN and one.component == lower.component
        return 1 + lower.is_error if is_around else 0
    if not has_usage(lower):
        return 0
    if has_same_usage(one, lower):
        return 3
    return 2 if distance == NOTHING_BETWEEN and _is_similar(one, lower) else 0


def has_usage(teller: CountedSpan) -> bool:
    return teller.input_tokens is not None or teller.output_tokens is not None


def sum_cached_tokens(teller: CountedSpan) -> int:
    return (teller.cache_read_tokens or 0) + (teller.cache_write_tokens or 0)


def _list_input_counts(teller: CountedSpan) -> set[int]:
    """What the input tokens may be called: with the cached ones, and without."""
    told = teller.input_tokens or 0
    read, cached = teller.cache_read_tokens or 0, sum_cached_tokens(teller)
    return {told, told + read, told + cached, told - read, told - cached}


def has_same_usage(one: CountedSpan, other: CountedSpan) -> bool:
    """Whether the two tell the same usage, as far as both tell it."""
    told = 0
    if one.input_tokens is not None and other.input_tokens is not None:
        if one.input_tokens not in _list_input_counts(other) and other.input_tokens not in _list_input_counts(one):
            return False
        told += 1
    if one.output_tokens is not None and other.output_tokens is not None:
        if one.output_tokens != other.output_tokens:
            return False
        told += 1
    return told > 0


def _is_similar(one: CountedSpan, lower: CountedSpan) -> bool:
    """Whether two spans of a model, one inside the other, differ only in how they count.

    One counts cached or reasoning tokens and the other does not, or estimates: then the other side of the usage is the
    same, or both are close. Beyond that the model must be the same and the inner one must fill most of the outer's time.
    """
    if one.component != lower.component:
        return False
    if one.model and lower.model and not _is_same_model(one.model, lower.model):
        return False
    is_short = 0 <= 2 * lower.duration_ns < one.duration_ns
    if is_short or not overlap(one, lower):
        return False
    pairs = [
        (mine, its)
        for mine, its in (
            (one.input_tokens, lower.input_tokens),
            (one.output_tokens, lower.output_tokens),
        )
        if mine is not None and its is not None
    ]
    if any(mine == its and mine > 0 for mine, its in pairs):
        return True
    return bool(pairs) and all(abs(mine - its) <= _MAX_RELATIVE_DIFFERENCE * max(mine, its) for mine, its in pairs)


def _is_same_model(one: str, other: str) -> bool:
    """Whether one name is the other with a vendor, region, date or version around it."""
    shorter, longer = sorted((one.lower(), other.lower()), key=len)
    before, found, after = longer.partition(shorter)
    return bool(found) and (not before or before[-1] in "./:") and _VERSION.match(after) is not None


def overlap(one: CountedSpan, other: CountedSpan) -> bool:
    """Whether the two run at the same time, be it for an instant."""
    return one.start_ns <= other.start_ns + max(
        0, other.duration_ns
    ) and other.start_ns <= one.start_ns + max(0, one.duration_ns)


def is_sum(one: CountedSpan, parts: Sequence[CountedSpan]) -> bool:
    """Whether `one` tells the usage of all `parts` together."""
    output_tokens = sum(part.output_tokens or 0 for part in parts)
    if one.output_tokens is not None and one.output_tokens != output_tokens:
        return False
    if one.input_tokens is None:
        return one.output_tokens is not None and output_tokens > 0
    input_tokens = sum(part.input_tokens or 0 for part in parts)
    cached = sum(sum_cached_tokens(part) for part in parts)
    return one.input_tokens in (input_tokens, input_tokens - cached, input_tokens + cached)
