"""Points in, Plotly figure out. Colours of series come from the theme, so light and dark both read well.

Figures are SVG, evenly spaced series travel as a start and a step, values as 32-bit floats, and nobody sends more than
`MAX_POINTS` points a trace: the browser is the slow part of a screen.
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
"""State colour that reads on white and on near-black; used for limits and errors only."""

_HALF_A_DAY_MS = 43_200_000
_TICKS = [
    {"dtickrange": [None, _HALF_A_DAY_MS - 1], "value": "%H:%M"},
    {"dtickrange": [_HALF_A_DAY_MS, _HALF_A_DAY_MS], "value": "%d %b %H:%M"},
    {"dtickrange": [_HALF_A_DAY_MS + 1, None], "value": "%d %b"},
]
_CONFIG = {"displayModeBar": False, "displaylogo": False}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One series: `values[i]` belongs to `at[i]`; None leaves a gap, because unknown is not zero."""

    name: str
    at: Sequence[dt.datetime]
    values: Sequence[float | None]
    is_dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Limit:
    """An objective or a budget, drawn as a dotted line in the unit of the axis."""

    value: float
    label: str


def lines(
    series: Sequence[Line],
    *,
    unit: str,
    limit: Limit | None = None,
    height: int = 240,
    top: float | None = None,
    decimals: int | None = None,
) -> go.Figure:
    """Lines over time with one labelled unit.

    Args:
        series: what to draw.
        unit: of the axis and of what the pointer reads.
        limit: an objective or a limit of the policy.
        height: in pixels.
        top: fixes the upper end of the axis (1 for scores), whose lower end then follows the values.
        decimals: of what the pointer reads; None leaves them as they are.
    """
    figure = go.Figure()
    number = "" if decimals is None else f":,.{decimals}f"
    for line in series:
        figure.add_trace(
            go.Scatter(
                **_over_time(line.at, line.values),
                name=text(line.name),
                mode="lines+markers" if _is_sparse(line.values) else "lines",
                line={"width": 1.7, "dash": "dash" if line.is_dashed else "solid"},
                marker={"size": 5},
                hovertemplate=f"%{{y{number}}} {unit}",
            )
        )
    if limit is not None:
        _add_limit(figure, limit)
    style(figure, height=height, unit=unit, legend=len(series) > 1)
    figure.update_yaxes(rangemode="tozero")
    if top is not None:
        figure.update_yaxes(range=[_floor(series, limit), top])
    return figure


def stacked_bars(
    series: Sequence[Line], *, unit: str, limit: Limit | None = None, height: int = 260
) -> go.Figure:
    """Parts of a whole over time, for example cost a day by model."""
    figure = go.Figure()
    for line in series:
        figure.add_trace(
            go.Bar(
                **_over_time(line.at, line.values),
                name=text(line.name),
                hovertemplate=f"%{{y:,.4~f}} {unit}",
            )
        )
    if limit is not None:
        _add_limit(figure, limit)
    style(figure, height=height, unit=unit, legend=True)
    figure.update_layout(barmode="stack", bargap=0.25)
    return figure


def show(figure: go.Figure, *, key: str, alt: str) -> None:
    """Draw a figure; `alt` says in words what it shows."""
    st.plotly_chart(figure, key=key, config=_CONFIG, alt=alt)


def pick(figure: go.Figure, *, key: str, alt: str) -> Mapping[str, Any] | None:
    """Draw a figure whose points can be clicked; returns the point that was, if any."""
    event = st.plotly_chart(
        figure, key=key, config=_CONFIG, alt=alt, on_select="rerun", selection_mode="points"
    )
    points = event.selection.points
    return dict(points[0]) if points else None


def sparkline(values: Sequence[float | None], *, points: int = 40) -> list[float] | None:
    """At most `points` values for a metric card, means of neighbours; None when fewer than two are known."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    chunks = np.array_split(np.asarray(known, dtype=float), min(points, len(known)))
    return [float(f"{chunk.mean():.4g}") for chunk in chunks]


def by_name(figure_series: Mapping[str, Mapping[dt.datetime, float | None]]) -> list[Line]:
    """Lines from {name: {instant: value}}, all over the same instants."""
    instants = sorted({at for values in figure_series.values() for at in values})
    return [
        Line(name=name, at=instants, values=[values.get(at) for at in instants])
        for name, values in figure_series.items()
    ]


def _over_time(at: Sequence[dt.datetime], values: Sequence[float | None]) -> dict[str, object]:
    at, values = list(at)[-MAX_POINTS:], list(values)[-MAX_POINTS:]
    y = np.array([np.nan if value is None else value for value in values], dtype=np.float32)
    steps = {later - earlier for earlier, later in itertools.pairwise(at)}
    if len(steps) == 1:
        return {"x0": _naive_utc(at[0]), "dx": steps.pop().total_seconds() * 1000, "y": y}
    return {"x": [_naive_utc(instant) for instant in at], "y": y}


def _naive_utc(instant: dt.datetime) -> str:
    # The chart shows what it is given: UTC, like every time in the console.
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def _floor(series: Sequence[Line], limit: Limit | None) -> float:
    """A tenth below the least value, so that scores near 1 can be told apart."""
    known = [value for line in series for value in line.values if value is not None]
    least = min([*known, *([limit.value] if limit else [])], default=0.0)
    return max(0.0, math.floor(least * 10 - 0.5) / 10) if least <= 1 else 0.0


def _is_sparse(values: Sequence[float | None]) -> bool:
    return sum(value is not None for value in values) <= 3


def _add_limit(figure: go.Figure, limit: Limit) -> None:
    figure.add_hline(
        y=limit.value,
        line={"dash": "dot", "width": 1.3, "color": RED},
        annotation={"text": text(limit.label), "font": {"color": RED, "size": 11}, "yshift": 1},
        annotation_position="top right",
    )


def style(figure: go.Figure, *, height: int, unit: str, legend: bool) -> None:
    """What all figures have in common: margins, legend above, quiet axes."""
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


def text(name: str) -> str:
    """A name as Plotly writes it out."""
    # Plotly reads a little HTML in names; what came with a span is text.
    return html.escape(name, quote=False)
