"""The chart of intervals: what is drawn, and what is not."""

from __future__ import annotations

import dataclasses

import pytest

from pages.parts.charts.interval_chart import Interval, intervals

PLAIN = Interval(name="plain", mean=0.8, low=0.7, high=0.9, low_bounded=0.7, high_bounded=0.9)
BOUNDED = dataclasses.replace(PLAIN, name="bounded", low_bounded=0.6, high_bounded=0.95, threshold=0.75)


def traces(*rows: Interval) -> dict[str, object]:
    return {trace.name: trace for trace in intervals(rows).data}


def test_what_is_missing_and_what_was_asked_are_drawn_where_there_is_some() -> None:
    assert set(traces(PLAIN)) == {"interval", "mean"}
    found = traces(PLAIN, BOUNDED)
    assert list(found["asked for"].x) == [0.75]  # type: ignore[attr-defined]
    grey = found["cases without a value at their worst and best"]
    # From below: the first row stands on top.
    assert list(grey.x) == [0.6, 0.95, None, 0.7, 0.9, None]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.51, 0.69), (0.98, 1.0)])
def test_ticks_are_round_and_few(low: float, high: float) -> None:
    row = dataclasses.replace(PLAIN, mean=low, low=low, high=high, low_bounded=low, high_bounded=high)
    ticks = intervals([row]).layout.xaxis.ticktext
    assert 2 <= len(ticks) <= 8 and all(len(text) <= 4 for text in ticks)


def test_names_are_text_in_the_figure() -> None:
    assert "<b>" not in str(intervals([dataclasses.replace(PLAIN, name="<b>bold</b>")]).to_dict())
