"""Latency histograms of known durations."""

from __future__ import annotations

from collections.abc import Iterable

from db import histogram


def histogram_of(durations_ns: Iterable[int]) -> bytes:
    """A histogram of durations in nanoseconds."""
    return histogram.from_buckets([histogram.bucket_of(duration) for duration in durations_ns])
