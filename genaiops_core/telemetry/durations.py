"""A duration that nobody told: kept as a number no clock can give, so that it is never taken for a quick answer."""

from __future__ import annotations

UNKNOWN_NS = -1
"""`duration_ns` of a span or request that happened, but nobody said how long it took."""


def is_known(duration_ns: int | None) -> bool:
    """Whether this is a duration; None (its end has not come) and `UNKNOWN_NS` are not."""
    return duration_ns is not None and duration_ns >= 0


def to_milliseconds(duration_ns: int | None) -> float | None:
    """The duration in milliseconds, or None when it is not known."""
    return duration_ns / 1e6 if duration_ns is not None and duration_ns >= 0 else None
