"""Unknown durations: stored as -1, which no clock gives, so that they never count as fast."""

from __future__ import annotations

UNKNOWN_NS = -1
"""`duration_ns` of a span or request that has ended, with unknown duration."""


def is_known(duration_ns: int | None) -> bool:
    """Whether this is a duration; None (not ended) and `UNKNOWN_NS` are not."""
    return duration_ns is not None and duration_ns >= 0


def to_milliseconds(duration_ns: int | None) -> float | None:
    """Convert to milliseconds; None when the duration is unknown."""
    return duration_ns / 1e6 if duration_ns is not None and duration_ns >= 0 else None
