"""Incidents: what went wrong, is it over, and how do we get back?"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.rollbacks import incidents
from genaiops_core.rollbacks.incidents import Incident
from pages.parts import confirm, filters, frame, keys, measures, reads, rollback, tables, units

here = frame.guard("incidents")
FIGURES = {
    "requests": ("Requests", units.count),
    "error_rate": ("Error rate", units.share),
    "p95_latency": ("p95 latency", units.duration),
    "cost_per_request": (
        "Cost per request",
        lambda usd: units.usd(None if usd is None else usd * units.NANO_PER_USD),
    ),
    "avg_quality_score": ("Quality", units.score),
}


def resolve(one: Incident, reason: str) -> str:
    """Close an incident."""
    incidents.resolve(here.engine, actor=here.actor, incident_id=one.id, reason=reason)
    reads.changed("incidents")
    return f"Resolved incident {one.id} of {one.application}."


def draw_open(one: Incident) -> None:
    """One open incident with the figures of the moment it was opened."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(units.plain(one.title), icon=":material/emergency:", anchor=False, width="content")
            tables.badge(one.severity)
            st.caption(
                f"{units.plain(one.application)} · {units.ago(one.opened_at, now())} by {units.plain(one.opened_by)}",
                width="content",
            )
            st.space("stretch")
            if st.button("Resolve", icon=":material/task_alt:", key=keys.incident_resolve(one.id)):
                confirm.ask(
                    "resolve",
                    title=f"Resolve incident {one.id}",
                    icon=":material/task_alt:",
                    button="Resolve",
                    act=lambda reason: resolve(one, reason),
                    sentence="Say what was wrong and what mends it; it is kept as the resolution.",
                )
        draw_metrics(one.metrics, one.id)
        for step in one.steps:
            done = step["state"] == "done"
            icon = ":green[:material/check:]" if done else ":orange[:material/pending:]"
            st.caption(
                f"{icon} {units.plain(tables.words(step['step']))} · {units.plain(step.get('detail') or '')}"
            )


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
    tables.show(
        rows,
        {
            "variant": tables.states("In traffic"),
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


def draw_applications() -> None:
    """Every application that takes traffic, each with its way back."""
    st.subheader("Way back", icon=":material/undo:", anchor=False)
    found = [
        one for one in reads.rollout_status(here.url) if head.filters.application in (None, one.application)
    ]
    if not found:
        st.caption("No application follows a release yet.")
    for one in found:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{units.plain(one.application)}**", width="content")
            measures.rollout_badge(one)
            st.caption(measures.rollout_note(one), width="content")
            st.space("stretch")
            if st.button("Roll back", icon=":material/undo:", key=keys.rollback_open(one.application)):
                rollback.ask(here, one)


def draw_rollbacks() -> None:
    """Every rollback that was carried out, newest first."""
    st.subheader("Rollbacks", icon=":material/history:", anchor=False)
    found = reads.list_rollbacks(here.url, head.filters.application)
    if not found:
        st.caption("None yet.")
        return
    column = tables.column
    tables.show(
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
        key=keys.ROLLBACK_TABLE,
        alt="Rollbacks, newest first",
    )


def draw_resolved(found: list[Incident]) -> None:
    """Incidents that are over."""
    st.subheader("Resolved incidents", icon=":material/task_alt:", anchor=False)
    column = tables.column
    tables.show(
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
            "severity": tables.states("Severity"),
            "trigger": column.TextColumn("Trigger"),
            "resolved": column.DatetimeColumn("Resolved", format="distance"),
            "by": column.TextColumn("By"),
            "resolution": column.TextColumn("Resolution", width="large"),
        },
        key=keys.INCIDENT_TABLE,
        alt="Resolved incidents, newest first",
    )


head = filters.header(here, by=(keys.APPLICATION,), window=False)
everything = reads.list_incidents(here.url, head.filters.application, None)
open_now = [one for one in everything if one.state == "open"]
resolved = [one for one in everything if one.state == "resolved"]
with head.facts:
    if open_now:
        st.badge(f"{len(open_now)} open", icon=":material/emergency:", color="red")
    else:
        st.badge("none open", icon=":material/check_circle:", color="green")
    st.badge(f"{len(resolved)} resolved", icon=":material/task_alt:", color="gray")
for incident in open_now:
    draw_open(incident)
with st.container(border=True):
    draw_applications()
with st.container(border=True):
    draw_rollbacks()
if resolved:
    with st.container(border=True):
        draw_resolved(resolved)
