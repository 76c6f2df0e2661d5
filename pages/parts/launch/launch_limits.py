"""The fourth section of the form: concurrency, rate limit, timeout and spend limit."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation.rate_limits import MAX_CONCURRENCY, RateLimits, parse_spend_limit
from pages.parts.launch import launch_keys


def draw(*, has_model_calls: bool) -> RateLimits | None:
    """Draw the limits; returns None, the defaults, for an evaluation without model calls."""
    if not has_model_calls:
        st.caption("No model calls: this evaluation needs no limits and costs nothing.")
        return None
    defaults = RateLimits()
    with st.grid(4, min_column_width=150, gap="small"):
        concurrency = st.number_input(
            "Concurrent calls",
            min_value=1,
            max_value=MAX_CONCURRENCY,
            value=defaults.concurrency,
            step=1,
            key=launch_keys.RUN_CONCURRENCY,
        )
        calls_per_minute = st.number_input(
            "Calls per minute",
            min_value=1,
            value=None,
            step=10,
            key=launch_keys.RUN_RATE,
            placeholder="no limit",
            help="Maximum rate. Without it, the evaluation waits whenever the provider reports throttling.",
        )
        timeout_s = st.number_input(
            "Timeout per score, s",
            min_value=1.0,
            value=defaults.unit_timeout_s,
            step=10.0,
            format="%.0f",
            key=launch_keys.RUN_TIMEOUT,
        )
        limit_usd = st.number_input(
            "Spend limit, USD",
            min_value=0.0,
            value=None,
            step=1.0,
            format="%.2f",
            key=launch_keys.RUN_LIMIT_USD,
            placeholder="no limit",
            help="For judging and answering together. The evaluation pauses before a call that could exceed it.",
        )
    return RateLimits(
        concurrency=int(concurrency),
        calls_per_minute=calls_per_minute,
        unit_timeout_s=float(timeout_s),
        spend_limit_nano_usd=parse_spend_limit(limit_usd),
    )
