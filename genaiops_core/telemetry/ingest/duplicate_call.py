"""Whether two spans, one below the second, report the same model call; compares usage, model and time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from genaiops_core.telemetry.counting import CountedSpan
from genaiops_core.telemetry.ingest.invocation_entries import derive_id

_MAX_RELATIVE_DIFFERENCE = 0.1
"""Largest relative difference between token counts of the same call, where one of them is an estimate."""

_VERSION = re.compile(r"$|[-@:._]?(v?\d|latest|preview)")
"""What may follow a model name without naming another model."""


NOTHING_BETWEEN = 0
"""Only spans that may belong to the same call stand between the two."""
AGENT_BETWEEN = 1
"""An agent stands between: the same call only if both report exactly the same usage."""
OTHER_WORK_BETWEEN = 2
"""A tool, a retrieval or the like stands between: a call below it is a separate call."""


_ID_SHAPE = re.compile(r"[A-Za-z]+(?=[-_])|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")


def have_different_ids(first: CountedSpan, second: CountedSpan) -> bool:
    """Whether the provider gave the two different ids of one kind, such as `chatcmpl-1` and `chatcmpl-2`.

    Ids of different kinds say nothing: a framework may make one of its own, and a request has an id beside its answer.
    """
    if not first.call_id or not second.call_id or first.call_id == second.call_id:
        return False
    return _find_id_kind(first.call_id) == _find_id_kind(second.call_id)


def _find_id_kind(call_id: str) -> str:
    match = _ID_SHAPE.match(call_id)
    if match is None:
        return ""
    return match[0] if match[0].isalpha() and len(match[0]) < len(call_id) else "uuid"


def is_call_span(span: CountedSpan) -> bool:
    """Whether the span reports a model call, as the counted span or as a duplicate."""
    return span.is_call or span.folded_into != ""


def is_log_entry(span: CountedSpan) -> bool:
    """Whether the span is an entry of the provider's log; its id is derived from the id of the call."""
    return span.call_id != "" and span.span_id == derive_id("span", span.call_id, 16)


def rate_similarity(outer: CountedSpan, inner: CountedSpan, distance: int) -> int:
    """Rate how likely `inner` reports the same call as `outer` above it.

    Returns:
        3 for the same usage, 2 for similar usage or a wrapper without usage with the same outcome, 1 for one with
        another outcome, 0 for different calls.
    """
    if distance == OTHER_WORK_BETWEEN or have_different_ids(outer, inner):
        return 0
    is_direct = distance == NOTHING_BETWEEN and outer.component == inner.component
    if not has_usage(outer):
        # A wrapper without usage adds nothing to the call inside it.
        return 1 + (outer.is_error == inner.is_error) if is_direct else 0
    if not has_usage(inner):
        # The inner span of a stream may have no usage; a failed one was an attempt of its own.
        return 1 if is_direct and not inner.is_error else 0
    if has_same_usage(outer, inner):
        return 3
    return 2 if distance == NOTHING_BETWEEN and _is_similar(outer, inner) else 0


def has_usage(span: CountedSpan) -> bool:
    return span.input_tokens is not None or span.output_tokens is not None


def sum_cached_tokens(span: CountedSpan) -> int:
    return (span.cache_read_tokens or 0) + (span.cache_write_tokens or 0)


def _list_input_counts(span: CountedSpan) -> set[int]:
    """The values the input count may take, with cached tokens included, or excluded."""
    count = span.input_tokens or 0
    read, cached = span.cache_read_tokens or 0, sum_cached_tokens(span)
    return {count, count + read, count + cached, count - read, count - cached}


def has_same_usage(first: CountedSpan, second: CountedSpan) -> bool:
    """Whether both report the same usage, compared where both have a value."""
    is_compared = False
    if first.input_tokens is not None and second.input_tokens is not None:
        if first.input_tokens not in _list_input_counts(
            second
        ) and second.input_tokens not in _list_input_counts(first):
            return False
        is_compared = True
    if first.output_tokens is not None and second.output_tokens is not None:
        if first.output_tokens != second.output_tokens:
            return False
        is_compared = True
    return is_compared


def _is_similar(outer: CountedSpan, inner: CountedSpan) -> bool:
    """Whether two spans of a model, one inside the other, differ only in how they count.

    One may include cached or reasoning tokens, or estimate: then the other side of the usage is the same, or both are
    close. The model must be the same too, and the inner span must fill at least half of the outer span's time.
    """
    if outer.component != inner.component:
        return False
    if outer.model and inner.model and not _is_same_model(outer.model, inner.model):
        return False
    # An unknown inner duration (-1) is never too short.
    is_short = 0 <= 2 * inner.duration_ns < outer.duration_ns
    if is_short or not overlap(outer, inner):
        return False
    pairs = [
        (outer_tokens, inner_tokens)
        for outer_tokens, inner_tokens in (
            (outer.input_tokens, inner.input_tokens),
            (outer.output_tokens, inner.output_tokens),
        )
        if outer_tokens is not None and inner_tokens is not None
    ]
    if any(first == second and first > 0 for first, second in pairs):
        return True
    return bool(pairs) and all(
        abs(first - second) <= _MAX_RELATIVE_DIFFERENCE * max(first, second) for first, second in pairs
    )


def _is_same_model(first: str, second: str) -> bool:
    """Whether one name is the other with a vendor, region, date or version added."""
    shorter, longer = sorted((first.lower(), second.lower()), key=len)
    prefix, match, suffix = longer.partition(shorter)
    return bool(match) and (not prefix or prefix[-1] in "./:") and _VERSION.match(suffix) is not None


def overlap(first: CountedSpan, second: CountedSpan) -> bool:
    """Whether the two run at the same time, if only for an instant; an unknown duration counts as 0."""
    return first.start_ns <= second.start_ns + max(
        0, second.duration_ns
    ) and second.start_ns <= first.start_ns + max(0, first.duration_ns)


def is_sum(roll_up: CountedSpan, parts: Sequence[CountedSpan]) -> bool:
    """Whether `roll_up` reports the usage of all `parts` together."""
    output_tokens = sum(part.output_tokens or 0 for part in parts)
    if roll_up.output_tokens is not None and roll_up.output_tokens != output_tokens:
        return False
    if roll_up.input_tokens is None:
        return roll_up.output_tokens is not None and output_tokens > 0
    input_tokens = sum(part.input_tokens or 0 for part in parts)
    cached = sum(sum_cached_tokens(part) for part in parts)
    return roll_up.input_tokens in (input_tokens, input_tokens - cached, input_tokens + cached)
