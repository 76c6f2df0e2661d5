"""What a score rests on, in words: how many, who judged, and whether they stand for more than themselves."""

from __future__ import annotations

import streamlit as st

from genaiops_core.telemetry.quality import MetricQuality
from genaiops_core.telemetry.samples import SamplingSummary
from pages.parts import units


def interval(one: MetricQuality) -> str:
    """`0.88–0.91, n 420`; `n 420 of 9,000` where the scores stand for more requests."""
    n = f"n {one.scored:,}"
    if one.is_sampled and one.population is not None:
        n += f" of {one.population:,}"
    return n if one.low is None or one.high is None else f"{one.low:.2f}–{one.high:.2f}, {n}"


def explain(one: MetricQuality) -> str:
    """Everything behind a mean, for its tooltip."""
    said = [
        f"Judged by {units.plain(one.judge)}, {units.plain(one.method)}, 95 %.",
        f"n = {one.scored:,}; {one.undefined:,} more could not be scored.",
    ]
    if one.is_sampled:
        effective = units.UNKNOWN if one.effective_n is None else f"{one.effective_n:,.0f}"
        said.append(
            f"Weighted by the chance of each request to be chosen: effective n {effective}, "
            f"stands for {units.count(one.population)} requests."
        )
    if one.unscored_share > 0:
        said.append(
            f"Nothing is scored yet of {units.share(one.unscored_share)} of that traffic; "
            "the interval covers whatever it may be."
        )
    return " ".join(said)


def draw_sampling(told: SamplingSummary) -> None:
    """How much of the traffic is judged, as a badge; nothing where sampling has not looked at any."""
    if not told.considered:
        return
    share = told.sampled / told.considered
    base = "changed in this window" if told.base_rate is None else units.share(told.base_rate)
    st.badge(
        f"{units.share(share, decimals=1)} sampled",
        icon=":material/colorize:",
        color="blue",
        help=f"{told.sampled:,} of {told.considered:,} requests were chosen for scoring; {told.scored:,} are scored, "
        f"{told.queued:,} wait. Base rate: {base}. Judging them cost {units.plain(units.usd(told.cost_nano_usd))}.",
    )
