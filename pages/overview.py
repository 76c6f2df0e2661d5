"""Overview: service health, traffic split and trends."""

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.rollbacks.health import rank_by_trouble
from pages.parts.charts import measures
from pages.parts.reads import rollouts, traffic
from pages.parts.shared import filters, frame
from pages.parts.traffic import overview_view

screen = frame.guard("overview")
head = filters.draw_header(screen)
REFRESH_S = 10


@frame.refresh_every(run_every_s=REFRESH_S)
def draw_facts(url: str, head: filters.Header) -> None:
    """Draw states, open incidents and pending approvals; each leads to its screen."""
    window = head.filters_at(now())
    overview_view.draw_badges(url, window, rollouts.list_health(url, window))


@frame.refresh_every(run_every_s=REFRESH_S)
def draw_body(url: str, head: filters.Header) -> None:
    """Draw figures, charts and applications, the one in most trouble first."""
    window = head.filters_at(now())
    healths = rank_by_trouble(rollouts.list_health(url, window))
    if not healths:
        frame.draw_empty_state(
            "No traffic yet",
            "Point an OpenTelemetry exporter at the API (OTLP over HTTP, `/v1/traces`), run `genaiops import traces`, "
            "or write the demo with `genaiops demo`.",
            icon="sensors_off",
            to="settings",
            link="Addresses of the API",
        )
        return
    overview_view.draw_cards(url, window, head.comparison)
    left_column, right_column = st.columns([5, 3])
    with left_column.container(border=True, height="stretch"):
        overview_view.draw_latency(url, window, healths)
    with right_column.container(border=True, height="stretch"):
        overview_view.draw_split([health.rollout for health in healths if health.rollout])
    with st.container(border=True):
        trends = measures.build_request_trends(window, traffic.read_series(url, window, "application"))
        overview_view.draw_applications(healths, window, trends, head.window)


with head.facts:
    draw_facts(screen.url, head)
draw_body(screen.url, head)
