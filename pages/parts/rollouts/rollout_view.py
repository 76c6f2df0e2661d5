"""One rollout: facts, live charts of canary and stable release, and tables of all rollouts."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.rollbacks.policy_metrics import Metric
from genaiops_core.rollouts.rollouts import Rollout
from genaiops_core.telemetry.time_window import STEPS, Filters
from genaiops_core.telemetry.traffic.series import Point, choose_step, list_step_starts
from pages.parts.charts import measures, plots, thresholds
from pages.parts.reads import quality, rollouts, traffic
from pages.parts.shared import frame, tables, units
from pages.parts.shared.filters import Header

REFRESH_S = 3


def draw_facts(rollout: Rollout) -> None:
    """Draw releases, steps, start and verdict of a rollout."""
    tables.draw_facts(
        {
            "Stable release": rollout.stable,
            "Canary release": rollout.canary or "none",
            "Steps": ", ".join(f"{step:g} %" for step in rollout.steps) or "none",
            "Started": f"{units.format_instant(rollout.started_at)} by {rollout.started_by}"
            if rollout.started_at
            else "never",
            "Verdict": rollout.verdict or "none yet",
        }
    )


@frame.refresh_every(run_every_s=REFRESH_S)
def draw_live(url: str, application: str, head: Header) -> None:
    """Draw charts of canary and stable release; they refresh every few seconds."""
    at = now()
    rollout = next(
        (status for status in rollouts.list_rollouts(url) if status.application == application), None
    )
    # A fragment keeps the arguments of the last full run, so the window is moved on here.
    filters = dataclasses.replace(head.filters_at(at), application=application)
    points = traffic.read_live_series(url, filters, "release")
    minutes = STEPS[choose_step(filters)]
    with st.container(horizontal=True, gap="small"):
        _draw_observed_share(points, rollout)
        st.badge(f"live, every {REFRESH_S} s · {at:%H:%M:%S} UTC", icon=":material/sensors:", color="gray")
    if not points:
        st.caption(
            f"No request of {units.escape_markdown(application)} in the window {head.window}. Widen the window."
        )
        return
    policy = rollouts.get_policy(application)

    def build_lines(
        value: measures.Value, *, divisor: float = 1, gap: float | None = None
    ) -> list[plots.Line]:
        return measures.build_release_lines(filters, points, rollout, value, divisor=divisor, gap=gap)

    def find_limit(metric: Metric, *, divisor: float = 1, unit: str = "") -> plots.Limit | None:
        # Beside a canary, the threshold is the canary's: the policy does not watch the stable release then.
        subject = "canary" if rollout is not None and rollout.canary else ""
        return thresholds.build_limit(policy, metric, rollout, divisor=divisor, unit=unit, subject=subject)

    panels: list[tuple[str, str, list[plots.Line], plots.Limit | None, float | None]] = [
        ("Requests", "per min", build_lines(lambda f: f.requests, divisor=minutes, gap=0), None, None),
        (
            "Error rate",
            "%",
            build_lines(lambda f: None if f.error_rate is None else f.error_rate * 100),
            find_limit("error_rate", divisor=0.01, unit=" %"),
            None,
        ),
        (
            "p95 latency",
            "s",
            build_lines(lambda f: f.latency_ms["p95"], divisor=1000),
            find_limit("p95_latency", divisor=1000, unit=" s"),
            None,
        ),
        (
            "Cost per request",
            "USD",
            build_lines(lambda f: f.cost_per_request_nano_usd, divisor=1e9),
            find_limit("cost_per_request", unit=" USD"),
            None,
        ),
        ("Canary share, observed", "%", _build_share_lines(filters, points, rollout), None, 100.0),
        (
            "Quality, by hour",
            "score",
            _build_quality_lines(url, application, at, rollout),
            find_limit("avg_quality_score"),
            1.0,
        ),
    ]
    if rollout is None or not rollout.is_live:
        panels = [panel for panel in panels if not panel[0].startswith("Canary")]
    columns = st.columns(3)
    for number, (title, unit, lines, line_limit, top) in enumerate(panels):
        with columns[number % 3]:
            st.markdown(f"**{title}**")
            plots.draw(
                plots.build_line_chart(lines, unit=unit, limit=line_limit, height=190, top=top),
                key=f"rollout_live_{number}_{application}",
                alt=f"{title} of {application}, canary against stable",
            )


def _draw_observed_share(points: Sequence[Point], rollout: Rollout | None) -> None:
    if rollout is None or not rollout.is_live:
        return
    # Clients cache the routing, so the observed share follows the slider with a delay.
    newest = sorted({point.start for point in points})[-5:]
    recent = [point for point in points if point.start in newest]
    total = sum(point.figures.requests for point in recent)
    canary = sum(point.figures.requests for point in recent if point.key == rollout.canary)
    st.badge(
        f"observed canary share {units.format_share(canary / total if total else None, decimals=1)} of {total:,} requests",
        icon=":material/visibility:",
        color="blue",
    )


def _build_share_lines(
    filters: Filters, points: Sequence[Point], rollout: Rollout | None
) -> list[plots.Line]:
    """The share of the canary in the received requests, step by step."""
    totals: dict[dt.datetime, int] = {}
    canary: dict[dt.datetime, int] = {}
    for point in points:
        totals[point.start] = totals.get(point.start, 0) + point.figures.requests
        if rollout is not None and point.key == rollout.canary:
            canary[point.start] = point.figures.requests
    instants = list_step_starts(filters, choose_step(filters))
    values = [canary.get(start, 0) / totals[start] * 100 if totals.get(start) else None for start in instants]
    return [plots.Line(name="canary", at=instants, values=values)]


def _build_quality_lines(
    url: str, application: str, at: dt.datetime, rollout: Rollout | None
) -> list[plots.Line]:
    grouped: dict[str | None, dict[dt.datetime, list[Any]]] = {}
    for point in quality.read_live_series(url, Filters.last("24h", now=at, application=application)):
        grouped.setdefault(point.key, {}).setdefault(point.start, []).append(point.quality)
    roles = {} if rollout is None else {rollout.stable: "stable", rollout.canary: "canary"}
    order = [key for key in roles if key in grouped] or list(grouped)[: measures.MAX_RELEASES]
    return plots.align_lines(
        {
            f"{roles.get(key, '')} {key or units.NOT_SET}".strip(): {
                start: measures.find_mean_quality(qualities) for start, qualities in grouped[key].items()
            }
            for key in order
        }
    )


def draw_all(all_rollouts: Sequence[Rollout]) -> None:
    """Draw the rollout of every application."""
    column = tables.column
    tables.draw(
        [
            {
                "application": rollout.application,
                "state": [rollout.state],
                "stable": rollout.stable,
                "canary": rollout.canary or "",
                "percent": rollout.percent if rollout.is_live else 0.0,
                "step": f"{rollout.step} of {len(rollout.steps)}" if rollout.steps else "",
                "verdict": [rollout.verdict] if rollout.verdict else [],
                "by": rollout.started_by,
                "at": rollout.started_at,
            }
            for rollout in all_rollouts
        ],
        {
            "application": column.TextColumn("Application", pinned=True),
            "state": tables.state_column("State"),
            "stable": column.TextColumn("Stable"),
            "canary": column.TextColumn("Canary"),
            "percent": column.ProgressColumn("Canary share", min_value=0, max_value=100, format="%.4g%%"),
            "step": column.TextColumn("Step"),
            "verdict": tables.state_column("Verdict"),
            "by": column.TextColumn("Started by"),
            "at": column.DatetimeColumn("Started", format="distance"),
        },
        key="rollout_all",
        alt="Every application with its stable and canary release",
    )


def draw_history(rows: Sequence[dict[str, Any]]) -> None:
    """Draw every rollout of one application, newest first."""
    column = tables.column
    tables.draw(
        [{**row, "state": [row["state"]], "verdict": [row["verdict"]]} for row in rows],
        {
            "canary": column.TextColumn("Release"),
            "stable": column.TextColumn("Stable at the time"),
            "percent": column.NumberColumn("Last share", format="%.4g%%"),
            "state": tables.state_column("State"),
            "verdict": tables.state_column("Verdict"),
            "started_by": column.TextColumn("Started by"),
            "started_at": column.DatetimeColumn("Started (UTC)", format="DD MMM YYYY HH:mm", timezone="UTC"),
            "ended_at": column.DatetimeColumn("Ended (UTC)", format="DD MMM YYYY HH:mm", timezone="UTC"),
        },
        key="rollout_history",
        alt="Rollouts of this application",
    )
