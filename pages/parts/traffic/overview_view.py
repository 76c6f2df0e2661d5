"""Parts of the overview: who gets which release, and one row an application."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.rollbacks import policy as policies
from genaiops_core.rollbacks.health import Health
from genaiops_core.rollouts.rollouts import Rollout
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.time_window import Filters
from pages.parts.charts import measures, plots
from pages.parts.reads import traces, traffic
from pages.parts.shared import keys, tables, units

STALE_AFTER = dt.timedelta(minutes=15)
"""Without traffic for this long, nothing on the screen moves: then that is what is said."""


def draw_age(url: str, window: Filters) -> None:
    """How old the figures are; how old the newest traffic is, when it is older than a window that ends now."""
    at = now()
    last = traces.find_last_request_time(url, window)
    if last is not None and at - window.end < STALE_AFTER < at - last:
        st.badge(
            f"last traffic {units.format_age(last, at)}",
            icon=":material/history:",
            color="orange",
            help="Nothing has come since; the figures are those of the window all the same",
        )
        return
    st.badge(
        f"updated {units.format_age(traffic.find_read_time(url, window), at)}",
        icon=":material/schedule:",
        color="gray",
    )


def draw_split(rollouts: Sequence[Rollout]) -> None:
    """Who gets which release."""
    st.subheader("Traffic split", icon=":material/alt_route:", anchor=False)
    if not rollouts:
        st.caption(
            "No application follows a release yet. Register one, have it approved, then start its rollout."
        )
    for one in sorted(rollouts, key=lambda rollout: not rollout.is_live)[:5]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                "pages/rollouts.py",
                label=f"**{units.escape_markdown(one.application)}**",
                query_params={keys.ROLLOUT: one.application},
            )
            measures.rollout_badge(one)
            st.space("stretch")
            st.caption(measures.rollout_note(one), width="content")
        st.progress(one.percent / 100 if one.is_live else 1.0)
    st.space("stretch")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.page_link("pages/rollouts.py", label="Move traffic", icon=":material/tune:")


def build_rows(
    healths: Iterable[Health], figures: Mapping[str | None, Figures], window: Filters
) -> list[dict[str, Any]]:
    """One row an application: its state and what it rests on."""
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
                "cost": _cost_per_day(figures.get(health.application), days),
            }
        )
    return rows


def _cost_per_day(figures: Figures | None, days: float) -> float | None:
    """USD; None when no call has a price."""
    return None if figures is None or figures.cost_usd is None else figures.cost_nano_usd / 1e9 / days


def draw_applications(
    found: Sequence[Mapping[str, Any]], courses: Mapping[str | None, list[float]], window: str
) -> None:
    """The table of applications, with the course of their requests."""
    st.subheader("Applications", icon=":material/apps:", anchor=False)
    column = tables.column
    tables.draw(
        [{**row, "course": courses.get(row["application"])} for row in found],
        {
            "application": column.TextColumn("Application", pinned=True),
            "state": tables.state_column("Status"),
            "release": column.TextColumn("Stable"),
            "canary": column.TextColumn("Canary"),
            "quality": column.ProgressColumn("Quality", min_value=0, max_value=1, format="%.3f"),
            "p95": column.NumberColumn("p95", format="%.2f s"),
            "errors": column.NumberColumn("Errors", format="percent"),
            "cost": column.NumberColumn("Cost / day", format="dollar"),
            "course": column.AreaChartColumn(f"Requests, {window}", y_min=0, color="violet"),
        },
        key="overview_applications",
        alt="Applications with their state, quality, latency, errors and cost",
    )


def draw_latency(url: str, window: Filters, rollouts: Sequence[Rollout], busiest: str | None) -> None:
    """The stable release against the canary, for the application that is shown or that has a canary."""
    live = next((one for one in rollouts if one.canary), rollouts[0] if rollouts else None)
    chosen = window.application or (live.application if live else busiest)
    if chosen is None:
        return
    points = traffic.read_series(url, dataclasses.replace(window, application=chosen), "release")
    status = next((one for one in rollouts if one.application == chosen), None)
    series = measures.by_release(window, points, status, lambda f: f.latency_ms["p95"], per=1000)
    st.subheader(f"p95 latency, {units.escape_markdown(chosen)}", icon=":material/speed:", anchor=False)
    limit_ms = policies.default().strictest_threshold("p95_latency")
    limit = (
        plots.Limit(value=limit_ms / 1000, label=f"rollback above {limit_ms / 1000:g} s")
        if limit_ms
        else None
    )
    plots.show(
        plots.lines(series, unit="s", limit=limit, height=262, decimals=2),
        key="overview_latency",
        alt=f"p95 latency of {chosen} in seconds, stable release against canary",
    )
