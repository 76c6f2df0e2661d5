"""Time windows: whole minutes, time zones, start before end."""

from __future__ import annotations

import datetime as dt

import pytest

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.figures import format_usd
from genaiops_core.telemetry.time_window import Filters, to_instant

NOW = dt.datetime(2026, 1, 5, 14, 48, 30, tzinfo=dt.UTC)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def test_bounds_inside_a_minute_are_exact() -> None:
    filters = Filters(start=at("2026-01-05T10:00:59.9Z"), end=at("2026-01-05T10:02:00.001Z"))
    assert (filters.start, filters.end) == (at("2026-01-05T10:00:59.9Z"), at("2026-01-05T10:02:00.001Z"))
    minute_ns = int(at("2026-01-05T10:00:00Z").timestamp()) * 10**9
    assert (filters.start_ns - minute_ns, filters.end_ns - minute_ns) == (59_900_000_000, 120_001_000_000)
    assert filters.end_minute - filters.start_minute == 3
    assert not filters.starts_on_minute
    assert not filters.ends_on_minute


def test_window_is_extended_to_minutes_and_hours() -> None:
    filters = Filters(start=at("2026-01-05T10:00:59.9Z"), end=at("2026-01-05T10:02:00.1Z"), release="r1")
    by_minutes, by_hours = filters.extend_to_minutes(), filters.extend_to_hours()
    assert (by_minutes.start, by_minutes.end) == (at("2026-01-05T10:00:00Z"), at("2026-01-05T10:03:00Z"))
    assert (by_hours.start, by_hours.end) == (at("2026-01-05T10:00:00Z"), at("2026-01-05T11:00:00Z"))
    assert by_minutes.release == "r1"
    assert by_minutes.extend_to_minutes() == by_minutes
    assert by_hours.extend_to_hours() == by_hours


def test_time_offset_is_converted_to_utc() -> None:
    filters = Filters(start=at("2026-01-05T10:00+02:00"), end=at("2026-01-05T10:00Z"))
    assert filters.start == at("2026-01-05T08:00Z")
    assert filters.start.utcoffset() == dt.timedelta(0)


@pytest.mark.parametrize("end", [at("2026-01-05T10:00Z"), at("2026-01-05T09:00Z")])
def test_window_with_end_before_start_is_refused(end: dt.datetime) -> None:
    with pytest.raises(BadInput, match="swap"):
        Filters(start=at("2026-01-05T10:00Z"), end=end)


def test_time_without_time_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="no time zone"):
        Filters(start=dt.datetime(2026, 1, 5), end=NOW)


@pytest.mark.parametrize(
    ("window", "start"),
    [
        ("1h", "2026-01-05T13:49Z"),
        ("6h", "2026-01-05T08:45Z"),
        ("24h", "2026-01-04T14:00Z"),
        ("7d", "2025-12-29T14:00Z"),
        ("30d", "2025-12-06T00:00Z"),
    ],
)
def test_named_window_starts_at_a_step(window: str, start: str) -> None:
    filters = Filters.last(window, now=NOW, release="r1")
    assert (filters.start, filters.end) == (at(start), at("2026-01-05T14:49Z"))
    assert filters.dimensions == {"release": "r1"}
    assert filters.previous().end == filters.start
    assert filters.previous().end - filters.previous().start == filters.end - filters.start


def test_unknown_window_is_refused() -> None:
    with pytest.raises(BadInput, match="1h, 6h, 24h"):
        Filters.last("2w")


def test_extreme_times_do_not_overflow() -> None:
    filters = Filters(start=at("0001-01-01T00:00Z"), end=at("9999-12-31T00:00Z"))
    assert (filters.start_minute, filters.start_ns) == (0, 0)
    assert filters.end_minute < 2**31
    assert filters.end_ns < 2**63


def test_nanoseconds_are_converted_to_an_instant() -> None:
    assert to_instant(1_767_571_200_123_456_789) == at("2026-01-05T00:00:00.123456Z")


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (6_414_472_530, "6.41447253"),
        (0, "0"),
        (20_000_000_000, "20"),
        (1, "0.000000001"),
        (10**20, "100000000000"),
    ],
)
def test_money_is_an_exact_decimal(nano: int, text: str) -> None:
    assert format_usd(nano) == text
