"""Charts of judge-human agreement: both means per metric, and calibration of the judge."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import plotly.graph_objects as go

from genaiops_core.evaluation.human.agreement import GOOD_LABEL, Bin, JudgeAgreement, Pair
from genaiops_core.statistics.intervals import Interval
from pages.parts.charts import plots, time_chart
from pages.parts.shared import units

_GREY = "#8A8F98"
_ROW_PX = 46
_OFFSET_ROWS = 0.16
"""Distance of the two means of a metric from its line, in rows."""


def draw_means(agreements: Sequence[JudgeAgreement], *, key: str) -> None:
    """Draw the mean of the judge and the mean corrected by human labels, one row per metric."""
    figure = go.Figure()
    judge = [
        (agreement.raw.mean, agreement.raw.low, agreement.raw.high) if agreement.raw else None
        for agreement in agreements
    ]
    corrected = [_find_corrected_mean(agreement) for agreement in agreements]
    # The first trace has the accent colour of the theme.
    _add_means(figure, "corrected by human labels", corrected, _OFFSET_ROWS)
    _add_means(figure, "judge's mean", judge, -_OFFSET_ROWS, colour=_GREY, symbol="circle-open")
    plots.apply_style(figure, height=_ROW_PX * len(agreements) + 88, unit="", legend=True)
    figure.update_layout(hovermode="closest")
    _set_score_axis(figure, "score, 95 % interval")
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(agreements))),
        ticktext=[plots.escape_html(agreement.metric.replace("_", " ")) for agreement in agreements],
        range=[len(agreements) - 0.5, -0.5],
        nticks=None,
        showgrid=False,
    )
    alt_text = "; ".join(
        f"{agreement.metric}: judge {units.format_score(agreement.raw.mean if agreement.raw else None)}, "
        f"corrected {units.format_score(agreement.corrected.mean)}"
        for agreement in agreements
    )
    plots.draw(figure, key=key, alt=f"Mean of the judge and mean corrected by human labels. {alt_text}")


def draw_calibration(agreement: JudgeAgreement, bins: Sequence[Bin], *, key: str) -> None:
    """Draw human labels over judge scores: points are cases, squares are groups with the interval of their mean."""
    figure = go.Figure()
    # The first trace has the accent colour of the theme.
    figure.add_trace(
        go.Scatter(
            x=[group.judge for group in bins],
            y=[group.human.mean for group in bins],
            error_y=_build_error_bars([group.human for group in bins]),
            customdata=[group.human.n for group in bins],
            mode="markers",
            name="group of cases",
            marker={"size": 9, "symbol": "square"},
            hovertemplate="%{customdata} cases: judge %{x:.2f}, human %{y:.2f}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            name="perfect agreement",
            line={"width": 1, "dash": "dash", "color": _GREY},
            hoverinfo="skip",
        )
    )
    pairs = agreement.pairs[:: max(1, len(agreement.pairs) // time_chart.MAX_POINTS)]
    figure.add_trace(
        go.Scatter(
            x=[pair.judge for pair in pairs],
            y=[_jitter(pair) for pair in pairs],
            customdata=[[plots.escape_html(pair.case), pair.human] for pair in pairs],
            mode="markers",
            name="case",
            marker={"size": 5, "opacity": 0.5, "color": _GREY},
            hovertemplate="case %{customdata[0]}: judge %{x:.2f}, human %{customdata[1]:.2f}<extra></extra>",
        )
    )
    plots.apply_style(figure, height=290, unit="human label (0 bad, 1 good)", legend=True)
    figure.update_layout(hovermode="closest")
    _set_score_axis(figure, f"{agreement.metric.replace('_', ' ')}, judge's score")
    figure.update_yaxes(range=[-0.06, 1.06])
    figure.add_vline(x=agreement.cut, line={"dash": "dot", "width": 1.2, "color": _GREY})
    alt_text = "; ".join(
        f"judge {group.judge:.2f}, human {group.human.mean:.2f} (n {group.human.n})" for group in bins
    )
    plots.draw(figure, key=key, alt=f"Human labels over the judge's {agreement.metric}. Groups: {alt_text}")


def _add_means(
    figure: go.Figure,
    name: str,
    means: Sequence[tuple[float, float, float] | None],
    offset_rows: float,
    *,
    colour: str | None = None,
    symbol: str = "circle",
) -> None:
    rows = [(row, mean_interval) for row, mean_interval in enumerate(means) if mean_interval is not None]
    style = {"color": colour} if colour else {}
    figure.add_trace(
        go.Scatter(
            x=[mean for _, (mean, _, _) in rows],
            y=[row + offset_rows for row, _ in rows],
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


def _find_corrected_mean(agreement: JudgeAgreement) -> tuple[float, float, float] | None:
    corrected = agreement.corrected
    if corrected.mean is None or corrected.low is None or corrected.high is None:
        return None
    return corrected.mean, corrected.low, corrected.high


def _build_error_bars(intervals: Sequence[Interval]) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [interval.high - interval.mean for interval in intervals],
        "arrayminus": [interval.mean - interval.low for interval in intervals],
        "thickness": 1.4,
        "width": 4,
    }


def _jitter(pair: Pair) -> float:
    """Move a label a little, because equal labels would overlap; the offset of a case is always the same."""
    inward = 1 if pair.human < GOOD_LABEL else -1
    return pair.human + inward * 0.05 * (zlib.crc32(pair.case.encode()) % 97) / 97


def _set_score_axis(figure: go.Figure, title: str) -> None:
    """Set the x axis to scores in [0, 1]."""
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
