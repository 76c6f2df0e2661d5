"""Latency of requests and of model calls."""

import streamlit as st

from pages.parts.charts import measures, plots, thresholds
from pages.parts.reads import rollouts, traffic
from pages.parts.shared import filters, frame, units
from pages.parts.traffic import latency_view

screen = frame.guard("latency")
head = filters.draw_header(screen)
window, url = head.filters, screen.url
total, before = traffic.summarise(url, window), traffic.summarise(url, window.previous())
all_points = traffic.read_series(url, window)


def draw_cards() -> None:
    """Draw the percentiles of requests, then of model calls."""
    # The cards are too narrow to name the comparison beside the change: the help names it.
    with st.grid(6, min_column_width=150, gap="small"):
        for name in latency_view.PERCENTILES:
            measures.draw_card(
                f"Requests {name}",
                units.format_duration(total.latency_ms[name]),
                units.format_duration_change(total.latency_ms[name], before.latency_ms[name]),
                "",
                icon="speed",
                colour="inverse",
                trend=[point.figures.latency_ms[name] for point in all_points],
                help=f"Change {head.comparison}",
            )
        for name in latency_view.PERCENTILES:
            measures.draw_card(
                f"Calls {name}",
                units.format_duration(total.call_latency_ms[name]),
                units.format_duration_change(total.call_latency_ms[name], before.call_latency_ms[name]),
                "",
                icon="neurology",
                colour="inverse",
                trend=[point.figures.call_latency_ms[name] for point in all_points],
                help=f"Change {head.comparison}",
            )


def build_percentile_lines(percentile: str) -> list[plots.Line]:
    """One percentile of request latency in seconds, over every step of the window."""
    return measures.build_lines(
        window,
        all_points,
        lambda figures: latency_view.convert_to_seconds(figures.latency_ms, percentile),
        name=lambda _key: percentile,
    )


def draw_requests() -> None:
    """Draw the percentiles of requests over time and the threshold of the rollback policy where it watches p95."""
    st.subheader("Requests", icon=":material/speed:", anchor=False)
    series = [line for name in latency_view.PERCENTILES for line in build_percentile_lines(name)]
    limit = thresholds.build_limit(
        rollouts.get_policy(window.application),
        "p95_latency",
        thresholds.find_watched_rollout(window, rollouts.list_rollouts(url)),
        divisor=1000,
        unit=" s",
        subject="p95",
    )
    plots.draw(
        plots.build_line_chart(series, unit="s", limit=limit, height=270, decimals=2),
        key="latency_requests",
        alt="Latency percentiles of requests in seconds over time",
    )


def draw_models() -> None:
    """Draw the p95 latency of model calls over time, by model."""
    st.subheader("Model calls, p95", icon=":material/neurology:", anchor=False)
    points = traffic.read_series(url, window, "model")
    series = measures.build_lines(
        window,
        points,
        lambda f: latency_view.convert_to_seconds(f.call_latency_ms, "p95"),
        name=lambda key: key or "unknown model",
        order=measures.rank_by_cost(points, limit=6),
    )
    plots.draw(
        plots.build_line_chart(series, unit="s", height=270, decimals=2),
        key="latency_models",
        alt="p95 latency of model calls in seconds over time by model",
    )


with head.facts:
    st.badge(units.format_quantity(total.requests, "request"), icon=":material/swap_vert:", color="gray")
    st.badge(
        "errors excluded",
        icon=":material/filter_alt:",
        color="gray",
        help="Percentiles include successful requests only",
    )
if not total.requests and not total.calls:
    frame.draw_empty_state(
        "No latency in this window",
        "Widen the window or the filters, or send traces to the API.",
        icon="speed",
        to="traces",
    )
else:
    draw_cards()
    left_column, right_column = st.columns(2)
    with left_column.container(border=True, height="stretch"):
        draw_requests()
    with right_column.container(border=True, height="stretch"):
        draw_models()
    with st.container(border=True):
        frame.draw_tabs(
            {
                "By model": lambda: latency_view.draw_table(url, window, "model", "Model"),
                "By release": lambda: latency_view.draw_table(url, window, "release", "Release"),
                "By application": lambda: latency_view.draw_table(url, window, "application", "Application"),
            },
            key="latency_tabs",
        )
