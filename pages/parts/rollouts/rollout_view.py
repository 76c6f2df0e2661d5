"""How a rollout is shown: facts, live charts of canary against stable, and tables."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.rollbacks import policy as policies
from genaiops_core.rollouts.rollouts import Rollout
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.series import STEPS, Point, choose_step, list_step_starts
from pages.parts.charts import measures, plots
from pages.parts.reads import quality, rollouts, traffic
from pages.parts.shared import frame, tables, units
from pages.parts.shared.filters import Header

REFRESH_S = 3


def draw_facts(one: Rollout) -> None:
    """Who started it, when, and what the evidence says."""
    tables.draw_facts(
        {
            "Stable release": one.stable,
            "Canary release": one.canary or "none",
            "Steps": ", ".join(f"{step:g} %" for step in one.steps) or "none",
            "Started": f"{units.format_instant(one.started_at)} by {one.started_by}"
            if one.started_at
            else "never",
            "Verdict": one.verdict or "none yet",
        }
    )


@frame.refresh_every(run_every_s=REFRESH_S)
def draw_live(url: str, application: str, head: Header) -> None:
    """Canary against stable, drawn again every few seconds."""
    at = now()
    one = next((found for found in rollouts.list_rollouts(url) if found.application == application), None)
    filters = dataclasses.replace(head.filters_at(at), application=application)
    points = traffic.read_live_series(url, filters, "release")
    minutes = STEPS[choose_step(filters)]
    with st.container(horizontal=True, gap="small"):
        _draw_observed(points, one)
        st.badge(f"live, every {REFRESH_S} s · {at:%H:%M:%S} UTC", icon=":material/sensors:", color="gray")
    if not points:
        st.caption(
            f"No request of {units.escape_markdown(application)} in the window {head.window}. Widen it to see older ones."
        )
        return
    policy = policies.default()

    def line(value: measures.Value, *, per: float = 1, gap: float | None = None) -> list[plots.Line]:
        return measures.by_release(filters, points, one, value, per=per, gap=gap)

    def limit(metric: str, *, per: float = 1, unit: str = "", sign: str = "") -> plots.Limit | None:
        found = policy.strictest_threshold(metric)
        return (
            None
            if found is None
            else plots.Limit(value=found / per, label=f"rollback {sign}{found / per:g}{unit}")
        )

    panels = (
        ("Requests", "per min", line(lambda f: f.requests, per=minutes, gap=0), None, None),
        (
            "Error rate",
            "%",
            line(lambda f: None if f.error_rate is None else f.error_rate * 100),
            limit("error_rate", per=0.01, unit=" %", sign="> "),
            None,
        ),
        (
            "p95 latency",
            "s",
            line(lambda f: f.latency_ms["p95"], per=1000),
            limit("p95_latency", per=1000, unit=" s", sign="> "),
            None,
        ),
        (
            "Cost per request",
            "USD",
            line(lambda f: f.cost_per_request_nano_usd, per=1e9),
            limit("cost_per_request", unit=" USD", sign="> "),
            None,
        ),
        ("Canary share, observed", "%", _shares(filters, points, one), None, 100.0),
        (
            "Quality, by hour",
            "score",
            _quality(url, application, at, one),
            limit("avg_quality_score", sign="< "),
            1.0,
        ),
    )
    if one is None or not one.is_live:
        panels = tuple(panel for panel in panels if not panel[0].startswith("Canary"))
    columns = st.columns(3)
    for place, (title, unit, lines, line_limit, top) in enumerate(panels):
        with columns[place % 3]:
            st.markdown(f"**{title}**")
            plots.show(
                plots.lines(lines, unit=unit, limit=line_limit, height=190, top=top),
                key=f"rollout_live_{place}_{application}",
                alt=f"{title} of {application}, canary against stable",
            )


def _draw_observed(points: Sequence[Point], one: Rollout | None) -> None:
    if one is None or not one.is_live:
        return
    # The share that really came, over the newest steps: it follows the slider as clients ask again.
    newest = sorted({point.start for point in points})[-5:]
    recent = [point for point in points if point.start in newest]
    whole = sum(point.figures.requests for point in recent)
    canary = sum(point.figures.requests for point in recent if point.key == one.canary)
    st.badge(
        f"observed canary share {units.format_share(canary / whole if whole else None, decimals=1)} of {whole:,} requests",
        icon=":material/visibility:",
        color="blue",
    )


def _shares(filters: Filters, points: Sequence[Point], one: Rollout | None) -> list[plots.Line]:
    """The canary's part of the requests that came, step by step."""
    whole: dict[dt.datetime, int] = {}
    canary: dict[dt.datetime, int] = {}
    for point in points:
        whole[point.start] = whole.get(point.start, 0) + point.figures.requests
        if one is not None and point.key == one.canary:
            canary[point.start] = point.figures.requests
    instants = list_step_starts(filters, choose_step(filters))
    values = [canary.get(start, 0) / whole[start] * 100 if whole.get(start) else None for start in instants]
    return [plots.Line(name="canary", at=instants, values=values)]


def _quality(url: str, application: str, at: dt.datetime, one: Rollout | None) -> list[plots.Line]:
    grouped: dict[str | None, dict[dt.datetime, list[Any]]] = {}
    for point in quality.read_live_series(url, Filters.last("24h", now=at, application=application)):
        grouped.setdefault(point.key, {}).setdefault(point.start, []).append(point.quality)
    roles = {} if one is None else {one.stable: "stable", one.canary: "canary"}
    order = [key for key in roles if key in grouped] or list(grouped)[: measures.MAX_RELEASES]
    return plots.by_name(
        {
            f"{roles.get(key, '')} {key or units.NO_DATA}".strip(): {
                start: measures.find_mean_quality(found) for start, found in grouped[key].items()
            }
            for key in order
        }
    )


def draw_all(found: Sequence[Rollout]) -> None:
    """Where every application stands."""
    column = tables.column
    tables.draw(
        [
            {
                "application": one.application,
                "state": [one.state],
                "stable": one.stable,
                "canary": one.canary or "",
                "percent": one.percent if one.is_live else 0.0,
                "step": f"{one.step} of {len(one.steps)}" if one.steps else "",
                "verdict": [one.verdict] if one.verdict else [],
                "by": one.started_by,
                "at": one.started_at,
            }
            for one in found
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
    """Every rollout of one application, newest first."""
    column = tables.column
    tables.draw(
        [{**row, "state": [row["state"]], "verdict": [row["verdict"]]} for row in rows],
        {
            "canary": column.TextColumn("Release"),
            "stable": column.TextColumn("Stable then"),
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
