"""Chart of differences between two evaluations: intervals around zero, and the allowed degradation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from pages.parts.charts import interval_chart, plots

COLOURS = {"passed": "#22C55E", "failed": plots.RED, "inconclusive": "#F59E0B", "error": plots.RED}
"""State colours with enough contrast in both themes."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One bar of the chart."""

    name: str
    difference: float
    low: float
    high: float
    verdict: str


def build_difference_chart(rows: Sequence[Row], *, allowed: float, unit: str, is_share: bool) -> go.Figure:
    """Build one horizontal interval per row, the first on top, coloured by its verdict.

    Args:
        rows: the differences, all in one unit.
        allowed: the allowed degradation, drawn as a line.
        unit: of the axis, and which direction is a loss.
        is_share: whether values are shares of 1, written as percentages.
    """
    bottom_up = list(reversed(rows))
    form = ".1%" if is_share else "+.3f"
    figure = go.Figure()
    # One trace per verdict, so that the legend explains the colours.
    for verdict in dict.fromkeys(row.verdict for row in rows):
        verdict_rows = [row for row in bottom_up if row.verdict == verdict]
        x: list[float | None] = []
        y: list[str | None] = []
        for row in verdict_rows:
            # None ends a line, so one trace draws the intervals of a whole verdict.
            x += [row.low, row.high, None]
            y += [_format_label(row), _format_label(row), None]
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
                x=[row.difference for row in verdict_rows],
                y=[_format_label(row) for row in verdict_rows],
                mode="markers",
                marker={"size": 10, "color": colour, "line": {"width": 2, "color": "rgba(128,128,128,0.9)"}},
                showlegend=False,
                hovertemplate=f"difference %{{x:{form}}}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"width": 1, "color": "rgba(128,128,128,0.8)"})
    line = {"dash": "dot", "width": 1.3, "color": plots.RED}
    figure.add_vline(x=allowed, line=line)
    # In the legend: a label beside the line could cover bars.
    label = f"allowed {allowed:+.3g}" if not is_share else f"allowed {allowed * 100:+.3g}%"
    figure.add_trace(go.Scatter(x=[None], y=[None], mode="lines", line=line, name=label))
    plots.apply_style(figure, height=96 + 34 * len(bottom_up), unit="", legend=True)
    figure.update_layout(hovermode="closest")
    low, high = _find_range(rows, allowed)
    ticks = interval_chart.find_round_ticks(low, high)
    figure.update_xaxes(
        range=[low, high],
        tickvals=ticks,
        ticktext=[_format_tick(at, is_share) for at in ticks],
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
        categoryarray=[_format_label(row) for row in bottom_up],
    )
    return figure


def _format_tick(at: float, is_share: bool) -> str:
    if at == 0:
        return "0"
    return f"{at:+.3g}" if not is_share else f"{at * 100:+.3g}%"


def _format_label(row: Row) -> str:
    return plots.escape_html(plots.shorten(row.name, 34))


def _find_range(rows: Sequence[Row], allowed: float) -> tuple[float, float]:
    ends = [end for row in rows for end in (row.low, row.high)] + [0.0, allowed]
    margin = max((max(ends) - min(ends)) * 0.08, 0.005)
    return min(ends) - margin, max(ends) + margin
