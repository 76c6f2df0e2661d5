"""How incidents and rollbacks are shown: figures of the moment, and tables of what is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from genaiops_core.rollbacks.incidents import Incident
from genaiops_core.rollbacks.procedure import Rollback
from pages.parts.rollouts import rollout_keys
from pages.parts.shared import tables, units

FIGURES = {
    "requests": ("Requests", units.format_count),
    "error_rate": ("Error rate", units.format_share),
    "p95_latency": ("p95 latency", units.format_duration),
    "cost_per_request": (
        "Cost per request",
        lambda usd: units.format_usd(None if usd is None else usd * units.NANO_PER_USD),
    ),
    "avg_quality_score": ("Quality", units.format_score),
}


def draw_metrics(metrics: Mapping[str, Any], key: int) -> None:
    """Stable and canary beside each other, as they were."""
    variants = [name for name in ("stable", "canary") if metrics.get(name)]
    if not variants:
        st.caption("Nothing was measured at that time.")
        return
    rows = []
    for variant in variants:
        told = metrics[variant]
        shown = {name: write(told.get(name)) for name, (_, write) in FIGURES.items()}
        rows.append({"variant": [variant], "release": told.get("release"), **shown})
    tables.draw(
        rows,
        {
            "variant": tables.state_column("In traffic"),
            "release": tables.column.TextColumn("Release"),
            **{
                name: tables.column.TextColumn(label, alignment="right")
                for name, (label, _) in FIGURES.items()
            },
        },
        key=f"incident_metrics_{key}",
        alt="Figures of the releases at the time of the incident",
    )
    st.caption(f"Over the {metrics.get('window_min', '?')} minutes before.")


def draw_rollbacks(found: Sequence[Rollback]) -> None:
    """Every rollback that was carried out, newest first."""
    st.subheader("Rollbacks", icon=":material/history:", anchor=False)
    if not found:
        st.caption("None yet.")
        return
    column = tables.column
    tables.draw(
        [
            {
                "at": one.at,
                "application": one.application,
                "from": one.from_release,
                "to": one.to_release,
                "trigger": one.trigger,
                "actor": one.actor,
                "reason": one.reason,
            }
            for one in found
        ],
        {
            "at": column.DatetimeColumn("When (UTC)", format="DD MMM YYYY HH:mm:ss", timezone="UTC"),
            "application": column.TextColumn("Application"),
            "from": column.TextColumn("From"),
            "to": column.TextColumn("To"),
            "trigger": column.TextColumn("Trigger"),
            "actor": column.TextColumn("By"),
            "reason": column.TextColumn("Reason", width="large"),
        },
        key=rollout_keys.ROLLBACK_TABLE,
        alt="Rollbacks, newest first",
    )


def draw_resolved(found: Sequence[Incident]) -> None:
    """Incidents that are over."""
    st.subheader("Resolved incidents", icon=":material/task_alt:", anchor=False)
    column = tables.column
    tables.draw(
        [
            {
                "opened": one.opened_at,
                "application": one.application,
                "title": one.title,
                "severity": [one.severity],
                "trigger": one.trigger,
                "resolved": one.resolved_at,
                "by": one.resolved_by,
                "resolution": one.resolution,
            }
            for one in found
        ],
        {
            "opened": column.DatetimeColumn("Opened (UTC)", format="DD MMM YYYY HH:mm", timezone="UTC"),
            "application": column.TextColumn("Application"),
            "title": column.TextColumn("Incident"),
            "severity": tables.state_column("Severity"),
            "trigger": column.TextColumn("Trigger"),
            "resolved": column.DatetimeColumn("Resolved", format="distance"),
            "by": column.TextColumn("By"),
            "resolution": column.TextColumn("Resolution", width="large"),
        },
        key=rollout_keys.INCIDENT_TABLE,
        alt="Resolved incidents, newest first",
    )
