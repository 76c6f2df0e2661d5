"""Components in tables: all of them, and those that stand out."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.telemetry.traffic.service_map import MapNode, ServiceMap
from pages.parts.charts import waterfall
from pages.parts.shared import tables


def kind(one: MapNode) -> str:
    """The component as people call it."""
    return waterfall.COMPONENTS.get(one.component, one.component)


def draw_best(title: str, icon: str, nodes: Sequence[MapNode], column: str) -> None:
    """The five that stand out in one thing."""
    made = tables.column
    shown = {
        "p95": made.NumberColumn("p95", format="%.2f s", width=80),
        "errors": made.NumberColumn("Errors", format="percent", width=80),
        "cost": made.NumberColumn("Cost", format="$%.4f", width=80),
    }
    with st.container(border=True, height="stretch"):
        st.subheader(title, icon=f":material/{icon}:", anchor=False)
        tables.draw(
            [_row(one) for one in nodes],
            {
                column: shown[column],
                "name": made.TextColumn("Component"),
            },
            key=f"service_map_{column}",
            alt=title,
        )


def _row(one: MapNode) -> dict[str, object]:
    """One component as tables show it."""
    return {
        "name": one.name,
        "kind": kind(one),
        "calls": one.calls,
        "errors": one.error_rate,
        "p95": None if one.p95_ms is None else one.p95_ms / 1000,
        "cost": one.cost_nano_usd / 1e9,
        "share": one.cost_share,
    }


def draw_table(told: ServiceMap) -> None:
    """Every component, the busiest first."""
    column = tables.column
    tables.draw(
        [_row(one) for one in sorted(told.nodes, key=lambda node: -node.calls)],
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
