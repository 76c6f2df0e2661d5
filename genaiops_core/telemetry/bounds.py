"""What is kept of spans that no honest sender would send: cut or left open, with a note, instead of lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from genaiops_core.telemetry.durations import UNKNOWN_NS

MAX_VALUE_CHARACTERS = 256 * 1024
"""Longest attribute value kept; a prompt of 60,000 tokens fits."""
MAX_ATTRIBUTES = 1_000
"""Attributes kept of one span, event, link or log record."""
MAX_EVENTS = 1_000
"""Events, and links, kept of one span."""

MAX_DURATION_NS = 31 * 86_400 * 1_000_000_000
"""A longer duration is taken for a clock that was wrong at one end."""
_EARLIEST_NS = 1_420_070_400 * 1_000_000_000
"""2015-01-01, before any of this was sent."""
_MAX_AHEAD_NS = 86_400 * 1_000_000_000


def measure_duration_ns(start_ns: int, end_ns: int, notes: list[str]) -> int:
    """How long a span took, or `UNKNOWN_NS` where its clock cannot have been right."""
    took = end_ns - start_ns
    if took < 0:
        notes.append(f"it ended {-took / 1e9:g} s before it started; how long it took counts as unknown")
        return UNKNOWN_NS
    if took > MAX_DURATION_NS:
        notes.append(f"it took {took / 86_400e9:.0f} days, which cannot be; it counts as unknown")
        return UNKNOWN_NS
    return took


def check_clock(start_ns: int, received_ns: int, notes: list[str]) -> None:
    """Note a start that is far from the time the span was received; it is kept, and counted, where it says."""
    if start_ns < _EARLIEST_NS:
        notes.append("its clock says a time before 2015")
    elif start_ns > received_ns + _MAX_AHEAD_NS:
        ahead = (start_ns - received_ns) / 86_400e9
        notes.append(f"its clock was {ahead:.1f} days ahead of this server's when it came")


def limit_attributes(sent: dict[str, Any], notes: list[str], where: str = "") -> dict[str, Any]:
    """`sent`, or a copy in which what is too long is cut and what is too many is left out."""
    kept = sent
    if len(sent) > MAX_ATTRIBUTES:
        notes.append(f"{where}it had {len(sent)} attributes; the first {MAX_ATTRIBUTES} are kept")
        kept = dict(list(sent.items())[:MAX_ATTRIBUTES])
    for name, value in kept.items():
        kind = type(value)
        if kind is str:
            if len(value) <= MAX_VALUE_CHARACTERS:
                continue
            text = value
        elif kind is list or kind is dict:
            text = to_json(value).decode()
            if len(text) <= MAX_VALUE_CHARACTERS:
                continue
        else:
            continue
        if kept is sent:
            kept = dict(sent)
        kept[name] = text[:MAX_VALUE_CHARACTERS]
        notes.append(
            f"{where}attribute {name[:100]!r} had {len(text)} characters; the first {MAX_VALUE_CHARACTERS} are kept"
        )
    return kept


def limit_events(what: str, sent: Sequence[dict[str, Any]], notes: list[str]) -> Sequence[dict[str, Any]]:
    """Events or links with their attributes bounded; the first `MAX_EVENTS` of them."""
    if len(sent) > MAX_EVENTS:
        notes.append(f"it had {len(sent)} {what}s; the first {MAX_EVENTS} are kept")
    return [
        {**one, "attributes": limit_attributes(one["attributes"], notes, f"{what} {number}: ")}
        for number, one in enumerate(sent[:MAX_EVENTS])
    ]


def to_json(value: Any) -> bytes:
    """JSON of what senders sent; numbers beyond 64 bits become text rather than an error."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
