"""What a score rests on: how many, who judged, and whether they stand for more than themselves."""

from __future__ import annotations

import streamlit as st

from genaiops_core.telemetry.sampling.samples import SamplingSummary
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.quality import MetricQuality
from pages.parts.reads import quality
from pages.parts.shared import tables, units


def interval(one: MetricQuality) -> str:
    """`0.88–0.91, n 420`; `n 420 of 9,000` where the scores stand for more requests."""
    n = f"n {one.scored:,}"
    if one.is_sampled and one.population is not None:
        n += f" of {one.population:,}"
    return n if one.low is None or one.high is None else f"{one.low:.2f}–{one.high:.2f}, {n}"


def explain(one: MetricQuality) -> str:
    """Everything behind a mean, for its tooltip."""
    said = [
        f"Judged by {units.escape_markdown(one.judge)}, {units.escape_markdown(one.method)}, 95 %.",
        f"n = {one.scored:,}; {one.undefined:,} more could not be scored.",
    ]
    if one.is_sampled:
        effective = units.NO_DATA if one.effective_n is None else f"{one.effective_n:,.0f}"
        said.append(
            f"Weighted by the chance of each request to be chosen: effective n {effective}, "
            f"stands for {units.format_count(one.population)} requests."
        )
    if one.unscored_share > 0:
        said.append(
            f"Nothing is scored yet of {units.format_share(one.unscored_share)} of that traffic; "
            "the interval covers whatever it may be."
        )
    return " ".join(said)


def draw_sampling(told: SamplingSummary) -> None:
    """How much of the traffic is judged, as a badge; nothing where sampling has not looked at any."""
    if not told.considered:
        return
    share = told.sampled / told.considered
    base = "changed in this window" if told.base_rate is None else units.format_share(told.base_rate)
    st.badge(
        f"{units.format_share(share, decimals=1)} sampled",
        icon=":material/colorize:",
        color="blue",
        help=f"{told.sampled:,} of {told.considered:,} requests were chosen for scoring; {told.scored:,} are scored, "
        f"{told.queued:,} wait. Base rate: {base}. Judging them cost {units.escape_markdown(units.format_usd(told.cost_nano_usd))}.",
    )


def draw_table(url: str, window: Filters, by: str, name: str) -> None:
    """Means and intervals for each value of a dimension."""
    column = tables.column
    tables.draw(
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
            for key, one in quality.break_down(url, window, by)
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
