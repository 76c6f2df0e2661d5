"""Hours, days and weeks of a time zone: the parts of a window, and how each is written."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.time_window import Filters

UTC = "UTC"
MAX_PERIODS = 1_000
"""Hours, days or weeks in one answer, each of which is read by itself."""

_HOUR = dt.timedelta(hours=1)
_DAY = dt.timedelta(days=1)


def find_zone(name: str) -> dt.tzinfo:
    """Find a time zone by its IANA name.

    Raises:
        BadInput: there is no such zone.
    """
    if name == UTC:
        return dt.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(
            f"'{name[:100]}' is not a known time zone; write an IANA name such as Europe/Berlin or Asia/Kolkata."
        ) from None


def split_window(filters: Filters, period: str, zone: dt.tzinfo) -> Iterator[tuple[str, Filters]]:
    """Split a window into the hours, days or weeks of a time zone.

    A day of a change of clocks has 23 or 25 hours; a week begins on Monday. The first and the last part are cut off by
    the window.

    Args:
        filters: the window and its dimensions.
        period: one of `PERIODS`.
        zone: see `find_zone`.

    Yields:
        The name of each part and its window, in order of time.

    Raises:
        BadInput: the window has more than `MAX_PERIODS` parts.
    """
    begin_period, begin_next, format_period = PERIODS[period]
    start = filters.start
    for _ in range(MAX_PERIODS):
        first = begin_period(start.astimezone(zone))
        end = min(begin_next(first).astimezone(dt.UTC), filters.end)
        yield format_period(first), replace(filters, start=start, end=end)
        if end >= filters.end:
            return
        start = end
    raise BadInput(
        f"The window has more than {MAX_PERIODS} parts by {period}; use a shorter window or longer parts."
    )


def _begin_day(instant: dt.datetime) -> dt.datetime:
    return instant.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def _begin_week(instant: dt.datetime) -> dt.datetime:
    return _begin_day(instant - instant.weekday() * _DAY)


def _begin_hour(instant: dt.datetime) -> dt.datetime:
    return instant.replace(minute=0, second=0, microsecond=0)


def _begin_next_hour(first: dt.datetime) -> dt.datetime:
    # In UTC: local arithmetic would skip or repeat the hour of a change of clocks.
    return (first.astimezone(dt.UTC) + _HOUR).astimezone(first.tzinfo)


def _format_day(first: dt.datetime) -> str:
    return first.date().isoformat()


def _format_hour(first: dt.datetime) -> str:
    return first.isoformat().replace("+00:00", "Z")


PERIODS: Mapping[
    str,
    tuple[
        Callable[[dt.datetime], dt.datetime],
        Callable[[dt.datetime], dt.datetime],
        Callable[[dt.datetime], str],
    ],
] = {
    "hour": (_begin_hour, _begin_next_hour, _format_hour),
    "day": (_begin_day, lambda first: first + _DAY, _format_day),
    "week": (_begin_week, lambda first: first + 7 * _DAY, _format_day),
}
"""Period -> its start before an instant, the start of the next one, and how it is written."""
