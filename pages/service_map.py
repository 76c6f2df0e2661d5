"""Service map: which part is slow, failing or dear?"""

import streamlit as st

from genaiops_core.rollbacks import policy as policies
from genaiops_core.telemetry.traffic.service_map import MapNode, ServiceMap
from pages.parts.charts import graph, plots
from pages.parts.reads import traffic
from pages.parts.shared import filters, frame, keys, units
from pages.parts.traffic import component_tables

screen = frame.guard("service_map")
head = filters.draw_header(screen, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE))
found = traffic.get_service_map(screen.url, head.filters)
limit = policies.default().strictest_threshold("error_rate")


def state(one: MapNode) -> str:
    """How bad its errors are, by the limit of the rollback policy."""
    if not one.errors or not one.error_rate:
        return "none"
    return "many" if limit is not None and one.error_rate > limit else "some"


def draw_map(told: ServiceMap) -> None:
    """Nodes and lines; everything in them is also in the table below."""
    names = {one.key: one.name for one in told.nodes}
    nodes = [
        graph.Node(
            key=one.key,
            label=one.name,
            calls=one.calls,
            state=state(one),
            hover=f"{one.name} ({component_tables.kind(one)}): {units.format_quantity(one.calls, 'call')}, "
            f"{units.format_share(one.error_rate)} errors, p95 {units.format_duration(one.p95_ms)}, "
            f"{units.format_usd(one.cost_nano_usd)}",
        )
        for one in told.nodes
    ]
    edges = [
        graph.Edge(
            source=one.source,
            target=one.target,
            calls=one.calls,
            hover=f"{names.get(one.source, one.source)} to {names.get(one.target, one.target)}: "
            f"{units.format_quantity(one.calls, 'call')}, {units.format_share(one.error_rate)} errors, "
            f"p95 {units.format_duration(one.p95_ms)}",
        )
        for one in told.edges
    ]
    plots.show(
        graph.figure(nodes, edges),
        key="service_map",
        alt=f"{units.format_quantity(len(nodes), 'component')} and which of them calls which, from left to right",
    )


def draw_rate(told: ServiceMap) -> None:
    """Whether this is all of the traffic."""
    if told.rate >= 1:
        words, note = "all requests", "Every request of the window was read"
    else:
        words = f"sample {units.format_share(told.rate)}"
        note = (
            f"{told.sampled_requests:,} of {told.requests:,} requests were read, {told.sampled_spans:,} steps; "
            "counts and cost are those of the sample"
        )
    with head.facts:
        st.badge(words, icon=":material/colorize:", color="gray", help=note)


if not found.nodes:
    frame.draw_empty_state(
        "No traffic in this window",
        "The map is drawn from traces: which step calls which, how often, how slow, how dear. Widen the window.",
        icon="account_tree",
        to="traces",
    )
else:
    draw_rate(found)
    with st.container(border=True):
        draw_map(found)
    slow, failing, dear = st.columns(3)
    with slow:
        component_tables.draw_best("Slowest", "hourglass_bottom", found.slowest, "p95")
    with failing:
        component_tables.draw_best("Most failing", "error", found.failing, "errors")
    with dear:
        component_tables.draw_best("Dearest", "payments", found.most_expensive, "cost")
    with st.container(border=True):
        component_tables.draw_table(found)
        if found.rate < 1:
            st.caption(
                f"From {found.sampled_requests:,} of {found.requests:,} requests ({units.format_share(found.rate)})."
            )
