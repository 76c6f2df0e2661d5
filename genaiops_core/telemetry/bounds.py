"""Limits for spans with extreme values: a value beyond its limit is cut or unknown, with a note, and the span is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from genaiops_core.telemetry.durations import UNKNOWN_NS
from genaiops_core.telemetry.otlp.values import limit_integer

MAX_VALUE_CHARACTERS = 256 * 1024
"""Longest stored attribute value; a prompt of 60,000 tokens fits."""
MAX_ATTRIBUTES = 1_000
"""Stored attributes of one span, event, link or log record."""
MAX_EVENTS = 1_000
"""Stored events, and stored links, of one span."""

MAX_DURATION_NS = 31 * 86_400 * 1_000_000_000
"""A longer duration is a clock error at one end, and unknown."""
_EARLIEST_NS = 1_420_070_400 * 1_000_000_000
"""2015-01-01, before OpenTelemetry existed."""
_MAX_AHEAD_NS = 86_400 * 1_000_000_000


def measure_duration_ns(start_ns: int, end_ns: int, notes: list[str]) -> int:
    """Measure how long a span took; `UNKNOWN_NS` where its clock is wrong."""
    duration = end_ns - start_ns
    if duration < 0:
        notes.append(f"it ended {-duration / 1e9:g} s before it started; its duration counts as unknown")
        return UNKNOWN_NS
    if duration > MAX_DURATION_NS:
        notes.append(
            f"it took {duration / 86_400e9:.0f} days, over the limit; its duration counts as unknown"
        )
        return UNKNOWN_NS
    return duration


def check_clock(start_ns: int, received_ns: int, notes: list[str]) -> None:
    """Note a start far from the time of receipt; the span is stored, and counted, at its own time."""
    if start_ns < _EARLIEST_NS:
        notes.append("its start time is before 2015")
    elif start_ns > received_ns + _MAX_AHEAD_NS:
        ahead = (start_ns - received_ns) / 86_400e9
        notes.append(f"its clock was {ahead:.1f} days ahead of this server's clock")


def limit_attributes(sent: dict[str, Any], notes: list[str], location: str = "") -> dict[str, Any]:
    """Return `sent`, or a copy with long values cut and surplus attributes left out."""
    limited = sent
    if len(sent) > MAX_ATTRIBUTES:
        notes.append(f"{location}it had {len(sent)} attributes; the first {MAX_ATTRIBUTES} are kept")
        limited = dict(list(sent.items())[:MAX_ATTRIBUTES])
    for name, value in limited.items():
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
        # Resources are shared by many spans, so the received object is never changed.
        if limited is sent:
            limited = dict(sent)
        limited[name] = text[:MAX_VALUE_CHARACTERS]
        notes.append(
            f"{location}attribute {name[:100]!r} had {len(text)} characters; the first {MAX_VALUE_CHARACTERS} are kept"
        )
    return limited


def limit_events(kind: str, sent: Sequence[dict[str, Any]], notes: list[str]) -> Sequence[dict[str, Any]]:
    """Return the first `MAX_EVENTS` events or links, with limited attributes."""
    if len(sent) > MAX_EVENTS:
        notes.append(f"it had {len(sent)} {kind}s; the first {MAX_EVENTS} are kept")
    return [
        {**event, "attributes": limit_attributes(event["attributes"], notes, f"{kind} {number}: ")}
        for number, event in enumerate(sent[:MAX_EVENTS])
    ]


def to_json(value: Any) -> bytes:
    """Encode received values as JSON; what JSON or 64 bits cannot hold becomes text instead of an error."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # Rare, and slower: the encoder does not tell which value it refuses.
        return orjson.dumps(_make_storable(value), default=str, option=orjson.OPT_NON_STR_KEYS)


def _make_storable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_make_storable(name): _make_storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_make_storable(inner) for inner in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return limit_integer(value)
