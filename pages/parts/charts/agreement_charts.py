"""Judges against people as figures: both means side by side, and labels against the judge's values."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import plotly.graph_objects as go

from genaiops_core.evaluation.human.agreement import GOOD_LABEL, Bin, JudgeAgreement, Pair
from genaiops_core.statistics.intervals import Interval
from pages.parts.charts import plots
from pages.parts.shared import units

_GREY = "#8A8F98"
_ROW_PX = 46
_APART = 0.16
"""How far the two means of a metric are drawn from its line, in rows."""


def draw_means(found: Sequence[JudgeAgreement], *, key: str) -> None:
    """The judge's own mean above what people would say, a line a metric."""
    figure = go.Figure()
    judge = [(one.raw.mean, one.raw.low, one.raw.high) if one.raw else None for one in found]
    people = [_corrected(one) for one in found]
    # The first one has the accent of the theme.
    _add_means(figure, "corrected by people", people, _APART)
    _add_means(figure, "judge's mean", judge, -_APART, colour=_GREY, symbol="circle-open")
    plots.style(figure, height=_ROW_PX * len(found) + 88, unit="", legend=True)
    figure.update_layout(hovermode="closest")
    _plain_axis(figure, "score, 95 % interval")
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(found))),
        ticktext=[plots.text(one.metric.replace("_", " ")) for one in found],
        range=[len(found) - 0.5, -0.5],
        nticks=None,
        showgrid=False,
    )
    said = "; ".join(
        f"{one.metric}: judge {units.format_score(one.raw.mean if one.raw else None)}, "
        f"corrected {units.format_score(one.corrected.mean)}"
        for one in found
    )
    plots.show(figure, key=key, alt=f"Mean of the judge beside the mean corrected by people. {said}")


def draw_calibration(one: JudgeAgreement, bins: Sequence[Bin], *, key: str) -> None:
    """Labels against the judge's values: points are cases, squares are groups with the interval of their mean."""
    figure = go.Figure()
    # The first one has the accent of the theme.
    figure.add_trace(
        go.Scatter(
            x=[one.judge for one in bins],
            y=[one.human.mean for one in bins],
            error_y=_error([one.human for one in bins]),
            customdata=[one.human.n for one in bins],
            mode="markers",
            name="group of cases",
            marker={"size": 9, "symbol": "square"},
            hovertemplate="%{customdata} cases: judge %{x:.2f}, people %{y:.2f}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            name="as people say",
            line={"width": 1, "dash": "dash", "color": _GREY},
            hoverinfo="skip",
        )
    )
    shown = one.pairs[:: max(1, len(one.pairs) // plots.MAX_POINTS)]
    figure.add_trace(
        go.Scatter(
            x=[pair.judge for pair in shown],
            y=[_spread(pair) for pair in shown],
            customdata=[[plots.text(pair.case), pair.human] for pair in shown],
            mode="markers",
            name="case",
            marker={"size": 5, "opacity": 0.5, "color": _GREY},
            hovertemplate="case %{customdata[0]}: judge %{x:.2f}, people %{customdata[1]:.2f}<extra></extra>",
        )
    )
    plots.style(figure, height=290, unit="label of people (0 bad, 1 good)", legend=True)
    figure.update_layout(hovermode="closest")
    _plain_axis(figure, f"{one.metric.replace('_', ' ')}, judge's score")
    figure.update_yaxes(range=[-0.06, 1.06])
    figure.add_vline(x=one.cut, line={"dash": "dot", "width": 1.2, "color": _GREY})
    said = "; ".join(f"judge {one.judge:.2f}, people {one.human.mean:.2f} (n {one.human.n})" for one in bins)
    plots.show(figure, key=key, alt=f"Labels of people against the judge's {one.metric}. Groups: {said}")


def _add_means(
    figure: go.Figure,
    name: str,
    means: Sequence[tuple[float, float, float] | None],
    apart: float,
    *,
    colour: str | None = None,
    symbol: str = "circle",
) -> None:
    rows = [(at, one) for at, one in enumerate(means) if one is not None]
    style = {"color": colour} if colour else {}
    figure.add_trace(
        go.Scatter(
            x=[mean for _, (mean, _, _) in rows],
            y=[at + apart for at, _ in rows],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [high - mean for _, (mean, _, high) in rows],
                "arrayminus": [mean - low for _, (mean, low, _) in rows],
                "thickness": 1.6,
                "width": 4,
                **style,
            },
            customdata=[[low, high] for _, (_, low, high) in rows],
            mode="markers",
            name=name,
            marker={"size": 9, "symbol": symbol, **style},
            hovertemplate=f"{name} %{{x:.3f}} (%{{customdata[0]:.3f}} to %{{customdata[1]:.3f}})<extra></extra>",
        )
    )


def _corrected(one: JudgeAgreement) -> tuple[float, float, float] | None:
    found = one.corrected
    if found.mean is None or found.low is None or found.high is None:
        return None
    return found.mean, found.low, found.high


def _error(intervals: Sequence[Interval]) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [one.high - one.mean for one in intervals],
        "arrayminus": [one.mean - one.low for one in intervals],
        "thickness": 1.4,
        "width": 4,
    }


def _spread(pair: Pair) -> float:
    """Equal labels would lie on one another: each case is moved a little, always by the same."""
    inward = 1 if pair.human < GOOD_LABEL else -1
    return pair.human + inward * 0.05 * (zlib.crc32(pair.case.encode()) % 97) / 97


def _plain_axis(figure: go.Figure, title: str) -> None:
    """An axis of scores, not of time."""
    figure.update_xaxes(
        range=[-0.02, 1.02],
        nticks=None,
        showgrid=True,
        tickmode="array",
        tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1],
        tickformat=".1f",
        hoverformat=".3f",
        title={"text": title, "font": {"size": 11}, "standoff": 6},
    )
