"""Quality: how good are the answers of real traffic, and how sure are we?"""

import streamlit as st

from genaiops_core.rollbacks import policy as policies
from genaiops_core.telemetry.traffic.quality import MetricQuality
from pages.parts.charts import measures, plots
from pages.parts.reads import quality, reviews
from pages.parts.shared import filters, frame, keys, units
from pages.parts.traffic import quality_view

screen = frame.guard("quality")
head = filters.draw_header(screen, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE))
window, url = head.filters, screen.url
found = quality.summarise(url, window)
MOST_METRICS = 6
# Releases of different applications may share a name, so they are only told apart within one.
SPLIT = "release" if window.application else "application"


def label(one: MetricQuality) -> str:
    """A metric as people write it."""
    return units.escape_markdown(one.metric.replace("_", " "))


def draw_cards() -> None:
    """Each metric with its interval and how many scores it rests on."""
    before = {(one.metric, one.judge): one for one in quality.summarise(url, window.previous())}
    course: dict[tuple[str, str], list[float | None]] = {}
    for point in quality.read_series(url, window):
        course.setdefault((point.quality.metric, point.quality.judge), []).append(point.quality.mean)
    with st.grid(min(5, len(found)), min_column_width=190, gap="small"):
        for one in found:
            identity = (one.metric, one.judge)
            earlier = before.get(identity)
            measures.draw_card(
                label(one),
                units.format_score(one.mean),
                units.format_point_change(one.mean, earlier.mean if earlier else None),
                quality_view.interval(one),
                icon="verified",
                colour="normal",
                trend=course.get(identity, []),
                help=quality_view.explain(one),
            )


def draw_trend(metric: str, judge: str, key: str) -> None:
    """One metric over time: a line a release of the chosen application, or a line an application."""
    by_release: dict[str | None, dict] = {}
    traffic: dict[str | None, int] = {}
    for point in quality.read_series(url, window, SPLIT):
        if (point.quality.metric, point.quality.judge) == (metric, judge):
            by_release.setdefault(point.key, {})[point.start] = point.quality.mean
            traffic[point.key] = traffic.get(point.key, 0) + point.quality.scored
    busiest = sorted(traffic, key=lambda name: -traffic[name])[: measures.MAX_RELEASES]
    lines = plots.by_name({name or "(not said)": by_release[name] for name in sorted(busiest, key=str)})
    limit = policies.default().strictest_threshold("avg_quality_score")
    plots.show(
        plots.lines(
            lines,
            unit="score",
            limit=plots.Limit(value=limit, label=f"rollback below {limit:g}") if limit is not None else None,
            height=230,
            top=1.0,
            decimals=3,
        ),
        key=key,
        alt=f"{metric} over time by {SPLIT}, judged by {judge}",
    )


with head.facts:
    for judge in sorted({one.judge for one in found}):
        st.badge(f"judge {units.escape_markdown(judge)}", icon=":material/gavel:", color="gray")
    quality_view.draw_sampling(reviews.summarise_sampling(url, window))
    if found:
        st.badge(
            units.format_quantity(sum(one.scored for one in found), "score"),
            icon=":material/tag:",
            color="gray",
        )
if not found:
    frame.draw_empty_state(
        "No scores in this window",
        "Scores come with traffic (OpenTelemetry evaluation events), or from evaluations of a dataset. "
        "Widen the window, or launch an evaluation.",
        icon="verified",
        to="evaluations",
    )
else:
    draw_cards()
    columns = st.columns(min(3, len(found)))
    for at, one in enumerate(found[:MOST_METRICS]):
        with columns[at % len(columns)].container(border=True):
            st.subheader(
                label(one),
                icon=":material/trending_up:",
                anchor=False,
                help=f"Judge: {units.escape_markdown(one.judge)}",
            )
            draw_trend(one.metric, one.judge, key=f"quality_trend_{at}")
    with st.container(border=True):
        by_application, by_release, by_environment = st.tabs(
            ["By application", "By release", "By environment"]
        )
        with by_application:
            quality_view.draw_table(url, window, "application", "Application")
        with by_release:
            quality_view.draw_table(url, window, "release", "Release")
        with by_environment:
            quality_view.draw_table(url, window, "environment", "Environment")
