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


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One step of a waterfall; times in milliseconds from the start of the trace."""

    label: str
    group: str
    depth: int
    start_ms: float
    duration_ms: float
    is_error: bool


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
                name=_text(line.name),
                mode="lines+markers" if _is_sparse(line.values) else "lines",
                line={"width": 1.7, "dash": "dash" if line.is_dashed else "solid"},
                marker={"size": 5},
                hovertemplate=f"%{{y{number}}} {unit}",
            )
        )
    if limit is not None:
        _add_limit(figure, limit)
    _style(figure, height=height, unit=unit, legend=len(series) > 1)
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
                name=_text(line.name),
                hovertemplate=f"%{{y:,.4~f}} {unit}",
            )
        )
    if limit is not None:
        _add_limit(figure, limit)
    _style(figure, height=height, unit=unit, legend=True)
    figure.update_layout(barmode="stack", bargap=0.25)
    return figure


def waterfall(bars: Sequence[Bar]) -> go.Figure:
    """The spans of one trace, top to bottom in tree order, one colour a component; errors are outlined in red."""
    figure = go.Figure()
    names = [f"{'· ' * bar.depth}{_shorten(bar.label, 44 - 2 * bar.depth)}" for bar in bars]
    by_group: dict[str, list[int]] = {}
    for row, bar in enumerate(bars):
        by_group.setdefault(bar.group, []).append(row)
    whole_ms = max((bar.start_ms + bar.duration_ms for bar in bars), default=1.0) or 1.0
    for group, rows in by_group.items():
        figure.add_trace(_bars_of([(row, bars[row]) for row in rows], whole_ms, name=_text(group)))
    if failed := [(row, bar) for row, bar in enumerate(bars) if bar.is_error]:
        marker = {"color": "rgba(0,0,0,0)", "line": {"color": RED, "width": 2.5}}
        figure.add_trace(_bars_of(failed, whole_ms, name="failed").update(marker=marker))
    _style(figure, height=max(150, 26 * len(bars) + 78), unit="", legend=True)
    figure.update_layout(barmode="overlay", hovermode="closest", clickmode="event+select")
    figure.update_xaxes(title={"text": "ms since the first span", "font": {"size": 11}}, showgrid=True)
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(bars))),
        ticktext=[_text(name) for name in names],
        autorange="reversed",
        showgrid=False,
        ticklabelposition="outside",
        nticks=None,
    )
    return figure


def _bars_of(rows: Sequence[tuple[int, Bar]], whole_ms: float, *, name: str) -> go.Bar:
    return go.Bar(
        orientation="h",
        y=[row for row, _ in rows],
        base=[bar.start_ms for _, bar in rows],
        # A sliver stays visible and clickable however short the span was.
        x=[max(bar.duration_ms, whole_ms / 400) for _, bar in rows],
        width=0.64,
        name=name,
        customdata=[[_text(bar.label), bar.duration_ms, bar.start_ms] for _, bar in rows],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]:,.1f} ms, from %{customdata[2]:,.1f} ms",
    )


def show(figure: go.Figure, *, key: str, alt: str) -> None:
    """Draw a figure; `alt` says in words what it shows."""
    st.plotly_chart(figure, key=key, config=_CONFIG, alt=alt)


def pick(figure: go.Figure, *, key: str, alt: str) -> int | None:
    """Draw a waterfall and return the row that was clicked, if any."""
    event = st.plotly_chart(
        figure, key=key, config=_CONFIG, alt=alt, on_select="rerun", selection_mode="points"
    )
    points = event.selection.points
    return int(points[0]["y"]) if points else None


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
        annotation={"text": _text(limit.label), "font": {"color": RED, "size": 11}, "yshift": 1},
        annotation_position="top right",
    )


def _style(figure: go.Figure, *, height: int, unit: str, legend: bool) -> None:
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


def _shorten(text: str, length: int) -> str:
    length = max(length, 12)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _text(name: str) -> str:
    # Plotly reads a little HTML in names; what came with a span is text.
    return html.escape(name, quote=False)
