"""Latency: how long do people wait, and for which model?"""

import streamlit as st

from genaiops_core.rollbacks import policy as policies
from pages.parts.charts import measures, plots
from pages.parts.reads import traffic
from pages.parts.shared import filters, frame, keys, units
from pages.parts.traffic import latency_view

screen = frame.guard("latency")
head = filters.draw_header(screen, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE, keys.MODEL))
window, url = head.filters, screen.url
total, before = traffic.summarise(url, window), traffic.summarise(url, window.previous())
course = traffic.read_series(url, window)
limit_ms = policies.default().strictest_threshold("p95_latency")


def draw_cards() -> None:
    """Percentiles of requests, then of model calls."""
    with st.grid(6, min_column_width=150, gap="small"):
        for name in latency_view.PERCENTILES:
            measures.draw_card(
                f"Requests {name}",
                units.format_duration(total.latency_ms[name]),
                units.format_duration_change(total.latency_ms[name], before.latency_ms[name]),
                "vs prior",
                icon="speed",
                colour="inverse",
                trend=[point.figures.latency_ms[name] for point in course],
            )
        for name in latency_view.PERCENTILES:
            measures.draw_card(
                f"Calls {name}",
                units.format_duration(total.call_latency_ms[name]),
                units.format_duration_change(total.call_latency_ms[name], before.call_latency_ms[name]),
                "vs prior",
                icon="neurology",
                colour="inverse",
                trend=[point.figures.call_latency_ms[name] for point in course],
            )


def draw_requests() -> None:
    """What people wait: the three percentiles over time against the limit."""
    st.subheader("Requests", icon=":material/speed:", anchor=False)
    series = [
        line
        for name in latency_view.PERCENTILES
        for line in measures.build_lines(
            window,
            course,
            lambda f, name=name: latency_view.seconds(f.latency_ms, name),
            name=lambda _key, name=name: name,
        )
    ]
    limit = (
        plots.Limit(value=limit_ms / 1000, label=f"rollback above p95 {limit_ms / 1000:g} s")
        if limit_ms
        else None
    )
    plots.show(
        plots.lines(series, unit="s", limit=limit, height=270, decimals=2),
        key="latency_requests",
        alt="Latency percentiles of requests in seconds over time",
    )


def draw_models() -> None:
    """Which model makes them wait."""
    st.subheader("Model calls, p95", icon=":material/neurology:", anchor=False)
    points = traffic.read_series(url, window, "model")
    series = measures.build_lines(
        window,
        points,
        lambda f: latency_view.seconds(f.call_latency_ms, "p95"),
        name=lambda key: key or "unknown model",
        order=measures.dearest(points, most=6),
    )
    plots.show(
        plots.lines(series, unit="s", height=270, decimals=2),
        key="latency_models",
        alt="p95 latency of model calls in seconds over time by model",
    )


with head.facts:
    st.badge(units.format_quantity(total.requests, "request"), icon=":material/swap_vert:", color="gray")
    st.badge(
        "failed ones left out",
        icon=":material/filter_alt:",
        color="gray",
        help="Percentiles are of successes",
    )
if not total.requests and not total.calls:
    frame.draw_empty_state(
        "Nothing was measured in this window",
        "Widen the window or the filters, or send traces to the API.",
        icon="speed",
        to="traces",
    )
else:
    draw_cards()
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        draw_requests()
    with right.container(border=True, height="stretch"):
        draw_models()
    with st.container(border=True):
        by_model, by_release, by_application = st.tabs(["By model", "By release", "By application"])
        with by_model:
            latency_view.draw_table(url, window, "model", "Model")
        with by_release:
            latency_view.draw_table(url, window, "release", "Release")
        with by_application:
            latency_view.draw_table(url, window, "application", "Application")
