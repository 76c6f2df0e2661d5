"""Quality: how good are the answers of real traffic, and how sure are we?"""

import streamlit as st

from genaiops_core.rollbacks import policy as policies
from genaiops_core.telemetry.quality import MetricQuality
from pages.parts import (
    charts,
    filters,
    frame,
    health,
    keys,
    measures,
    quality_words,
    reads,
    reads_reviews,
    tables,
    units,
)

here = frame.guard("quality")
head = filters.header(here, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE))
window, url = head.filters, here.url
found = reads.quality_summary(url, window)
MOST_METRICS = 6
# Releases of different applications may share a name, so they are only told apart within one.
SPLIT = "release" if window.application else "application"


def label(one: MetricQuality) -> str:
    """A metric as people write it."""
    return units.plain(one.metric.replace("_", " "))


def draw_cards() -> None:
    """Each metric with its interval and how many scores it rests on."""
    before = {(one.metric, one.judge): one for one in reads.quality_summary(url, window.previous())}
    course: dict[tuple[str, str], list[float | None]] = {}
    for point in reads.quality_over_time(url, window):
        course.setdefault((point.quality.metric, point.quality.judge), []).append(point.quality.mean)
    with st.grid(min(5, len(found)), min_column_width=190, gap="small"):
        for one in found:
            identity = (one.metric, one.judge)
            earlier = before.get(identity)
            measures.card(
                label(one),
                units.score(one.mean),
                units.point_change(one.mean, earlier.mean if earlier else None),
                quality_words.interval(one),
                icon="verified",
                colour="normal",
                course=course.get(identity, []),
                help=quality_words.explain(one),
            )


def draw_trend(metric: str, judge: str, key: str) -> None:
    """One metric over time: a line a release of the chosen application, or a line an application."""
    by_release: dict[str | None, dict] = {}
    traffic: dict[str | None, int] = {}
    for point in reads.quality_over_time(url, window, SPLIT):
        if (point.quality.metric, point.quality.judge) == (metric, judge):
            by_release.setdefault(point.key, {})[point.start] = point.quality.mean
            traffic[point.key] = traffic.get(point.key, 0) + point.quality.scored
    busiest = sorted(traffic, key=lambda name: -traffic[name])[: measures.MAX_RELEASES]
    lines = charts.by_name({name or "(not said)": by_release[name] for name in sorted(busiest, key=str)})
    limit = health.limit(policies.default(), "avg_quality_score")
    charts.show(
        charts.lines(
            lines,
            unit="score",
            limit=charts.Limit(value=limit, label=f"rollback below {limit:g}") if limit is not None else None,
            height=230,
            top=1.0,
            decimals=3,
        ),
        key=key,
        alt=f"{metric} over time by {SPLIT}, judged by {judge}",
    )


def draw_table(by: str, name: str) -> None:
    """Means and intervals for each value of a dimension."""
    column = tables.column
    tables.show(
        [
            {
                "key": key or "(not said)",
                "metric": one.metric,
                "judge": one.judge,
                "mean": one.mean,
                "low": one.low,
                "high": one.high,
                "scored": one.scored,
                "effective": one.effective_n,
                "population": one.population if one.is_sampled else one.scored,
                "undefined": one.undefined,
            }
            for key, one in reads.quality_by(url, window, by)
        ],
        {
            "key": column.TextColumn(name, pinned=True),
            "metric": column.TextColumn("Metric"),
            "judge": column.TextColumn("Judge"),
            "mean": column.ProgressColumn("Mean", min_value=0, max_value=1, format="%.3f"),
            "low": column.NumberColumn("95 % from", format="%.3f"),
            "high": column.NumberColumn("to", format="%.3f"),
            "scored": column.NumberColumn("n", format="localized"),
            "effective": column.NumberColumn(
                "Effective n",
                format="%.0f",
                help="How many equally weighted scores say as much; less than n where samples stand for unequal shares",
            ),
            "population": column.NumberColumn(
                "Stands for", format="localized", help="Requests; without sampling only those that are scored"
            ),
            "undefined": column.NumberColumn("Undefined", format="localized"),
        },
        key=f"quality_by_{by}",
        alt=f"Quality by {by}",
    )


with head.facts:
    for judge in sorted({one.judge for one in found}):
        st.badge(f"judge {units.plain(judge)}", icon=":material/gavel:", color="gray")
    quality_words.draw_sampling(reads_reviews.sampling(url, window))
    if found:
        st.badge(units.things(sum(one.scored for one in found), "score"), icon=":material/tag:", color="gray")
if not found:
    frame.empty(
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
                help=f"Judge: {units.plain(one.judge)}",
            )
            draw_trend(one.metric, one.judge, key=f"quality_trend_{at}")
    with st.container(border=True):
        by_application, by_release, by_environment = st.tabs(
            ["By application", "By release", "By environment"]
        )
        with by_application:
            draw_table("application", "Application")
        with by_release:
            draw_table("release", "Release")
        with by_environment:
            draw_table("environment", "Environment")
