"""Intervals side by side: the mean, how sure it is, the worst and best that missing cases allow, and what was asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from pages.parts.charts import plots

GREY = "#94A3B8"
"""For what is not known; reads on white and on near-black."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """One row of the chart; all values are on the same scale."""

    name: str
    mean: float
    low: float
    high: float
    low_bounded: float
    high_bounded: float
    """Where the interval would end if every case without a value had the least or the most."""
    threshold: float | None = None


def intervals(rows: Sequence[Interval]) -> go.Figure:
    """One horizontal bar a row, the first on top, with a red tick where a threshold is."""
    shown = list(reversed(rows))
    names = [plots.text(plots.shorten(row.name, 34)) for row in shown]
    figure = go.Figure()
    figure.add_trace(_bars(names, [(row.low, row.high) for row in shown], name="interval", width=9))
    figure.add_trace(
        go.Scatter(
            x=[row.mean for row in shown],
            y=names,
            mode="markers",
            name="mean",
            marker={"size": 11, "symbol": "circle"},
            hovertemplate="mean %{x:.3f}<extra></extra>",
        )
    )
    asked = [
        (name, row.threshold) for name, row in zip(names, shown, strict=True) if row.threshold is not None
    ]
    if asked:
        figure.add_trace(
            go.Scatter(
                x=[value for _, value in asked],
                y=[name for name, _ in asked],
                mode="markers",
                name="asked for",
                marker={"size": 22, "symbol": "line-ns-open", "color": plots.RED, "line": {"width": 2}},
                hovertemplate="at least %{x:.3g}<extra></extra>",
            )
        )
    # Last, so that the other colours stay the same with it and without; drawn below them all the same.
    if any(row.low_bounded < row.low or row.high_bounded > row.high for row in shown):
        figure.add_trace(
            _bars(
                names,
                [(row.low_bounded, row.high_bounded) for row in shown],
                name="cases without a value at their worst and best",
                width=3,
                colour=GREY,
                zorder=-1,
            )
        )
    plots.style(figure, height=70 + 38 * len(shown), unit="", legend=True)
    figure.update_layout(hovermode="closest")
    low, high = _range(rows)
    ticks = round_ticks(low, high)
    figure.update_xaxes(
        range=[low, high],
        tickvals=ticks,
        ticktext=[f"{at:g}" for at in ticks],
        hoverformat=".3f",
        showgrid=True,
    )
    figure.update_yaxes(title=None, nticks=None, type="category")
    return figure


def _bars(
    names: Sequence[str],
    ends: Sequence[tuple[float, float]],
    *,
    name: str,
    width: int,
    colour: str | None = None,
    zorder: int = 0,
) -> go.Scatter:
    x: list[float | None] = []
    y: list[str | None] = []
    for at, (low, high) in zip(names, ends, strict=True):
        x += [low, high, None]
        y += [at, at, None]
    line = {"width": width, **({"color": colour} if colour else {})}
    return go.Scatter(
        x=x, y=y, mode="lines", name=name, line=line, hovertemplate="%{x:.3f}<extra></extra>", zorder=zorder
    )


def _range(rows: Sequence[Interval]) -> tuple[float, float]:
    ends = [
        end for row in rows for end in (row.low_bounded, row.high_bounded, row.threshold) if end is not None
    ]
    low, high = min(ends), max(ends)
    margin = max((high - low) * 0.05, 0.01)
    return low - margin, high + margin


def round_ticks(low: float, high: float) -> list[float]:
    """Round values between two ends, at most about seven; Plotly would write 0.6 as 0.6000000000000001."""
    steps = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    step = next((step for step in steps if (high - low) / step <= 7), (high - low) / 7)
    return [round(at * step, 3) for at in range(math.ceil(low / step), math.floor(high / step) + 1)]
