"""The filters of screens and reads: a window of time, and one value or all of each dimension."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from genaiops_core import clock
from genaiops_core.errors import BadInput

WINDOWS: Mapping[str, dt.timedelta] = MappingProxyType(
    {
        "1h": dt.timedelta(hours=1),
        "6h": dt.timedelta(hours=6),
        "24h": dt.timedelta(hours=24),
        "7d": dt.timedelta(days=7),
        "30d": dt.timedelta(days=30),
    }
)
"""The windows that screens offer, by their name in URLs."""

STEPS: Mapping[str, int] = MappingProxyType({"1m": 1, "5m": 5, "15m": 15, "1h": 60, "6h": 360, "1d": 1440})
"""Steps of a series by name, in minutes."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MINUTE = dt.timedelta(minutes=1)
_MICROSECOND = dt.timedelta(microseconds=1)
LAST_MINUTE = 2**31 - 1
"""Buckets are 32-bit integers: the year 6053."""
_LAST_NS = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Filters:
    """A half-open window of time and, for each dimension, one value or None for all of them.

    Both bounds are exact. Rollups have one cell per minute; `rollups.edges` reads the minutes that a window cuts.

    Raises:
        BadInput: a time has no time zone, or `end` is not after `start`.
    """

    start: dt.datetime
    """First instant included, aware."""
    end: dt.datetime
    """First instant excluded, aware."""
    application: str | None = None
    environment: str | None = None
    release: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("start", self.start), ("end", self.end)):
            if value.tzinfo is None:
                raise BadInput(
                    f"The {name} {value.isoformat()} has no time zone; add Z or an offset such as +02:00."
                )
        if self.end <= self.start:
            raise BadInput(
                f"The window ends ({self.end.isoformat()}) before it starts ({self.start.isoformat()}); swap them."
            )
        # The class is frozen; only this method may replace the bounds. `astimezone` would overflow near the year 1.
        object.__setattr__(self, "start", _EPOCH + (self.start - _EPOCH))
        object.__setattr__(self, "end", _EPOCH + (self.end - _EPOCH))

    @classmethod
    def last(
        cls,
        window: str,
        *,
        now: dt.datetime | None = None,
        application: str | None = None,
        environment: str | None = None,
        release: str | None = None,
        model: str | None = None,
    ) -> Filters:
        """Build the window that ends now and begins at the start of a series step.

        So a window is up to one step (`suggest_step`) longer than its name: the first bar of a chart is
        complete, and that end needs no minute cells.

        Args:
            window: one of `WINDOWS`.
            now: the end; the clock's by default.
            application: one application, None for all; the other dimensions likewise.
            environment: as above.
            release: as above.
            model: as above.

        Raises:
            BadInput: the window is not one of `WINDOWS`.
        """
        if window not in WINDOWS:
            raise BadInput(f"There is no window '{window}'; use one of {', '.join(WINDOWS)}.")
        end = from_minute(_to_end_minute(now or clock.now()))
        step = STEPS[suggest_step(WINDOWS[window])]
        return cls(
            start=from_minute(to_minute(end - WINDOWS[window]) // step * step),
            end=end,
            application=application,
            environment=environment,
            release=release,
            model=model,
        )

    def previous(self) -> Filters:
        """Build the window of the same length just before this one."""
        return replace(self, start=self.start - (self.end - self.start), end=self.start)

    def extend_to_minutes(self) -> Filters:
        """Build the shortest window of whole minutes that includes this one: rollups answer it without rows."""
        return replace(
            self, start=from_minute(to_minute(self.start)), end=from_minute(_to_end_minute(self.end))
        )

    def extend_to_hours(self) -> Filters:
        """Build the shortest window of whole hours that includes this one."""
        first, last = to_minute(self.start) // 60, -(-_to_end_minute(self.end) // 60)
        return replace(self, start=from_minute(first * 60), end=from_minute(last * 60))

    @property
    def starts_on_minute(self) -> bool:
        """Whether the start is the beginning of a minute; any start before 1970 counts as one."""
        return self.start <= _EPOCH or _is_on_minute(self.start)

    @property
    def ends_on_minute(self) -> bool:
        """Whether the end is the beginning of a minute; any end before 1970 counts as one."""
        return self.end <= _EPOCH or _is_on_minute(self.end)

    @property
    def start_minute(self) -> int:
        """First minute of which a part is included, in minutes since the Unix epoch."""
        return _clamp(to_minute(self.start), LAST_MINUTE)

    @property
    def end_minute(self) -> int:
        """First minute of which no part is included, in minutes since the Unix epoch."""
        return _clamp(_to_end_minute(self.end), LAST_MINUTE)

    @property
    def start_ns(self) -> int:
        """The start in Unix nanoseconds."""
        return _clamp((self.start - _EPOCH) // _MICROSECOND * 1_000, _LAST_NS)

    @property
    def end_ns(self) -> int:
        """The end in Unix nanoseconds."""
        return _clamp((self.end - _EPOCH) // _MICROSECOND * 1_000, _LAST_NS)

    @property
    def dimensions(self) -> dict[str, str]:
        """The dimensions with one value, apart from the application."""
        dimensions = {"environment": self.environment, "release": self.release, "model": self.model}
        return {name: value for name, value in dimensions.items() if value is not None}


def suggest_step(length: dt.timedelta) -> str:
    """Suggest the step of a window: 1 h by 1 m, 6 h by 5 m, up to 7 days by 1 h, longer by 1 d."""
    if length <= dt.timedelta(hours=2):
        return "1m"
    if length <= dt.timedelta(hours=12):
        return "5m"
    return "1h" if length <= dt.timedelta(days=8) else "1d"


def to_minute(to_instant: dt.datetime) -> int:
    """Whole minutes since the Unix epoch."""
    return (to_instant - _EPOCH) // _MINUTE


def from_minute(minute: int) -> dt.datetime:
    """The aware instant at which a minute begins."""
    return _EPOCH + minute * _MINUTE


def to_instant(start_ns: int) -> dt.datetime:
    """Convert Unix nanoseconds to an aware instant, to the microsecond."""
    # Seconds and microseconds apart: one float of seconds has no room for microseconds.
    return dt.datetime.fromtimestamp(start_ns // 1_000_000_000, dt.UTC) + dt.timedelta(
        microseconds=start_ns % 1_000_000_000 // 1_000
    )


def _to_end_minute(end: dt.datetime) -> int:
    """The first minute, since the Unix epoch, that begins at `end` or later."""
    # Negated twice: floor division rounds down, so this rounds up.
    return -((_EPOCH - end) // _MINUTE)


def _is_on_minute(instant: dt.datetime) -> bool:
    return instant.second == 0 and instant.microsecond == 0


# A bound outside the range of the column would be an error of PostgreSQL instead of an empty result.
def _clamp(value: int, highest: int) -> int:
    return min(max(value, 0), highest)
