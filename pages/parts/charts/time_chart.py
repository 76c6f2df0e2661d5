"""A chart over time: lines or stacked bars, as plain values and as a component that draws them as SVG.

The charting library takes about ten times as long in the browser for such a chart, and screens have up to six of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

MAX_POINTS = 500
"""Per line; more are not distinguishable."""

_FOLDER = Path(__file__).parent
SCRIPT = (_FOLDER / "time_chart.js").read_text(encoding="utf-8")
"""Draws the chart in the browser."""

# Once per process: the framework registers it again in every runtime that mounts it.
_mount = st.components.v2.component(
    "time_chart",
    html='<div class="chart"></div>',
    css=(_FOLDER / "time_chart.css").read_text(encoding="utf-8"),
    js=SCRIPT,
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One series: `values[i]` belongs to `at[i]`; None leaves a gap, because a missing value is not zero."""

    name: str
    at: Sequence[dt.datetime]
    values: Sequence[float | None]
    is_dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A threshold or a budget, drawn as a dotted line in the unit of the axis."""

    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class TimeChart:
    """What a chart over time draws."""

    lines: Sequence[Line]
    unit: str
    height: int
    """In pixels, with the legend."""
    kind: Literal["lines", "bars"] = "lines"
    limit: Limit | None = None
    top: float | None = None
    """Upper end of the axis; None follows the values."""
    floor: float | None = None
    """Lower end of the axis; None is 0, or the minimum below 0."""
    decimals: int | None = None
    """Of the hover text; None writes five significant digits, more for large values."""
    has_legend: bool = False
    is_unfinished: bool = False
    """Whether the last step is not over: the lines lead to it dotted, because its figures still grow."""


def draw(chart: TimeChart, *, key: str, alt: str) -> None:
    """Draw a chart; `alt` describes it in words."""
    _mount(key=key, data=encode_chart(chart, alt), height="content")


def encode_chart(chart: TimeChart, alt: str) -> dict[str, Any]:
    """The values that travel to the browser: instants in milliseconds, values with seven significant digits."""
    instants = sorted({at for line in chart.lines for at in line.at})[-MAX_POINTS:]
    return {
        "kind": chart.kind,
        "at": [round(at.timestamp() * 1000) for at in instants],
        "lines": [
            {"name": line.name, "values": _encode_values(line, instants), "is_dashed": line.is_dashed}
            for line in chart.lines
        ],
        "limit": None if chart.limit is None else {"value": chart.limit.value, "label": chart.limit.label},
        "unit": chart.unit,
        "height": chart.height,
        "top": chart.top,
        "floor": chart.floor,
        "decimals": chart.decimals,
        "legend": chart.has_legend,
        "is_unfinished": chart.is_unfinished,
        "alt": alt,
    }


def _encode_values(line: Line, instants: Sequence[dt.datetime]) -> list[float | None]:
    values = dict(zip(line.at, line.values, strict=True))
    return [None if (value := values.get(at)) is None else float(f"{value:.7g}") for at in instants]
