"""Builds charts from series, and draws Plotly figures. Colours of series come from the light or dark theme.

The browser is the slow part of a screen: charts over time are drawn by `time_chart`, figures of Plotly are small.
"""

from __future__ import annotations

import datetime as dt
import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts.charts import time_chart
from pages.parts.charts.time_chart import Limit, Line, TimeChart

__all__ = ["Limit", "Line", "TimeChart"]

RED = "#EF4444"
"""State colour with enough contrast in both themes; for thresholds and errors only."""

_CONFIG = {"displayModeBar": False, "displaylogo": False}


def build_line_chart(
    series: Sequence[Line],
    *,
    unit: str,
    limit: Limit | None = None,
    height: int = 240,
    top: float | None = None,
    decimals: int | None = None,
    is_unfinished: bool = False,
) -> TimeChart:
    """Build a chart of lines over time with one unit.

    Args:
        series: the lines.
        unit: of the axis and of the hover text.
        limit: a threshold to draw.
        height: in pixels.
        top: upper end of the axis (1 for scores); the lower end then follows the values.
        decimals: of the hover text; None does not round.
        is_unfinished: whether the last step is not over; the lines lead to it dotted.
    """
    return TimeChart(
        lines=series,
        unit=unit,
        limit=limit,
        height=height,
        top=top,
        floor=None if top is None else _find_floor(series, limit),
        decimals=decimals,
        has_legend=len(series) > 1,
        is_unfinished=is_unfinished,
    )


def build_stacked_bars(
    series: Sequence[Line], *, unit: str, limit: Limit | None = None, height: int = 260
) -> TimeChart:
    """Build a chart of parts of a whole over time, for example cost per day by model."""
    return TimeChart(lines=series, kind="bars", unit=unit, limit=limit, height=height, has_legend=True)


def draw(figure: go.Figure | TimeChart, *, key: str, alt: str) -> None:
    """Draw a chart; `alt` describes it in words."""
    if isinstance(figure, TimeChart):
        time_chart.draw(figure, key=key, alt=alt)
        return
    st.plotly_chart(figure, key=key, config=_CONFIG, alt=alt)


def pick(figure: go.Figure, *, key: str, alt: str) -> Mapping[str, Any] | None:
    """Draw a figure whose points can be clicked; returns the clicked point, or None."""
    event = st.plotly_chart(
        figure, key=key, config=_CONFIG, alt=alt, on_select="rerun", selection_mode="points"
    )
    points = event.selection.points
    return dict(points[0]) if points else None


def build_sparkline(values: Sequence[float | None], *, points: int = 40) -> list[float] | None:
    """At most `points` values for a card, as means of neighbours; None with fewer than two values."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    chunks = np.array_split(np.asarray(known, dtype=float), min(points, len(known)))
    # Four digits: values travel to the browser as text.
    return [float(f"{chunk.mean():.4g}") for chunk in chunks]


def align_lines(figure_series: Mapping[str, Mapping[dt.datetime, float | None]]) -> list[Line]:
    """Lines from {name: {instant: value}}, all over the same instants."""
    instants = sorted({at for values in figure_series.values() for at in values})
    return [
        Line(name=name, at=instants, values=[values.get(at) for at in instants])
        for name, values in figure_series.items()
    ]


def _find_floor(series: Sequence[Line], limit: Limit | None) -> float:
    """A tenth below the minimum, so that scores near 1 can be distinguished."""
    known = [value for line in series for value in line.values if value is not None]
    minimum = min([*known, *([limit.value] if limit else [])], default=0.0)
    return max(0.0, math.floor(minimum * 10 - 0.5) / 10) if minimum <= 1 else 0.0


def apply_style(figure: go.Figure, *, height: int, unit: str, legend: bool) -> None:
    """Apply the common style: margins, legend above, unobtrusive axes."""
    figure.update_layout(
        height=height,
        margin={"l": 4, "r": 8, "t": 30 if legend else 10, "b": 4},
        showlegend=legend,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
        hovermode="x unified",
    )
    figure.update_xaxes(showgrid=False, nticks=7)
    figure.update_yaxes(
        zeroline=False, nticks=5, title={"text": unit, "font": {"size": 11}, "standoff": 6}, automargin=True
    )


def shorten(name: str, length: int) -> str:
    """At most `length` characters, but not fewer than 12."""
    length = max(length, 12)
    return name if len(name) <= length else f"{name[: length - 1]}…"


def escape_html(name: str) -> str:
    """A name as text for Plotly, which renders some HTML in names."""
    return html.escape(name, quote=False)
