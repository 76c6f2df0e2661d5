"""Overview: service health, traffic split and trends."""

import streamlit as st

from pages.parts.charts import measures
from pages.parts.reads import quality as reads_quality
from pages.parts.reads import releases, system, traffic
from pages.parts.reads import rollouts as reads_rollouts
from pages.parts.shared import filters, frame, units
from pages.parts.traffic import overview_view

screen = frame.guard("overview")
head = filters.draw_header(screen)
window, url = head.filters, screen.url

healths = reads_rollouts.list_health(url, window)
rollouts = [health.rollout for health in healths if health.rollout]
open_incidents = sum(health.open_incidents for health in healths)


def draw_badges() -> None:
    """Draw states, open incidents and pending approvals."""
    states = [health.state for health in healths]
    with head.facts:
        st.badge(f"{states.count('healthy')} healthy", icon=":material/check_circle:", color="green")
        if degraded := states.count("degraded"):
            st.badge(f"{degraded} degraded", icon=":material/warning:", color="orange")
        if open_incidents:
            st.badge(
                units.format_quantity(open_incidents, "open incident"), icon=":material/error:", color="red"
            )
        if waiting := len(releases.list_pending_approvals(url)):
            st.badge(f"{waiting} waiting for approval", icon=":material/hourglass_top:", color="orange")
        if not system.is_worker_alive(url):
            st.badge(
                "no worker running",
                icon=":material/heart_broken:",
                color="orange",
                help="The rollback policy is not evaluated",
            )
        overview_view.draw_age(url, window)


def draw_cards() -> None:
    """Draw five figures with their trend and their change from the previous window."""
    current, before = traffic.summarise(url, window), traffic.summarise(url, window.previous())
    quality = measures.find_mean_quality(reads_quality.summarise(url, window))
    quality_before = measures.find_mean_quality(reads_quality.summarise(url, window.previous()))
    points = traffic.read_series(url, window)
    minutes = (window.end - window.start).total_seconds() / 60
    p95, p95_before = current.latency_ms["p95"], before.latency_ms["p95"]
    with st.grid(5, min_column_width=180, gap="small"):
        measures.draw_card(
            "Requests / min",
            units.format_count(current.requests / minutes),
            units.format_relative_change(current.requests, before.requests),
            overview_view.describe_requests(current, is_total=window.application is None) or head.comparison,
            icon="swap_vert",
            colour="primary",
            trend=measures.fill_steps(window, points, lambda f: f.requests, gap=0),
        )
        measures.draw_card(
            "p95 latency",
            units.format_duration(p95),
            units.format_duration_change(p95, p95_before),
            head.comparison,
            icon="speed",
            colour="inverse",
            trend=[point.figures.latency_ms["p95"] for point in points],
        )
        measures.draw_card(
            "Quality, mean score",
            units.format_score(quality),
            units.format_score_change(quality, quality_before),
            head.comparison,
            icon="verified",
            colour="normal",
            trend=measures.build_quality_trend(reads_quality.read_series(url, window)),
        )
        measures.draw_card(
            "Error rate",
            units.format_share(current.error_rate),
            units.format_point_change(current.error_rate, before.error_rate),
            head.comparison,
            icon="error",
            colour="inverse",
            trend=[point.figures.error_rate for point in points],
        )
        measures.draw_card(
            "Cost",
            units.format_cost(
                current.cost_nano_usd if current.cost_usd is not None else None, current.unpriced_calls
            ),
            units.format_relative_change(current.cost_nano_usd, before.cost_nano_usd),
            head.comparison
            if not current.unpriced_calls
            else f"{units.format_count(current.unpriced_calls)} calls unpriced",
            icon="payments",
            colour="inverse",
            trend=measures.fill_steps(window, points, lambda f: f.cost_nano_usd / 1e9, gap=0),
        )


draw_badges()
if not healths:
    frame.draw_empty_state(
        "No traffic yet",
        "Point an OpenTelemetry exporter at the API (OTLP over HTTP, `/v1/traces`), run `genaiops import traces`, "
        "or write the demo with `genaiops demo`.",
        icon="sensors_off",
        to="settings",
        link="Addresses of the API",
    )
else:
    draw_cards()
    left_column, right_column = st.columns([5, 3])
    with left_column.container(border=True, height="stretch"):
        requests = {health.application: health.figures.requests for health in healths if health.traffic}
        overview_view.draw_latency(
            url, window, rollouts, max(requests, key=requests.__getitem__, default=None)
        )
    with right_column.container(border=True, height="stretch"):
        overview_view.draw_split(rollouts)
    with st.container(border=True):
        rows = overview_view.build_rows(healths, window)
        overview_view.draw_applications(
            rows,
            measures.build_request_trends(window, traffic.read_series(url, window, "application")),
            head.window,
        )
