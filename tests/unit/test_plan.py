"""The read plan: every minute of the window exactly once, never from a rollup that is not right."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.telemetry.rollups.plan import Plan, make_plan

minute = st.integers(0, 5 * 1440)
dirty = st.sets(st.integers(-2, 5 * 24 + 2), max_size=12)
steps = st.sampled_from([None, 1, 5, 15, 60, 360, 1440])


def list_minutes(plan: Plan) -> list[int]:
    ranges = [
        *plan.minutes,
        *((first * 60, last * 60) for first, last in plan.hours),
        *((first * 1440, last * 1440) for first, last in plan.days),
    ]
    return sorted(minute_number for first, last in ranges for minute_number in range(first, last))


@given(minute, minute, dirty, steps)
def test_plan_covers_window_exactly_once(start: int, end: int, hours: set[int], step: int | None) -> None:
    start, end = min(start, end), max(start, end) + 1
    plan = make_plan(start, end, hours, step_minutes=step)
    assert list_minutes(plan) == list(range(start, end))


@given(minute, minute, dirty, steps)
def test_dirty_hours_are_read_from_minutes(start: int, end: int, hours: set[int], step: int | None) -> None:
    plan = make_plan(min(start, end), max(start, end) + 1, hours, step_minutes=step)
    coarse = {hour for first, last in plan.hours for hour in range(first, last)}
    coarse |= {hour for first, last in plan.days for hour in range(first * 24, last * 24)}
    assert not coarse & hours


def test_closed_month_needs_one_range_per_rollup() -> None:
    # From 00:30 on day 0 to 10:10 on day 30; hour 10 of day 30 is the current one.
    plan = make_plan(30, 30 * 1440 + 610, {30 * 24 + 10}, step_minutes=None)
    assert plan.days == ((1, 30),)
    assert plan.hours == ((1, 24), (720, 730))
    assert plan.minutes == ((30, 60), (43800, 43810))


def test_dirty_hour_excludes_its_day_but_not_other_hours() -> None:
    plan = make_plan(0, 3 * 1440, {30}, step_minutes=1440)
    assert plan == Plan(days=((0, 1), (2, 3)), hours=((24, 30), (31, 48)), minutes=((1800, 1860),))


def test_steps_below_an_hour_read_minutes() -> None:
    assert make_plan(0, 600, (), step_minutes=5).minutes == ((0, 600),)
