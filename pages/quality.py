"""Quality: scores of production answers, with confidence intervals."""

import datetime as dt
import math

import streamlit as st

from genaiops_core.telemetry.traffic.quality import MetricQuality
from pages.parts.charts import measures, plots
from pages.parts.reads import quality, reviews
from pages.parts.shared import filters, frame, units
from pages.parts.traffic import quality_view

screen = frame.guard("quality")
head = filters.draw_header(screen)
window, url = head.filters, screen.url
metrics = quality.summarise(url, window)
MAX_METRICS = 6
# Releases of different applications may share a name: a series by release needs one application.
SPLIT = "release" if window.application else "application"


def format_metric(metric: MetricQuality) -> str:
    """The name of a metric as screens write it."""
    return units.escape_markdown(metric.metric.replace("_", " "))


def draw_cards() -> None:
    """Draw the mean of each metric with its interval and number of scores."""
    before = {(metric.metric, metric.judge): metric for metric in quality.summarise(url, window.previous())}
    trends: dict[tuple[str, str], list[float | None]] = {}
    for point in quality.read_series(url, window):
        trends.setdefault((point.quality.metric, point.quality.judge), []).append(point.quality.mean)
    # Rows of equal length, at most five cards each.
    rows = math.ceil(len(metrics) / 5)
    with st.grid(math.ceil(len(metrics) / rows), min_column_width=190, gap="small"):
        for metric in metrics:
            identity = (metric.metric, metric.judge)
            earlier = before.get(identity)
            measures.draw_card(
                format_metric(metric),
                units.format_score(metric.mean),
                units.format_score_change(metric.mean, earlier.mean if earlier else None),
                quality_view.format_interval(metric),
                icon="verified",
                colour="normal",
                trend=trends.get(identity, []),
                help=quality_view.explain_score(metric),
                # Several judges may score one metric.
                key=f"{metric.metric}_{metric.judge}",
            )


def draw_trend(metric: str, judge: str, key: str) -> None:
    """Draw one metric over time: one line per release of the chosen application, or per application.

    Without a threshold: the rollback policy watches the mean over metrics, which the rollout's screen draws.
    """
    by_release: dict[str | None, dict[dt.datetime, float | None]] = {}
    scored: dict[str | None, int] = {}
    for point in quality.read_series(url, window, SPLIT):
        if (point.quality.metric, point.quality.judge) == (metric, judge):
            by_release.setdefault(point.key, {})[point.start] = point.quality.mean
            scored[point.key] = scored.get(point.key, 0) + point.quality.scored
    busiest = sorted(scored, key=lambda name: -scored[name])[: measures.MAX_RELEASES]
    lines = plots.align_lines({name or units.NOT_SET: by_release[name] for name in sorted(busiest, key=str)})
    plots.draw(
        plots.build_line_chart(
            lines,
            unit="score",
            height=230,
            top=1.0,
            decimals=3,
        ),
        key=key,
        alt=f"{metric} over time by {SPLIT}, judged by {judge}",
    )


with head.facts:
    for judge in sorted({metric.judge for metric in metrics}):
        st.badge(f"judge {units.escape_markdown(judge)}", icon=":material/gavel:", color="gray")
    quality_view.draw_sampling(reviews.summarise_sampling(url, window))
    if metrics:
        st.badge(
            units.format_quantity(sum(metric.scored for metric in metrics), "score"),
            icon=":material/tag:",
            color="gray",
        )
if not metrics:
    frame.draw_empty_state(
        "No scores in this window",
        "Scores arrive with traffic (OpenTelemetry evaluation events) or from sampling. "
        "Widen the window, or start an evaluation of a dataset.",
        icon="verified",
        to="evaluations",
    )
else:
    draw_cards()
    columns = st.columns(min(3, len(metrics)))
    for number, metric in enumerate(metrics[:MAX_METRICS]):
        with columns[number % len(columns)].container(border=True):
            st.subheader(
                format_metric(metric),
                icon=":material/trending_up:",
                anchor=False,
                help=f"Judge: {units.escape_markdown(metric.judge)}",
            )
            draw_trend(metric.metric, metric.judge, key=f"quality_trend_{number}")
    with st.container(border=True):
        frame.draw_tabs(
            {
                "By application": lambda: quality_view.draw_table(url, window, "application", "Application"),
                "By release": lambda: quality_view.draw_table(url, window, "release", "Release"),
                "By environment": lambda: quality_view.draw_table(url, window, "environment", "Environment"),
            },
            key="quality_tabs",
        )
