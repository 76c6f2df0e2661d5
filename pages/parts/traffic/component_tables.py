"""Tables of components: all of them, and the highest in one figure."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.telemetry.traffic.service_map import MapNode, ServiceMap
from pages.parts.charts import waterfall
from pages.parts.shared import tables


def format_kind(node: MapNode) -> str:
    """The kind of a component as screens write it."""
    return waterfall.COMPONENTS.get(node.component, node.component)


def draw_top(title: str, icon: str, nodes: Sequence[MapNode], column: str) -> None:
    """Draw the five components with the highest value of one column."""
    column_config = tables.column
    columns = {
        "p95": column_config.NumberColumn("p95", format="%.2f s", width=80),
        "errors": column_config.NumberColumn("Errors", format="percent", width=80),
        "cost": column_config.NumberColumn("Cost", format="$%.4f", width=80),
    }
    with st.container(border=True, height="stretch"):
        st.subheader(title, icon=f":material/{icon}:", anchor=False)
        tables.draw(
            [_build_row(node) for node in nodes],
            {
                column: columns[column],
                "name": column_config.TextColumn("Component"),
            },
            key=f"service_map_{column}",
            alt=title,
        )


def _build_row(node: MapNode) -> dict[str, object]:
    """One component as a row of a table."""
    return {
        "name": node.name,
        "kind": format_kind(node),
        "calls": node.calls,
        "errors": node.error_rate,
        "p95": None if node.p95_ms is None else node.p95_ms / 1000,
        "cost": node.cost_nano_usd / 1e9,
        "share": node.cost_share,
    }


def draw_table(service_map: ServiceMap) -> None:
    """Draw every component, most calls first."""
    column = tables.column
    tables.draw(
        [_build_row(node) for node in sorted(service_map.nodes, key=lambda component: -component.calls)],
        {
            "name": column.TextColumn("Component", pinned=True),
            "kind": column.TextColumn("Kind"),
            "calls": column.NumberColumn("Calls", format="localized"),
            "errors": column.NumberColumn("Errors", format="percent"),
            "p95": column.NumberColumn("p95", format="%.2f s"),
            "cost": column.NumberColumn("Cost", format="$%.4f"),
            "share": column.ProgressColumn("Share of cost", format="percent", min_value=0, max_value=1),
        },
        key="service_map_nodes",
        alt="Every component with its calls, errors, p95 and cost",
    )
