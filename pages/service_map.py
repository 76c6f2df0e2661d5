"""Service map: components, the calls between them, latency, errors and cost."""

import streamlit as st

from genaiops_core.telemetry.traffic.service_map import MapNode, ServiceMap
from pages.parts.charts import graph, plots
from pages.parts.reads import rollouts, traffic
from pages.parts.shared import filters, frame, units
from pages.parts.traffic import component_tables

screen = frame.guard("service_map")
head = filters.draw_header(screen)
service_map = traffic.get_service_map(screen.url, head.filters)
limit = rollouts.get_policy(head.filters.application).strictest_threshold("error_rate")


def find_state(node: MapNode) -> str:
    """The state of a component by the error rate that the rollback policy allows."""
    if not node.errors or not node.error_rate:
        return "none"
    return "many" if limit is not None and node.error_rate > limit else "some"


def draw_map(components: ServiceMap) -> None:
    """Draw components and calls; the table below holds the same figures."""
    names = {node.key: node.name for node in components.nodes}
    nodes = [
        graph.Node(
            key=node.key,
            label=node.name,
            calls=node.calls,
            state=find_state(node),
            hover=f"{node.name} ({component_tables.format_kind(node)}): {units.format_quantity(node.calls, 'call')}, "
            f"{units.format_share(node.error_rate)} errors, p95 {units.format_duration(node.p95_ms)}, "
            f"{units.format_usd(node.cost_nano_usd)}",
        )
        for node in components.nodes
    ]
    edges = [
        graph.Edge(
            source=edge.source,
            target=edge.target,
            calls=edge.calls,
            hover=f"{names.get(edge.source, edge.source)} to {names.get(edge.target, edge.target)}: "
            f"{units.format_quantity(edge.calls, 'call')}, {units.format_share(edge.error_rate)} errors, "
            f"p95 {units.format_duration(edge.p95_ms)}",
        )
        for edge in components.edges
    ]
    plots.draw(
        graph.build_figure(nodes, edges),
        key="service_map",
        alt=f"{units.format_quantity(len(nodes), 'component')} and the calls between them, from left to right",
    )


def draw_rate(components: ServiceMap) -> None:
    """Draw the share of the traffic that the map is computed from."""
    if components.rate >= 1:
        label, note = "all requests", "Every request of the window was read"
    else:
        label = f"sample {units.format_share(components.rate)}"
        note = (
            f"{components.sampled_requests:,} of {components.requests:,} requests were read, {components.sampled_spans:,} steps; "
            "counts and cost are those of the sample"
        )
    with head.facts:
        st.badge(label, icon=":material/colorize:", color="gray", help=note)


if not service_map.nodes:
    frame.draw_empty_state(
        "No traffic in this window",
        "The map is computed from traces: the calls between components, their latency and their cost. Widen the window.",
        icon="account_tree",
        to="traces",
    )
else:
    draw_rate(service_map)
    with st.container(border=True):
        draw_map(service_map)
    slow, failing, expensive = st.columns(3)
    with slow:
        component_tables.draw_top("Slowest", "hourglass_bottom", service_map.slowest, "p95")
    with failing:
        component_tables.draw_top("Highest error rate", "error", service_map.failing, "errors")
    with expensive:
        component_tables.draw_top("Highest cost", "payments", service_map.most_expensive, "cost")
    with st.container(border=True):
        component_tables.draw_table(service_map)
        if service_map.rate < 1:
            st.caption(
                f"From {service_map.sampled_requests:,} of {service_map.requests:,} requests ({units.format_share(service_map.rate)})."
            )
