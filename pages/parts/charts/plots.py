"""Builds Plotly figures from series. Colours of series come from the light or dark theme.

The browser is the slow part of a screen, so figures are small: SVG, evenly spaced series as a start and a step,
values as 32-bit floats, at most `MAX_POINTS` points per trace.
"""

from __future__ import annotations

import datetime as dt
import html
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

MAX_POINTS = 500
RED = "#EF4444"
"""State colour with enough contrast in both themes; for thresholds and errors only."""

_HALF_A_DAY_MS = 43_200_000
_TICKS = [
    {"dtickrange": [None, _HALF_A_DAY_MS - 1], "value": "%H:%M"},
    {"dtickrange": [_HALF_A_DAY_MS, _HALF_A_DAY_MS], "value": "%d %b %H:%M"},
    {"dtickrange": [_HALF_A_DAY_MS + 1, None], "value": "%d %b"},
]
_CONFIG = {"displayModeBar": False, "displaylogo": False}


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


def build_line_chart(
    series: Sequence[Line],
    *,
    unit: str,
    limit: Limit | None = None,
    height: int = 240,
    top: float | None = None,
    decimals: int | None = None,
) -> go.Figure:
    """Build a chart of lines over time with one unit.

    Args:
        series: the lines.
        unit: of the axis and of the hover text.
        limit: a threshold to draw.
        height: in pixels.
        top: upper end of the axis (1 for scores); the lower end then follows the values.
        decimals: of the hover text; None does not round.
    """
    figure = go.Figure()
    number = "" if decimals is None else f":,.{decimals}f"
    for line in series:
        figure.add_trace(
            go.Scatter(
                **_encode_series(line.at, line.values),
                name=escape_html(line.name),
                mode="lines+markers" if _is_sparse(line.values) else "lines",
                line={"width": 1.7, "dash": "dash" if line.is_dashed else "solid"},
                marker={"size": 5},
                hovertemplate=f"%{{y{number}}} {unit}",
            )
        )
    if limit is not None:
        _add_limit(figure, limit)
    apply_style(figure, height=height, unit=unit, legend=len(series) > 1)
    figure.update_yaxes(rangemode="tozero")
    if top is not None:
        figure.update_yaxes(range=[_find_floor(series, limit), top])
    return figure


def build_stacked_bars(
    series: Sequence[Line], *, unit: str, limit: Limit | None = None, height: int = 260
) -> go.Figure:
    """Build a chart of parts of a whole over time, for example cost per day by model."""
    figure = go.Figure()
    for line in series:
        figure.add_trace(
            go.Bar(
                **_encode_series(line.at, line.values),
                name=escape_html(line.name),
                hovertemplate=f"%{{y:,.4~f}} {unit}",
            )
        )
    if limit is not None:
        _add_limit(figure, limit)
    apply_style(figure, height=height, unit=unit, legend=True)
    figure.update_layout(barmode="stack", bargap=0.25)
    return figure


def draw(figure: go.Figure, *, key: str, alt: str) -> None:
    """Draw a figure; `alt` describes it in words."""
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


def _encode_series(at: Sequence[dt.datetime], values: Sequence[float | None]) -> dict[str, object]:
    # The newest points: charts end at the present.
    at, values = list(at)[-MAX_POINTS:], list(values)[-MAX_POINTS:]
    y = np.array([np.nan if value is None else value for value in values], dtype=np.float32)
    steps = {later - earlier for earlier, later in itertools.pairwise(at)}
    if len(steps) == 1:
        return {"x0": _format_utc(at[0]), "dx": steps.pop().total_seconds() * 1000, "y": y}
    return {"x": [_format_utc(instant) for instant in at], "y": y}


def _format_utc(instant: dt.datetime) -> str:
    # Plotly shows a naive time as it is: UTC, as every time in the console.
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def _find_floor(series: Sequence[Line], limit: Limit | None) -> float:
    """A tenth below the minimum, so that scores near 1 can be distinguished."""
    known = [value for line in series for value in line.values if value is not None]
    minimum = min([*known, *([limit.value] if limit else [])], default=0.0)
    return max(0.0, math.floor(minimum * 10 - 0.5) / 10) if minimum <= 1 else 0.0


def _is_sparse(values: Sequence[float | None]) -> bool:
    return sum(value is not None for value in values) <= 3


def _add_limit(figure: go.Figure, limit: Limit) -> None:
    figure.add_hline(
        y=limit.value,
        line={"dash": "dot", "width": 1.3, "color": RED},
        annotation={"text": escape_html(limit.label), "font": {"color": RED, "size": 11}, "yshift": 1},
        annotation_position="top right",
    )


def apply_style(figure: go.Figure, *, height: int, unit: str, legend: bool) -> None:
    """Apply the common style: margins, legend above, unobtrusive axes."""
    figure.update_layout(
        height=height,
        margin={"l": 4, "r": 8, "t": 30 if legend else 10, "b": 4},
        showlegend=legend,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
        hovermode="x unified",
    )
    figure.update_xaxes(showgrid=False, nticks=7, hoverformat="%d %b %Y %H:%M UTC", tickformatstops=_TICKS)
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
