"""The fourth part of a new run: how hard it may push, and what it may cost."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation.rate_limits import MAX_CONCURRENCY, RateLimits, parse_spend_limit
from pages.parts.launch import launch_keys


def draw(*, asks_model: bool) -> RateLimits | None:
    """Concurrency, rate, timeout and spend limit; None (the default pace) where nobody is asked."""
    if not asks_model:
        st.caption("This run asks no model, so there is nothing to pace and nothing to pay.")
        return None
    usual = RateLimits()
    with st.grid(4, min_column_width=150, gap="small"):
        concurrency = st.number_input(
            "Calls at once",
            min_value=1,
            max_value=MAX_CONCURRENCY,
            value=usual.concurrency,
            step=1,
            key=launch_keys.RUN_CONCURRENCY,
        )
        rate = st.number_input(
            "Calls a minute",
            min_value=1,
            value=None,
            step=10,
            key=launch_keys.RUN_RATE,
            placeholder="no limit",
            help="At most. Without one, the provider says when it is too much, and the run waits.",
        )
        timeout_s = st.number_input(
            "Timeout of a score, s",
            min_value=1.0,
            value=usual.unit_timeout_s,
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
            help="Judging and answering together. The run pauses before a call that might go beyond it.",
        )
    return RateLimits(
        concurrency=int(concurrency),
        calls_per_minute=rate,
        unit_timeout_s=float(timeout_s),
        spend_limit_nano_usd=parse_spend_limit(limit_usd),
    )
