"""The chart of intervals."""

from __future__ import annotations

import dataclasses

import pytest

from pages.parts.charts.interval_chart import Interval, build_interval_chart

PLAIN = Interval(name="plain", mean=0.8, low=0.7, high=0.9, low_bounded=0.7, high_bounded=0.9)
BOUNDED = dataclasses.replace(PLAIN, name="bounded", low_bounded=0.6, high_bounded=0.95, threshold=0.75)


def build_traces(*rows: Interval) -> dict[str, object]:
    return {trace.name: trace for trace in build_interval_chart(rows).data}


def test_bounds_and_thresholds_are_drawn_where_present() -> None:
    assert set(build_traces(PLAIN)) == {"interval", "mean"}
    drawn_traces = build_traces(PLAIN, BOUNDED)
    assert list(drawn_traces["threshold"].x) == [0.75]  # type: ignore[attr-defined]
    grey = drawn_traces["unscored cases at their worst and best"]
    # From below: the first row stands on top.
    assert list(grey.x) == [0.6, 0.95, None, 0.7, 0.9, None]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.51, 0.69), (0.98, 1.0)])
def test_ticks_are_round_and_few(low: float, high: float) -> None:
    row = dataclasses.replace(PLAIN, mean=low, low=low, high=high, low_bounded=low, high_bounded=high)
    ticks = build_interval_chart([row]).layout.xaxis.ticktext
    assert 2 <= len(ticks) <= 8 and all(len(text) <= 4 for text in ticks)


def test_names_are_text_in_the_figure() -> None:
    assert "<b>" not in str(build_interval_chart([dataclasses.replace(PLAIN, name="<b>bold</b>")]).to_dict())
