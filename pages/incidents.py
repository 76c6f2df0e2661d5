"""Incidents: what went wrong, is it over, and how do we get back?"""

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.rollbacks import incidents
from genaiops_core.rollbacks.incidents import Incident
from pages.parts.charts import measures
from pages.parts.reads import cache, rollouts
from pages.parts.rollouts import incident_view, rollback, rollout_keys
from pages.parts.shared import confirm, filters, frame, keys, tables, units

screen = frame.guard("incidents")


def resolve(one: Incident, reason: str) -> str:
    """Close an incident."""
    incidents.resolve(screen.engine, actor=screen.actor, incident_id=one.id, reason=reason)
    cache.invalidate("incidents")
    return f"Resolved incident {one.id} of {one.application}."


def draw_open(one: Incident) -> None:
    """One open incident with the figures of the moment it was opened."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(
                units.escape_markdown(one.title), icon=":material/emergency:", anchor=False, width="content"
            )
            tables.draw_badge(one.severity)
            st.caption(
                f"{units.escape_markdown(one.application)} · {units.format_age(one.opened_at, now())} by {units.escape_markdown(one.opened_by)}",
                width="content",
            )
            st.space("stretch")
            if st.button("Resolve", icon=":material/task_alt:", key=rollout_keys.incident_resolve(one.id)):
                confirm.open_dialog(
                    "resolve",
                    title=f"Resolve incident {one.id}",
                    icon=":material/task_alt:",
                    button="Resolve",
                    act=lambda reason: resolve(one, reason),
                    sentence="Say what was wrong and what mends it; it is kept as the resolution.",
                )
        incident_view.draw_metrics(one.metrics, one.id)
        for step in one.steps:
            done = step["state"] == "done"
            icon = ":green[:material/check:]" if done else ":orange[:material/pending:]"
            st.caption(
                f"{icon} {units.escape_markdown(tables.format_state(step['step']))} · {units.escape_markdown(step.get('detail') or '')}"
            )


def draw_applications() -> None:
    """Every application that takes traffic, each with its way back."""
    st.subheader("Way back", icon=":material/undo:", anchor=False)
    found = [
        one
        for one in rollouts.list_rollouts(screen.url)
        if head.filters.application in (None, one.application)
    ]
    if not found:
        st.caption("No application follows a release yet.")
    for one in found:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{units.escape_markdown(one.application)}**", width="content")
            measures.rollout_badge(one)
            st.caption(measures.rollout_note(one), width="content")
            st.space("stretch")
            if st.button(
                "Roll back", icon=":material/undo:", key=rollout_keys.rollback_open(one.application)
            ):
                rollback.ask(screen, one)


head = filters.draw_header(screen, by=(keys.APPLICATION,), window=False)
everything = rollouts.list_incidents(screen.url, head.filters.application, None)
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
    incident_view.draw_rollbacks(rollouts.list_rollbacks(screen.url, head.filters.application))
if resolved:
    with st.container(border=True):
        incident_view.draw_resolved(resolved)
