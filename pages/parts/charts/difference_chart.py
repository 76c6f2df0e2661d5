"""Differences between two runs: intervals around zero, with the allowed degradation as a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from pages.parts.charts import interval_chart, plots

COLOURS = {"passed": "#22C55E", "failed": plots.RED, "inconclusive": "#F59E0B", "error": plots.RED}
"""State colours that read on white and on near-black."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One bar of the chart."""

    name: str
    difference: float
    low: float
    high: float
    verdict: str


def differences(rows: Sequence[Row], *, allowed: float, unit: str, is_share: bool) -> go.Figure:
    """One horizontal interval a row, the first on top, coloured by its verdict.

    Args:
        rows: what to draw, all in one unit.
        allowed: where the line of the allowed degradation stands.
        unit: of the axis, and which direction is a loss.
        is_share: whether values are shares of 1, read as per cent.
    """
    shown = list(reversed(rows))
    form = ".1%" if is_share else "+.3f"
    figure = go.Figure()
    # One trace a verdict, so that the legend says what the colours mean.
    for verdict in dict.fromkeys(row.verdict for row in rows):
        of_it = [row for row in shown if row.verdict == verdict]
        x: list[float | None] = []
        y: list[str | None] = []
        for row in of_it:
            x += [row.low, row.high, None]
            y += [_label(row), _label(row), None]
        colour = COLOURS.get(verdict, "#94A3B8")
        figure.add_trace(
            go.Scatter(
                x=x,
                y=y,
                mode="lines",
                line={"width": 9, "color": colour},
                name=verdict,
                hovertemplate=f"%{{x:{form}}}<extra></extra>",
            )
        )
        figure.add_trace(
            go.Scatter(
                x=[row.difference for row in of_it],
                y=[_label(row) for row in of_it],
                mode="markers",
                marker={"size": 10, "color": colour, "line": {"width": 2, "color": "rgba(128,128,128,0.9)"}},
                showlegend=False,
                hovertemplate=f"difference %{{x:{form}}}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"width": 1, "color": "rgba(128,128,128,0.8)"})
    line = {"dash": "dot", "width": 1.3, "color": plots.RED}
    figure.add_vline(x=allowed, line=line)
    # In the legend, because beside the line there may be bars.
    label = f"allowed {allowed:+.3g}" if not is_share else f"allowed {allowed * 100:+.3g}%"
    figure.add_trace(go.Scatter(x=[None], y=[None], mode="lines", line=line, name=label))
    plots.style(figure, height=96 + 34 * len(shown), unit="", legend=True)
    figure.update_layout(hovermode="closest")
    low, high = _range(rows, allowed)
    ticks = interval_chart.round_ticks(low, high)
    figure.update_xaxes(
        range=[low, high],
        tickvals=ticks,
        ticktext=[_tick(at, is_share) for at in ticks],
        title={"text": unit, "font": {"size": 11}, "standoff": 6},
        hoverformat=form,
        showgrid=True,
    )
    # In the order of the rows, whatever the order of the traces.
    figure.update_yaxes(
        title=None,
        nticks=None,
        type="category",
        categoryorder="array",
        categoryarray=[_label(row) for row in shown],
    )
    return figure


def _tick(at: float, is_share: bool) -> str:
    if at == 0:
        return "0"
    return f"{at:+.3g}" if not is_share else f"{at * 100:+.3g}%"


def _label(row: Row) -> str:
    return plots.text(plots.shorten(row.name, 34))


def _range(rows: Sequence[Row], allowed: float) -> tuple[float, float]:
    ends = [end for row in rows for end in (row.low, row.high)] + [0.0, allowed]
    margin = max((max(ends) - min(ends)) * 0.08, 0.005)
    return min(ends) - margin, max(ends) + margin
