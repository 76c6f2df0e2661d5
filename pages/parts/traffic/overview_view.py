"""Parts of the overview: the traffic split, the applications and their latency."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.rollbacks.health import MIN_REQUESTS, MIN_SCORES, Health, rank_by_trouble
from genaiops_core.rollbacks.policy_metrics import Metric
from genaiops_core.rollouts.rollouts import Rollout
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.time_window import Filters
from pages.parts.charts import measures, plots, thresholds, unfinished
from pages.parts.reads import quality, releases, rollouts, system, traces, traffic
from pages.parts.shared import address, catalogue, keys, tables, units

_EVIDENCE: Mapping[Metric, str] = {
    "error_rate": "traces",
    "p95_latency": "latency",
    "cost_per_request": "cost",
    "avg_quality_score": "quality",
}
"""The screen that shows the requests behind a figure of the policy."""
_METRICS: Mapping[Metric, tuple[str, Callable[[float], str]]] = {
    "error_rate": ("error rate", units.format_share),
    "p95_latency": ("p95", units.format_duration),
    "cost_per_request": ("cost per request", lambda usd: units.format_usd(usd * units.NANO_PER_USD)),
    "avg_quality_score": ("quality", units.format_score),
}
STALE_AFTER = dt.timedelta(minutes=15)
"""The badge shows the age of the newest traffic when it is older than this."""


def draw_badges(url: str, window: Filters, healths: Sequence[Health]) -> None:
    """Draw states, open incidents and pending approvals; what needs action is a link to where to act."""
    # A panel is a column of its own.
    with st.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="xsmall"
    ):
        _draw_badges(url, window, healths)


def _draw_badges(url: str, window: Filters, healths: Sequence[Health]) -> None:
    states = [health.state for health in healths]
    st.badge(f"{states.count('healthy')} healthy", icon=":material/check_circle:", color="green")
    if degraded := [health for health in rank_by_trouble(healths) if health.state == "degraded"]:
        screen, parameters = find_evidence(degraded[0])
        _draw_badge_link(f":orange-badge[:material/warning: {len(degraded)} degraded]", screen, parameters)
    if open_incidents := sum(health.open_incidents for health in healths):
        label = units.format_quantity(open_incidents, "open incident")
        _draw_badge_link(f":red-badge[:material/error: {label}]", "incidents", {})
    if waiting := len(releases.list_pending_approvals(url)):
        label = f"{waiting} waiting for approval"
        _draw_badge_link(f":orange-badge[:material/hourglass_top: {label}]", "releases", {})
    if not system.is_worker_alive(url):
        _draw_badge_link(":orange-badge[:material/heart_broken: no worker running]", "settings", {})
    draw_age(url, window)


def _draw_badge_link(label: str, screen: str, parameters: Mapping[str, str]) -> None:
    st.page_link(
        catalogue.BY_NAME[screen].path,
        label=label,
        query_params=address.build_query(screen, **parameters),
        width="content",
    )


def draw_age(url: str, window: Filters) -> None:
    """Draw when the figures were read; for a window that ends now without recent traffic, the age of the newest.

    The time of day, because an age would be wrong as soon as the panel stops to redraw itself.
    """
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
    st.badge(
        f"updated {traffic.find_read_time(url, window):%H:%M:%S} UTC",
        icon=":material/schedule:",
        color="gray",
        help="The screen redraws itself every few seconds",
    )


def draw_cards(url: str, window: Filters, comparison: str) -> None:
    """Draw five figures with their trend and their change from the previous window."""
    current, before = traffic.summarise(url, window), traffic.summarise(url, window.previous())
    score = measures.find_mean_quality(quality.summarise(url, window))
    scores_before = quality.summarise(url, window.previous())
    score_before = (
        measures.find_mean_quality(scores_before)
        if sum(metric.scored for metric in scores_before) >= MIN_SCORES
        else None
    )
    points = traffic.read_series(url, window)
    minutes = (window.end - window.start).total_seconds() / 60
    p95 = current.latency_ms["p95"]
    # A change from a few requests is chance, and a percentage of them is a number without meaning.
    is_comparable = before.requests >= MIN_REQUESTS
    if not is_comparable:
        comparison = f"{units.format_quantity(before.requests, 'request')} before, too few to compare"
    at = now()

    def fill_counts(value: measures.Value) -> Sequence[float | None]:
        return unfinished.drop_unfinished(window, measures.fill_steps(window, points, value, gap=0), at)

    with st.grid(5, min_column_width=180, gap="small"):
        measures.draw_card(
            "Requests / min",
            units.format_count(current.requests / minutes),
            units.format_relative_change(current.requests, before.requests) if is_comparable else None,
            describe_requests(current, is_total=window.application is None) or comparison,
            icon="swap_vert",
            colour="primary",
            trend=fill_counts(lambda f: f.requests),
        )
        measures.draw_card(
            "p95 latency",
            units.format_duration(p95),
            units.format_duration_change(p95, before.latency_ms["p95"]) if is_comparable else None,
            comparison,
            icon="speed",
            colour="inverse",
            trend=[point.figures.latency_ms["p95"] for point in points],
        )
        measures.draw_card(
            "Quality, mean score",
            units.format_score(score),
            units.format_score_change(score, score_before),
            comparison,
            icon="verified",
            colour="normal",
            trend=measures.build_quality_trend(quality.read_series(url, window)),
        )
        measures.draw_card(
            "Error rate",
            units.format_share(current.error_rate),
            units.format_point_change(current.error_rate, before.error_rate) if is_comparable else None,
            comparison,
            icon="error",
            colour="inverse",
            trend=[point.figures.error_rate for point in points],
        )
        measures.draw_card(
            "Cost",
            units.format_cost(
                current.cost_nano_usd if current.cost_usd is not None else None, current.unpriced_calls
            ),
            units.format_relative_change(current.cost_nano_usd, before.cost_nano_usd)
            if is_comparable
            else None,
            comparison
            if not current.unpriced_calls
            else f"{units.format_count(current.unpriced_calls)} calls unpriced",
            icon="payments",
            colour="inverse",
            trend=fill_counts(lambda f: f.cost_nano_usd / 1e9),
        )


def describe_requests(figures: Figures, *, is_total: bool) -> str:
    """Describe requests that are counted in an unusual way; empty without any."""
    parts = []
    if is_total and figures.internal_requests:
        parts.append(f"{units.format_count(figures.internal_requests)} between applications counted once")
    if figures.rootless_requests:
        parts.append(f"{units.format_count(figures.rootless_requests)} without root span")
    return ", ".join(parts)


def draw_split(routed: Sequence[Rollout]) -> None:
    """Draw the stable release and the canary share of each application."""
    st.subheader("Traffic split", icon=":material/alt_route:", anchor=False)
    if not routed:
        st.caption(
            "No application has a rollout yet. Register a release, have it approved, then start its rollout."
        )
    for rollout in sorted(routed, key=lambda status: not status.is_live)[:5]:
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


def find_evidence(health: Health) -> tuple[str, dict[str, str]]:
    """The screen that shows why an application has its state, with the parameters of the link."""
    parameters = {keys.APPLICATION: health.application}
    if health.state == "incident":
        return "incidents", parameters
    if not health.breaches:
        return "traces", parameters
    screen = _EVIDENCE[health.breaches[0].trigger.metric]
    return screen, parameters | ({"trace_status": "error"} if screen == "traces" else {})


def describe_trouble(health: Health) -> str:
    """What is wrong with an application, in one line; '' when nothing is."""
    parts = [units.format_quantity(health.open_incidents, "open incident")] if health.open_incidents else []
    for breach in health.breaches:
        name, format_value = _METRICS[breach.trigger.metric]
        beyond = ">" if breach.trigger.comparison == "greater_than" else "<"
        parts.append(f"{name} {format_value(breach.value)} {beyond} {format_value(breach.trigger.threshold)}")
    return ", ".join(parts)


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
                "trouble": describe_trouble(health),
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
    healths: Sequence[Health], window: Filters, trends: Mapping[str | None, list[float]], length: str
) -> None:
    """Draw the table of applications, the one in most trouble first; a selected row leads to its evidence."""
    st.subheader(
        "Applications",
        icon=":material/apps:",
        anchor=False,
        help="Ordered by trouble. Select a row for the evidence of its state.",
    )
    column = tables.column
    rows = build_rows(healths, window)
    columns = {
        "application": column.TextColumn("Application", pinned=True),
        "state": tables.state_column("Status"),
        "trouble": column.TextColumn("Trouble"),
        "release": column.TextColumn("Stable"),
        "canary": column.TextColumn("Canary"),
        "quality": column.ProgressColumn("Quality", min_value=0, max_value=1, format="%.3f"),
        "p95": column.NumberColumn("p95", format="%.2f s"),
        "errors": column.NumberColumn("Errors", format="percent"),
        "cost": column.NumberColumn("Cost / day", format="dollar"),
        "trend": column.AreaChartColumn(f"Requests, {length}", y_min=0, color="violet"),
    }
    if not any(row["trouble"] for row in rows):
        del columns["trouble"]
    selected_row = tables.pick(
        [{**row, "trend": trends.get(row["application"])} for row in rows],
        columns,
        key="overview_applications",
        alt="Applications with their state, quality, latency, errors and cost, the one in most trouble first",
    )
    if selected_row is not None:
        _draw_evidence(healths[selected_row])


def _draw_evidence(health: Health) -> None:
    """Draw the links of a selected application. Switching at once would need two steps back."""
    name, trouble = units.escape_markdown(health.application), describe_trouble(health)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{name}**", width="content")
        tables.draw_badge(health.state)
        if trouble:
            st.caption(units.escape_markdown(trouble), width="content")
        st.space("stretch")
        screen, parameters = find_evidence(health)
        links = {screen: parameters, "traces": {keys.APPLICATION: health.application}} | (
            {"rollouts": {keys.ROLLOUT: health.application}} if health.rollout else {}
        )
        for target, query in (links | {screen: parameters}).items():
            entry = catalogue.BY_NAME[target]
            st.page_link(
                entry.path,
                label=entry.title,
                icon=entry.icon,
                query_params=address.build_query(target, **query),
                width="content",
            )


def draw_latency(url: str, window: Filters, healths: Sequence[Health]) -> None:
    """Draw p95 latency of stable release and canary of the application in most trouble, of those with traffic.

    Args:
        url: URL of the database.
        window: the window; narrowed to one application, that one is drawn.
        healths: in order of trouble.
    """
    health = next((health for health in healths if health.traffic), None)
    if health is None:
        return
    application, rollout = health.application, health.rollout
    points = traffic.read_series(url, dataclasses.replace(window, application=application), "release")
    series = measures.build_release_lines(
        window, points, rollout, lambda f: f.latency_ms["p95"], divisor=1000
    )
    st.subheader(f"p95 latency, {units.escape_markdown(application)}", icon=":material/speed:", anchor=False)
    # The policy knows no environment, so it does not watch the figures of one.
    watched = rollout if window.environment is None else None
    limit = thresholds.build_limit(
        rollouts.get_policy(application), "p95_latency", watched, divisor=1000, unit=" s"
    )
    figure = plots.build_line_chart(
        series,
        unit="s",
        limit=limit,
        height=262,
        decimals=2,
        is_unfinished=unfinished.has_unfinished_step(window, now()),
    )
    plots.draw(
        figure,
        key="overview_latency",
        alt=f"p95 latency of {application} in seconds, stable release against canary",
    )
