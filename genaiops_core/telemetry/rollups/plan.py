"""Which rollup to read for which part of a window, so that the result is exact and few cells are read.

Ingest marks an hour dirty in the transaction that changes its minutes; closing deletes the marks in the transaction
that recomputes `rollup_hour` (and, when an ended day has no mark left, `rollup_day`) from the minutes. Hence at any
moment an hour without a mark is correct in `rollup_hour`, a day without a mark is correct in `rollup_day`, a range
without cells had no traffic, and `rollup_minute` is always correct.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MINUTES_PER_HOUR = 60
MINUTES_PER_DAY = 1440

Range = tuple[int, int]
"""First bucket included, first bucket excluded."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Ranges of buckets by rollup, in the unit of that rollup; together they cover the window exactly once."""

    days: tuple[Range, ...]
    hours: tuple[Range, ...]
    minutes: tuple[Range, ...]


def make_plan(
    start_minute: int, end_minute: int, dirty_hours: Iterable[int], *, step_minutes: int | None
) -> Plan:
    """Cover [start, end) with the coarsest rollups that are correct and fine enough.

    Args:
        start_minute: first minute included.
        end_minute: first minute excluded.
        dirty_hours: hours whose minutes changed since they were closed; hours outside the window matter only
            on its first and last day.
        step_minutes: the resolution of the result; None when time is not part of the grouping.
    """
    if step_minutes is not None and step_minutes % MINUTES_PER_HOUR:
        return Plan(days=(), hours=(), minutes=((start_minute, end_minute),))
    # Only hours that lie in the window as a whole: rounded up at the start, down at the end.
    first_hour, last_hour = -(-start_minute // MINUTES_PER_HOUR), end_minute // MINUTES_PER_HOUR
    if first_hour >= last_hour:
        return Plan(days=(), hours=(), minutes=((start_minute, end_minute),))
    dirty = sorted(set(dirty_hours))
    days: Sequence[Range] = ()
    if step_minutes is None or step_minutes % MINUTES_PER_DAY == 0:
        first_day, last_day = -(-first_hour // 24), last_hour // 24
        days = _find_gaps(first_day, last_day, sorted({hour // 24 for hour in dirty}))
    hours: list[Range] = []
    position = first_hour
    for first, last in days:
        hours += _find_gaps(position, first * 24, dirty)
        position = last * 24
    hours += _find_gaps(position, last_hour, dirty)
    # In order of time, as `_merge_ranges` requires: before the first hour, the dirty hours, after the last hour.
    minutes = [
        (start_minute, first_hour * MINUTES_PER_HOUR),
        *(
            (hour * MINUTES_PER_HOUR, (hour + 1) * MINUTES_PER_HOUR)
            for hour in dirty
            if first_hour <= hour < last_hour
        ),
        (last_hour * MINUTES_PER_HOUR, end_minute),
    ]
    return Plan(days=tuple(days), hours=tuple(hours), minutes=tuple(_merge_ranges(minutes)))


def _find_gaps(first: int, last: int, excluded: Sequence[int]) -> list[Range]:
    """The ranges of [first, last) without the sorted buckets `excluded`."""
    ranges: list[Range] = []
    for bucket in excluded:
        if first <= bucket < last:
            if bucket > first:
                ranges.append((first, bucket))
            first = bucket + 1
    if first < last:
        ranges.append((first, last))
    return ranges


def _merge_ranges(ranges: Iterable[Range]) -> list[Range]:
    """Drop empty ranges and merge adjacent ones; `ranges` is sorted."""
    merged: list[Range] = []
    for first, last in ranges:
        if first >= last:
            continue
        if merged and merged[-1][1] == first:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return merged
