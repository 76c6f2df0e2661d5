"""Incidents, rollbacks, and the button to roll back an application."""

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.rollbacks import incidents
from genaiops_core.rollbacks.incidents import Incident
from pages.parts.charts import measures
from pages.parts.reads import cache, rollouts
from pages.parts.rollouts import incident_view, rollback, rollout_keys
from pages.parts.shared import confirm, filters, frame, tables, units

screen = frame.guard("incidents")


def resolve(incident: Incident, reason: str) -> str:
    """Resolve an incident."""
    incidents.resolve(screen.engine, actor=screen.actor, incident_id=incident.id, reason=reason)
    cache.invalidate("incidents")
    return f"Resolved incident {incident.id} of {incident.application}."


def draw_open(open_incident: Incident) -> None:
    """Draw one open incident with the figures at the time it was opened."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(
                units.escape_markdown(open_incident.title),
                icon=":material/emergency:",
                anchor=False,
                width="content",
            )
            tables.draw_badge(open_incident.severity)
            st.caption(
                f"{units.escape_markdown(open_incident.application)} · {units.format_age(open_incident.opened_at, now())} by {units.escape_markdown(open_incident.opened_by)}",
                width="content",
            )
            st.space("stretch")
            if st.button(
                "Resolve", icon=":material/task_alt:", key=rollout_keys.incident_resolve(open_incident.id)
            ):
                confirm.open_dialog(
                    "resolve",
                    title=f"Resolve incident {open_incident.id}",
                    icon=":material/task_alt:",
                    button="Resolve",
                    act=lambda reason: resolve(open_incident, reason),
                    sentence="Say what was wrong and how it was fixed. The reason is recorded as the resolution.",
                )
        incident_view.draw_metrics(open_incident.metrics, open_incident.id)
        for step in open_incident.steps:
            done = step["state"] == "done"
            icon = ":green[:material/check:]" if done else ":orange[:material/pending:]"
            st.caption(
                f"{icon} {units.escape_markdown(tables.format_state(step['step']))} · {units.escape_markdown(step.get('detail') or '')}"
            )


def draw_applications() -> None:
    """Draw every application with a rollout, each with a button to roll back."""
    st.subheader("Roll back an application", icon=":material/undo:", anchor=False)
    application_rollouts = [
        rollout
        for rollout in rollouts.list_rollouts(screen.url)
        if head.filters.application in (None, rollout.application)
    ]
    if not application_rollouts:
        st.caption("No application has a rollout yet.")
    for rollout in application_rollouts:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{units.escape_markdown(rollout.application)}**", width="content")
            measures.draw_rollout_badge(rollout)
            st.caption(measures.format_rollout_note(rollout), width="content")
            st.space("stretch")
            if st.button(
                "Roll back", icon=":material/undo:", key=rollout_keys.rollback_open(rollout.application)
            ):
                rollback.open_dialog(screen, rollout)


head = filters.draw_header(screen)
all_incidents = rollouts.list_incidents(screen.url, head.filters.application, None)
open_incidents = [incident for incident in all_incidents if incident.state == "open"]
resolved = [incident for incident in all_incidents if incident.state == "resolved"]
with head.facts:
    if open_incidents:
        st.badge(f"{len(open_incidents)} open", icon=":material/emergency:", color="red")
    else:
        st.badge("none open", icon=":material/check_circle:", color="green")
    st.badge(f"{len(resolved)} resolved", icon=":material/task_alt:", color="gray")
for incident in open_incidents:
    draw_open(incident)
with st.container(border=True):
    draw_applications()
with st.container(border=True):
    incident_view.draw_rollbacks(rollouts.list_rollbacks(screen.url, head.filters.application))
if resolved:
    with st.container(border=True):
        incident_view.draw_resolved(resolved)
