"""Summaries, breakdowns and series equal brute force over the rows, whichever hours and days are closed."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.tables.telemetry import application, dirty_hour, rollup_day, rollup_hour, rollup_minute
from db.transaction import reading, writing
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.rollups.applications import fetch_filter_options
from genaiops_core.telemetry.rollups.closing import close_hours
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import queries, series
from tests.integration.traffic import DAY, Call, nearest_rank_ms, sums_of, write_calls

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
SPAN_MINUTES = 3 * 1440
ROUNDING_MS = 0.0005
"""Figures are shown to the microsecond, which is added to the 1 % of the histogram."""

minutes = st.one_of(st.integers(0, SPAN_MINUTES), st.integers(0, 3 * 24).map(lambda hour: hour * 60))
calls = st.builds(
    Call,
    at=minutes.map(lambda minute: DAY + minute * MINUTE + dt.timedelta(seconds=7)),
    application=st.sampled_from(["shop", "desk"]),
    release=st.sampled_from(["r1", "r2"]),
    model=st.sampled_from(["m1", "m2", ""]),
    duration_ns=st.integers(1_000_000, 60_000_000_000),
    is_error=st.booleans(),
    cost_nano_usd=st.one_of(st.none(), st.integers(0, 10**12)),
)
writes = st.tuples(st.lists(calls, min_size=1, max_size=6), st.integers(0, 2))
closes = minutes.map(lambda minute: DAY + minute * MINUTE)
histories = st.lists(st.one_of(writes, closes), min_size=1, max_size=10)
windows = st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1]).map(sorted)


def delete_rollups(connection: sa.Connection) -> None:
    for table in (rollup_minute, rollup_hour, rollup_day, dirty_hour, application):
        connection.execute(table.delete())


def assert_figures(actual: Figures, expected: list[Call]) -> None:
    for name, value in sums_of(expected).items():
        assert getattr(actual, name) == value, name
    for latency, is_included in (
        (actual.latency_ms, lambda _: True),
        (actual.call_latency_ms, lambda call: bool(call.model)),
    ):
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            exact = nearest_rank_ms(expected, share, is_included)
            assert latency[name] == (
                None if exact is None else pytest.approx(exact, rel=0, abs=0.01 * exact + ROUNDING_MS)
            )


def assert_reads(connection: sa.Connection, written: list[Call], filters: Filters) -> None:
    inside = [
        call
        for call in written
        if filters.start <= call.at < filters.end and filters.application in (None, call.application)
    ]
    assert_figures(queries.read_summary(connection, filters), inside)
    by_model_day: dict[tuple[Any, ...], list[Call]] = defaultdict(list)
    by_hour: dict[Any, list[Call]] = defaultdict(list)
    for call in inside:
        if call.model:
            by_model_day[call.model, call.at.date().isoformat()].append(call)
        by_hour[call.at.replace(minute=0, second=0)].append(call)
    rows = queries.read_breakdown(connection, filters, ("model", "day"))
    assert {tuple(row.keys.values()) for row in rows} == set(by_model_day)
    for row in rows:
        assert_figures(row.figures, by_model_day[tuple(row.keys.values())])
    points = series.read_series(connection, filters, "1h")
    assert [point.start for point in points] == sorted(by_hour)
    for point in points:
        assert_figures(point.figures, by_hour[point.start])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories, window=windows, name=st.sampled_from([None, "shop"]))
def test_reads_equal_brute_force_after_any_closings(
    engine: sa.Engine, history: list[Any], window: list[int], name: str | None
) -> None:
    with writing(engine) as connection:
        delete_rollups(connection)
    written: list[Call] = []
    for event in history:
        if isinstance(event, dt.datetime):
            close_hours(engine, event)
        else:
            with writing(engine) as connection:
                write_calls(connection, event[0], shard=event[1])
            written += event[0]
    filters = Filters(start=DAY + window[0] * MINUTE, end=DAY + window[1] * MINUTE, application=name)
    everything = Filters(start=DAY - HOUR, end=DAY + SPAN_MINUTES * MINUTE + HOUR, application=name)
    with reading(engine) as connection:
        assert_reads(connection, written, filters)
        assert_reads(connection, written, everything)
        assert fetch_filter_options(connection).releases == tuple(sorted({call.release for call in written}))
    # Much later everything is closed, and every read is the same.
    close_hours(engine, DAY + dt.timedelta(days=10))
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(dirty_hour)) == 0
        assert_reads(connection, written, filters)
        assert_reads(connection, written, everything)


def test_closed_days_are_read_from_day_cells_only(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY + hour * HOUR) for hour in range(48)])
    report = close_hours(engine, DAY + dt.timedelta(days=2, minutes=3))
    assert (report.hours, report.days) == (48, 2)
    with writing(engine) as connection:
        # Without minutes and hours every read must come from the days.
        connection.execute(rollup_minute.delete())
        connection.execute(rollup_hour.delete())
    with reading(engine) as connection:
        filters = Filters(start=DAY, end=DAY + dt.timedelta(days=2))
        assert queries.read_summary(connection, filters).calls == 48
        assert len(queries.read_breakdown(connection, filters, ("day",))) == 2


def test_hour_is_closed_two_minutes_after_its_end(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY)])
    assert close_hours(engine, DAY + HOUR + MINUTE).hours == 0
    assert close_hours(engine, DAY + HOUR + 2 * MINUTE).hours == 1


def test_day_is_closed_only_after_its_end(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY + HOUR)])
    assert close_hours(engine, DAY + 3 * HOUR).days == 0
    assert close_hours(engine, DAY + 25 * HOUR).days == 1
    with reading(engine) as connection:
        assert connection.scalar(sa.select(rollup_day.c.calls)) == 1


def test_late_call_reopens_a_closed_day(engine: sa.Engine) -> None:
    filters = Filters(start=DAY, end=DAY + dt.timedelta(days=1))
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY + hour * HOUR) for hour in range(24)])
    close_hours(engine, DAY + dt.timedelta(days=2))
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY + 5 * HOUR)], shard=3)
    for _ in range(2):
        with reading(engine) as connection:
            assert queries.read_summary(connection, filters).calls == 25
        close_hours(engine, DAY + dt.timedelta(days=2))


def test_many_hours_are_closed_in_several_transactions(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY + hour * HOUR) for hour in range(130)])
    report = close_hours(engine, DAY + dt.timedelta(days=30))
    assert (report.hours, report.days) == (130, 6)
    with reading(engine) as connection:
        assert queries.read_summary(connection, Filters(start=DAY, end=DAY + 130 * HOUR)).calls == 130


def test_calls_of_an_unknown_model_have_their_own_row(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY, model="m1"), Call(at=DAY, model="")])
    filters = Filters(start=DAY, end=DAY + HOUR)
    with reading(engine) as connection:
        assert [row.keys for row in queries.read_breakdown(connection, filters, ("model",))] == [
            {"model": "m1"}
        ]
    with writing(engine) as connection:
        connection.execute(rollup_minute.update().where(rollup_minute.c.model == "").values(calls=1))
    with reading(engine) as connection:
        rows = queries.read_breakdown(connection, filters, ("model",))
        assert [row.keys for row in rows] == [{"model": "m1"}, {"model": None}]
        assert rows[1].figures.calls == 1
