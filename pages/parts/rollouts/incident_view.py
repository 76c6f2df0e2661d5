"""Incidents and rollbacks: figures at the time of the incident, and tables of the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from genaiops_core.rollbacks.incidents import Incident
from genaiops_core.rollbacks.procedure import Rollback
from pages.parts.rollouts import rollout_keys
from pages.parts.shared import tables, units

FIGURES: Mapping[str, tuple[str, Callable[[float | None], str]]] = {
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
    """Draw the figures of stable release and canary at the time of the incident."""
    variants = [name for name in ("stable", "canary") if metrics.get(name)]
    if not variants:
        st.caption("No figures were measured at that time.")
        return
    rows = []
    for variant in variants:
        figures = metrics[variant]
        cells = {name: format_value(figures.get(name)) for name, (_, format_value) in FIGURES.items()}
        rows.append({"variant": [variant], "release": figures.get("release"), **cells})
    tables.draw(
        rows,
        {
            "variant": tables.state_column("Variant"),
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


def draw_rollbacks(rollbacks: Sequence[Rollback]) -> None:
    """Draw every rollback, newest first."""
    st.subheader("Rollbacks", icon=":material/history:", anchor=False)
    if not rollbacks:
        st.caption("No rollback yet.")
        return
    column = tables.column
    tables.draw(
        [
            {
                "at": rollback.at,
                "application": rollback.application,
                "from": rollback.from_release,
                "to": rollback.to_release,
                "trigger": rollback.trigger,
                "actor": rollback.actor,
                "reason": rollback.reason,
            }
            for rollback in rollbacks
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


def draw_resolved(incidents: Sequence[Incident]) -> None:
    """Draw resolved incidents, newest first."""
    st.subheader("Resolved incidents", icon=":material/task_alt:", anchor=False)
    column = tables.column
    tables.draw(
        [
            {
                "opened": incident.opened_at,
                "application": incident.application,
                "title": incident.title,
                "severity": [incident.severity],
                "trigger": incident.trigger,
                "resolved": incident.resolved_at,
                "by": incident.resolved_by,
                "resolution": incident.resolution,
            }
            for incident in incidents
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
