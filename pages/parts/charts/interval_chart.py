"""Chart of intervals: mean, confidence interval, bounds that unscored cases allow, and threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from pages.parts.charts import plots

GREY = "#94A3B8"
"""For unknown values; has enough contrast in both themes."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """One row of the chart; all values are on the same scale."""

    name: str
    mean: float
    low: float
    high: float
    low_bounded: float
    high_bounded: float
    """Ends of the interval if every unscored case had the lowest or the highest value."""
    threshold: float | None = None


def build_interval_chart(rows: Sequence[Interval]) -> go.Figure:
    """Build one horizontal bar per row, the first on top, with a red tick at the threshold."""
    bottom_up = list(reversed(rows))
    names = [plots.escape_html(plots.shorten(row.name, 34)) for row in bottom_up]
    figure = go.Figure()
    figure.add_trace(_build_bars(names, [(row.low, row.high) for row in bottom_up], name="interval", width=9))
    figure.add_trace(
        go.Scatter(
            x=[row.mean for row in bottom_up],
            y=names,
            mode="markers",
            name="mean",
            marker={"size": 11, "symbol": "circle"},
            hovertemplate="mean %{x:.3f}<extra></extra>",
        )
    )
    thresholds = [
        (name, row.threshold) for name, row in zip(names, bottom_up, strict=True) if row.threshold is not None
    ]
    if thresholds:
        figure.add_trace(
            go.Scatter(
                x=[value for _, value in thresholds],
                y=[name for name, _ in thresholds],
                mode="markers",
                name="threshold",
                marker={"size": 22, "symbol": "line-ns-open", "color": plots.RED, "line": {"width": 2}},
                hovertemplate="at least %{x:.3g}<extra></extra>",
            )
        )
    # The last trace, so that the colours of the others do not depend on it; `zorder` draws it below them.
    if any(row.low_bounded < row.low or row.high_bounded > row.high for row in bottom_up):
        figure.add_trace(
            _build_bars(
                names,
                [(row.low_bounded, row.high_bounded) for row in bottom_up],
                name="unscored cases at their worst and best",
                width=3,
                colour=GREY,
                zorder=-1,
            )
        )
    plots.apply_style(figure, height=70 + 38 * len(bottom_up), unit="", legend=True)
    figure.update_layout(hovermode="closest")
    low, high = _find_range(rows)
    ticks = find_round_ticks(low, high)
    figure.update_xaxes(
        range=[low, high],
        tickvals=ticks,
        ticktext=[f"{at:g}" for at in ticks],
        hoverformat=".3f",
        showgrid=True,
    )
    figure.update_yaxes(title=None, nticks=None, type="category")
    return figure


def _build_bars(
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
        # None ends a line, so one trace draws all bars.
        x += [low, high, None]
        y += [at, at, None]
    line = {"width": width, **({"color": colour} if colour else {})}
    return go.Scatter(
        x=x, y=y, mode="lines", name=name, line=line, hovertemplate="%{x:.3f}<extra></extra>", zorder=zorder
    )


def _find_range(rows: Sequence[Interval]) -> tuple[float, float]:
    ends = [
        end for row in rows for end in (row.low_bounded, row.high_bounded, row.threshold) if end is not None
    ]
    low, high = min(ends), max(ends)
    margin = max((high - low) * 0.05, 0.01)
    return low - margin, high + margin


def find_round_ticks(low: float, high: float) -> list[float]:
    """Round values between two ends, at most about seven; Plotly would write 0.6 as 0.6000000000000001."""
    steps = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    step = next((step for step in steps if (high - low) / step <= 7), (high - low) / 7)
    return [round(at * step, 3) for at in range(math.ceil(low / step), math.floor(high / step) + 1)]
