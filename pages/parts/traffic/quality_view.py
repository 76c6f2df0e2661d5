"""Quality scores: intervals, judges, sampling, and a table for each dimension."""

from __future__ import annotations

import streamlit as st

from genaiops_core.telemetry.sampling.samples import SamplingSummary
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.quality import MetricQuality
from pages.parts.reads import quality
from pages.parts.shared import tables, units


def format_interval(row: MetricQuality) -> str:
    """`0.88–0.91, n 420`; `n 420 of 9,000` where the scores represent more requests."""
    n = f"n {row.scored:,}"
    if row.is_sampled and row.population is not None:
        n += f" of {row.population:,}"
    return n if row.low is None or row.high is None else f"{row.low:.2f}–{row.high:.2f}, {n}"


def explain_score(metric: MetricQuality) -> str:
    """Judge, method, sample size and sampling of a mean, for its tooltip."""
    sentences = [
        f"Judged by {units.escape_markdown(metric.judge)}, {units.escape_markdown(metric.method)}, 95 %.",
        f"n = {metric.scored:,}; {metric.undefined:,} more were not scored.",
    ]
    if metric.is_sampled:
        effective = units.NO_DATA if metric.effective_n is None else f"{metric.effective_n:,.0f}"
        sentences.append(
            f"Weighted by sampling probability: effective n {effective}, "
            f"represents {units.format_count(metric.population)} requests."
        )
    if metric.unscored_share > 0:
        sentences.append(
            f"{units.format_share(metric.unscored_share)} of that traffic has no score yet; "
            "the interval allows any score for it."
        )
    return " ".join(sentences)


def draw_sampling(sampling: SamplingSummary) -> None:
    """Draw the sample rate as a badge; nothing where no request was considered."""
    if not sampling.considered:
        return
    share = sampling.sampled / sampling.considered
    base = "changed in this window" if sampling.base_rate is None else units.format_share(sampling.base_rate)
    st.badge(
        f"{units.format_share(share, decimals=1)} sampled",
        icon=":material/colorize:",
        color="blue",
        help=f"{sampling.sampled:,} of {sampling.considered:,} requests were sampled; {sampling.scored:,} are scored, "
        f"{sampling.queued:,} are queued. Base rate: {base}. Judge cost: {units.escape_markdown(units.format_usd(sampling.cost_nano_usd))}.",
    )


def draw_table(url: str, window: Filters, by: str, name: str) -> None:
    """Draw means and intervals for each value of a dimension."""
    column = tables.column
    tables.draw(
        [
            {
                "key": key or units.NOT_SET,
                "metric": metric.metric,
                "judge": metric.judge,
                "mean": metric.mean,
                "low": metric.low,
                "high": metric.high,
                "scored": metric.scored,
                "effective": metric.effective_n,
                "population": metric.population if metric.is_sampled else metric.scored,
                "undefined": metric.undefined,
            }
            for key, metric in quality.break_down(url, window, by)
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
                help="Number of equally weighted scores of the same precision; below n where sampling weights differ",
            ),
            "population": column.NumberColumn(
                "Requests represented", format="localized", help="Without sampling: the scored requests"
            ),
            "undefined": column.NumberColumn("Not scored", format="localized"),
        },
        key=f"quality_by_{by}",
        alt=f"Quality by {by}",
    )
