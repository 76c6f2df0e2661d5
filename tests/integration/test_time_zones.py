"""Breakdowns by the hours, days and weeks of a time zone."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.rollups.closing import close_hours
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.calendar import find_zone, split_window
from genaiops_core.telemetry.traffic.queries import read_breakdown, read_summary
from tests.otlp_samples import call, export


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def send_half_hourly(engine: sa.Engine, first: str, count: int) -> None:
    start_ns = int(at(first).timestamp()) * 10**9
    spans = [
        call(1, trace=number + 1, tokens=(100 + number, 10), start_ns=start_ns + number * 1_800 * 10**9)
        for number in range(count)
    ]
    ingest(engine, decode_json(json.dumps(export(*spans)).encode()))


def break_down(engine: sa.Engine, window: Filters, by: str, zone: str) -> dict[str | None, tuple[int, int]]:
    with reading(engine) as connection:
        rows = read_breakdown(connection, window, (by,), time_zone=zone)
    return {row.keys[by]: (row.figures.calls, row.figures.input_tokens) for row in rows}


@pytest.mark.parametrize("closes", [False, True])
def test_local_days_add_up_to_the_window(engine: sa.Engine, closes: bool) -> None:
    send_half_hourly(engine, "2026-11-27T18:00:00Z", 120)
    if closes:
        close_hours(engine, at("2026-12-02T00:00:00Z"))
    window = Filters(start=at("2026-11-27T00:00:00Z"), end=at("2026-12-01T00:00:00Z"))
    # Midnight at +05:30 is 18:30 UTC; token sums are of 100 + i.
    days = {
        "2026-11-27": (1, 100),
        "2026-11-28": (48, sum(range(101, 149))),
        "2026-11-29": (48, sum(range(149, 197))),
        "2026-11-30": (23, sum(range(197, 220))),
    }
    assert break_down(engine, window, "day", "Asia/Kolkata") == days
    assert (days["2026-11-28"][1], days["2026-11-29"][1], days["2026-11-30"][1]) == (5976, 8280, 4784)
    with reading(engine) as connection:
        summary = read_summary(connection, window)
        for key, (calls, tokens) in days.items():
            day = at(f"{key}T00:00:00+05:30")
            one_day = read_summary(connection, Filters(start=day, end=day + dt.timedelta(days=1)))
            assert (one_day.calls, one_day.input_tokens) == (calls, tokens)
    assert (summary.calls, summary.input_tokens) == (120, 19140)
    assert sum(calls for calls, _ in break_down(engine, window, "day", "UTC").values()) == 120
    assert break_down(engine, window, "week", "Asia/Kolkata") == {
        "2026-11-23": (97, 100 + 5976 + 8280),
        "2026-11-30": (23, 4784),
    }
    assert set(break_down(engine, window, "week", "UTC")) == {"2026-11-23", "2026-11-30"}


def test_hours_are_named_with_their_offset(engine: sa.Engine) -> None:
    send_half_hourly(engine, "2026-11-27T18:00:00Z", 3)
    window = Filters(start=at("2026-11-27T18:00:00Z"), end=at("2026-11-27T20:00:00Z"))
    assert break_down(engine, window, "hour", "Asia/Kolkata") == {
        "2026-11-27T23:00:00+05:30": (1, 100),
        "2026-11-28T00:00:00+05:30": (2, 203),
    }
    assert break_down(engine, window, "hour", "UTC") == {
        "2026-11-27T18:00:00Z": (2, 201),
        "2026-11-27T19:00:00Z": (1, 102),
    }


def test_days_of_a_change_of_clocks_have_23_and_25_hours() -> None:
    zone = find_zone("Europe/Berlin")
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)):
        start = at(f"{day}T00:00:00").replace(tzinfo=zone)
        window = Filters(start=start, end=start + dt.timedelta(days=1))
        (part,) = split_window(window, "day", zone)
        assert part[0] == day
        names = [name for name, _ in split_window(window, "hour", zone)]
        assert len(set(names)) == len(names) == hours
        windows = [piece for _, piece in split_window(window, "hour", zone)]
        assert all(piece.end - piece.start == dt.timedelta(hours=1) for piece in windows)


def test_midnight_that_does_not_exist_is_passed() -> None:
    # Clocks in Cairo went from 00:00 to 01:00 on 2026-04-24.
    zone = find_zone("Africa/Cairo")
    window = Filters(start=at("2026-04-22T22:00:00Z"), end=at("2026-04-25T21:00:00Z"))
    assert [name for name, _ in split_window(window, "day", zone)] == [
        "2026-04-23",
        "2026-04-24",
        "2026-04-25",
    ]


def test_unknown_zone_and_too_many_parts_are_refused(engine: sa.Engine) -> None:
    window = Filters(start=at("2026-01-01T00:00:00Z"), end=at("2026-12-01T00:00:00Z"))
    for zone in ("Mars/Base", "../etc/passwd", "", "a" * 500):
        with pytest.raises(BadInput, match="is not a known time zone"):
            break_down(engine, window, "day", zone)
    with pytest.raises(BadInput, match="more than 1000 parts by hour"):
        break_down(engine, window, "hour", "Asia/Kolkata")
    with pytest.raises(BadInput, match="one of hour, day and week"), reading(engine) as connection:
        read_breakdown(connection, window, ("day", "week"))
