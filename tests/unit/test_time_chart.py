"""What travels to the browser for a chart over time, and the colours and words of a trend."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from pages.parts.charts import plots, sparkline, time_chart

START = dt.datetime(2026, 11, 30, 10, tzinfo=dt.UTC)
START_MS = 1_796_032_800_000


def build_line(name: str, values: list[float | None], *, hours: int = 1) -> plots.Line:
    instants = [START + dt.timedelta(hours=hours * at) for at in range(len(values))]
    return plots.Line(name=name, at=instants, values=values)


def test_values_belong_to_instants_in_milliseconds() -> None:
    chart = plots.build_line_chart([build_line("a", [0.5, None, 0.25])], unit="s")
    encoded = time_chart.encode_chart(chart, "described")
    assert encoded["at"] == [START_MS, START_MS + 3_600_000, START_MS + 7_200_000]
    assert encoded["lines"] == [{"name": "a", "values": [0.5, None, 0.25], "is_dashed": False}]
    assert (encoded["alt"], encoded["unit"], encoded["legend"]) == ("described", "s", False)


def test_lines_share_instants_and_gaps_stay_gaps() -> None:
    chart = plots.build_line_chart([build_line("a", [1, 2]), build_line("b", [3, 4], hours=2)], unit="")
    encoded = time_chart.encode_chart(chart, "")
    assert [line["values"] for line in encoded["lines"]] == [[1, 2, None], [3, None, 4]]
    assert encoded["legend"] is True


def test_newest_points_are_drawn() -> None:
    values: list[float | None] = [float(at) for at in range(time_chart.MAX_POINTS + 3)]
    encoded = time_chart.encode_chart(plots.build_line_chart([build_line("a", values)], unit=""), "")
    assert encoded["lines"][0]["values"] == values[3:]
    assert len(encoded["at"]) == time_chart.MAX_POINTS


def test_names_travel_as_they_are_and_encode_as_json() -> None:
    chart = plots.build_stacked_bars([build_line('<img src=x onerror="1">', [1e-9, 123_456.0])], unit="USD")
    encoded = json.loads(json.dumps(time_chart.encode_chart(chart, "")))
    assert encoded["lines"][0]["name"] == '<img src=x onerror="1">'
    assert encoded["lines"][0]["values"] == [1e-9, 123_456.0]
    assert encoded["kind"] == "bars"


def test_axis_of_scores_ends_below_the_lowest_value() -> None:
    limit = plots.Limit(value=0.75, label="rollback below 0.75")
    chart = plots.build_line_chart([build_line("a", [0.91, 0.86])], unit="score", limit=limit, top=1.0)
    encoded = time_chart.encode_chart(chart, "")
    assert (encoded["floor"], encoded["top"]) == (0.7, 1.0)
    assert encoded["limit"] == {"value": 0.75, "label": "rollback below 0.75"}


def test_chart_without_lines_is_empty() -> None:
    encoded = time_chart.encode_chart(plots.build_line_chart([], unit="s"), "")
    assert encoded["at"] == encoded["lines"] == []


@pytest.mark.parametrize(
    ("delta", "delta_colour", "colour"),
    [
        ("+6.2%", "normal", "green"),
        ("-0.010", "normal", "red"),
        ("+140 ms", "inverse", "red"),
        ("-3.8%", "inverse", "green"),
        ("-3.8%", "primary", "primary"),
        (None, "normal", "gray"),
    ],
)
def test_trend_has_the_colour_of_the_change(delta: str | None, delta_colour: str, colour: str) -> None:
    assert sparkline.find_colour(delta, delta_colour) == colour


def test_trend_is_described_in_words() -> None:
    assert sparkline.describe([2.0, 5.0, 0.5, 3.0]) == "Trend from 2 to 3, lowest 0.5, highest 5"
