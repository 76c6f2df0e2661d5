"""Parts of the overview: the traffic split, the applications and their latency."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.rollbacks.health import Health
from genaiops_core.rollouts.rollouts import Rollout
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.time_window import Filters
from pages.parts.charts import measures, plots, thresholds
from pages.parts.reads import rollouts as rollouts_reads
from pages.parts.reads import traces, traffic
from pages.parts.shared import keys, tables, units

STALE_AFTER = dt.timedelta(minutes=15)
"""The badge shows the age of the newest traffic when it is older than this."""


def draw_age(url: str, window: Filters) -> None:
    """Draw the age of the figures; for a window that ends now and has no recent traffic, the age of the newest."""
    at = now()
    last_request = traces.find_last_request_time(url, window)
    # A window of past dates is complete, so its age says nothing.
    if last_request is not None and at - window.end < STALE_AFTER < at - last_request:
        st.badge(
            f"last traffic {units.format_age(last_request, at)}",
            icon=":material/history:",
            color="orange",
            help="No newer traffic; the figures are those of the window",
        )
        return
    st.badge(
        f"updated {units.format_age(traffic.find_read_time(url, window), at)}",
        icon=":material/schedule:",
        color="gray",
    )


def describe_requests(figures: Figures, *, is_total: bool) -> str:
    """Describe requests that are counted in an unusual way; empty without any."""
    parts = []
    if is_total and figures.internal_requests:
        parts.append(f"{units.format_count(figures.internal_requests)} between applications counted once")
    if figures.rootless_requests:
        parts.append(f"{units.format_count(figures.rootless_requests)} without root span")
    return ", ".join(parts)


def draw_split(rollouts: Sequence[Rollout]) -> None:
    """Draw the stable release and the canary share of each application."""
    st.subheader("Traffic split", icon=":material/alt_route:", anchor=False)
    if not rollouts:
        st.caption(
            "No application has a rollout yet. Register a release, have it approved, then start its rollout."
        )
    for rollout in sorted(rollouts, key=lambda status: not status.is_live)[:5]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                "pages/rollouts.py",
                label=f"**{units.escape_markdown(rollout.application)}**",
                query_params={keys.ROLLOUT: rollout.application},
            )
            measures.draw_rollout_badge(rollout)
            st.space("stretch")
            st.caption(measures.format_rollout_note(rollout), width="content")
        st.progress(rollout.percent / 100 if rollout.is_live else 1.0)
    st.space("stretch")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.page_link("pages/rollouts.py", label="Open rollouts", icon=":material/tune:")


def build_rows(healths: Iterable[Health], window: Filters) -> list[dict[str, Any]]:
    """One row per application: its state and the figures behind it."""
    days = (window.end - window.start).total_seconds() / 86_400
    rows = []
    for health in healths:
        rollout = health.rollout
        p95_ms = health.figures.p95_latency
        rows.append(
            {
                "application": health.application,
                "state": [health.state],
                "release": rollout.stable if rollout else None,
                "canary": f"{rollout.canary} · {rollout.percent:g}%" if rollout and rollout.canary else "",
                "quality": health.figures.avg_quality_score,
                "p95": None if p95_ms is None else p95_ms / 1000,
                "errors": health.figures.error_rate,
                "cost": _cost_per_day(health.traffic, days),
            }
        )
    return rows


def _cost_per_day(figures: Figures | None, days: float) -> float | None:
    """USD; None when no call has a price."""
    return None if figures is None or figures.cost_usd is None else figures.cost_nano_usd / 1e9 / days


def draw_applications(
    rows: Sequence[Mapping[str, Any]], trends: Mapping[str | None, list[float]], window: str
) -> None:
    """Draw the table of applications with the trend of their requests."""
    st.subheader("Applications", icon=":material/apps:", anchor=False)
    column = tables.column
    tables.draw(
        [{**row, "trend": trends.get(row["application"])} for row in rows],
        {
            "application": column.TextColumn("Application", pinned=True),
            "state": tables.state_column("Status"),
            "release": column.TextColumn("Stable"),
            "canary": column.TextColumn("Canary"),
            "quality": column.ProgressColumn("Quality", min_value=0, max_value=1, format="%.3f"),
            "p95": column.NumberColumn("p95", format="%.2f s"),
            "errors": column.NumberColumn("Errors", format="percent"),
            "cost": column.NumberColumn("Cost / day", format="dollar"),
            "trend": column.AreaChartColumn(f"Requests, {window}", y_min=0, color="violet"),
        },
        key="overview_applications",
        alt="Applications with their state, quality, latency, errors and cost",
    )


def draw_latency(url: str, window: Filters, rollouts: Sequence[Rollout], busiest: str | None) -> None:
    """Draw p95 latency of stable release and canary for the chosen application, else for one with a canary."""
    live_rollout = next(
        (rollout for rollout in rollouts if rollout.canary), rollouts[0] if rollouts else None
    )
    application = window.application or (live_rollout.application if live_rollout else busiest)
    if application is None:
        return
    points = traffic.read_series(url, dataclasses.replace(window, application=application), "release")
    rollout = next((status for status in rollouts if status.application == application), None)
    series = measures.build_release_lines(
        window, points, rollout, lambda f: f.latency_ms["p95"], divisor=1000
    )
    st.subheader(f"p95 latency, {units.escape_markdown(application)}", icon=":material/speed:", anchor=False)
    # The policy knows no environment, so it does not watch the figures of one.
    watched = rollout if window.environment is None else None
    limit = thresholds.build_limit(
        rollouts_reads.get_policy(application), "p95_latency", watched, divisor=1000, unit=" s"
    )
    plots.draw(
        plots.build_line_chart(series, unit="s", limit=limit, height=262, decimals=2),
        key="overview_latency",
        alt=f"p95 latency of {application} in seconds, stable release against canary",
    )
