"""Latency: how long do people wait, and for which model?"""

from collections.abc import Mapping

import streamlit as st

from genaiops_core.rollbacks import policy as policies
from pages.parts import charts, filters, frame, health, keys, measures, reads, tables, units

here = frame.guard("latency")
head = filters.header(here, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE, keys.MODEL))
window, url = head.filters, here.url
total, before = reads.summary(url, window), reads.summary(url, window.previous())
course = reads.over_time(url, window)
limit_ms = health.limit(policies.default(), "p95_latency")
PERCENTILES = ("p50", "p95", "p99")


def seconds(latency: Mapping[str, float | None], name: str) -> float | None:
    """One percentile in seconds."""
    found = latency[name]
    return None if found is None else found / 1000


def draw_cards() -> None:
    """Percentiles of requests, then of model calls."""
    with st.grid(6, min_column_width=150, gap="small"):
        for name in PERCENTILES:
            measures.card(
                f"Requests {name}",
                units.duration(total.latency_ms[name]),
                units.duration_change(total.latency_ms[name], before.latency_ms[name]),
                "vs prior",
                icon="speed",
                colour="inverse",
                course=[point.figures.latency_ms[name] for point in course],
            )
        for name in PERCENTILES:
            measures.card(
                f"Calls {name}",
                units.duration(total.call_latency_ms[name]),
                units.duration_change(total.call_latency_ms[name], before.call_latency_ms[name]),
                "vs prior",
                icon="neurology",
                colour="inverse",
                course=[point.figures.call_latency_ms[name] for point in course],
            )


def draw_requests() -> None:
    """What people wait: the three percentiles over time against the limit."""
    st.subheader("Requests", icon=":material/speed:", anchor=False)
    series = [
        line
        for name in PERCENTILES
        for line in measures.over_time(
            window,
            course,
            lambda f, name=name: seconds(f.latency_ms, name),
            name=lambda _key, name=name: name,
        )
    ]
    limit = (
        charts.Limit(value=limit_ms / 1000, label=f"rollback above p95 {limit_ms / 1000:g} s")
        if limit_ms
        else None
    )
    charts.show(
        charts.lines(series, unit="s", limit=limit, height=270, decimals=2),
        key="latency_requests",
        alt="Latency percentiles of requests in seconds over time",
    )


def draw_models() -> None:
    """Which model makes them wait."""
    st.subheader("Model calls, p95", icon=":material/neurology:", anchor=False)
    points = reads.over_time(url, window, "model")
    series = measures.over_time(
        window,
        points,
        lambda f: seconds(f.call_latency_ms, "p95"),
        name=lambda key: key or "unknown model",
        order=measures.dearest(points, most=6),
    )
    charts.show(
        charts.lines(series, unit="s", height=270, decimals=2),
        key="latency_models",
        alt="p95 latency of model calls in seconds over time by model",
    )


def draw_table(by: str, label: str) -> None:
    """Percentiles and errors for each value of a dimension."""
    column = tables.column
    rows = []
    for row in reads.breakdown(url, window, (by,)):
        told = row.figures
        rows.append(
            {
                "name": row.keys[by] or "(not said)",
                "requests": told.requests,
                **{f"r{name}": seconds(told.latency_ms, name) for name in PERCENTILES},
                "calls": told.calls,
                **{f"c{name}": seconds(told.call_latency_ms, name) for name in PERCENTILES},
                "errors": told.error_rate,
            }
        )
    # Most requests begin outside a model call, so by model only calls say something.
    of_requests = {
        "requests": column.NumberColumn("Requests", format="localized"),
        **{f"r{name}": column.NumberColumn(f"Request {name}", format="%.2f s") for name in PERCENTILES},
    }
    tables.show(
        rows,
        {
            "name": column.TextColumn(label, pinned=True),
            **({} if by == "model" else of_requests),
            "calls": column.NumberColumn("Calls", format="localized"),
            **{f"c{name}": column.NumberColumn(f"Call {name}", format="%.2f s") for name in PERCENTILES},
            "errors": column.NumberColumn("Errors", format="percent"),
        },
        key=f"latency_by_{by}",
        alt=f"Latency by {by}",
    )


with head.facts:
    st.badge(units.things(total.requests, "request"), icon=":material/swap_vert:", color="gray")
    st.badge(
        "failed ones left out",
        icon=":material/filter_alt:",
        color="gray",
        help="Percentiles are of successes",
    )
if not total.requests and not total.calls:
    frame.empty(
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
            draw_table("model", "Model")
        with by_release:
            draw_table("release", "Release")
        with by_application:
            draw_table("application", "Application")
