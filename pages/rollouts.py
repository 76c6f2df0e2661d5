"""Rollouts: who gets which release, and how does the canary do against stable?"""

import streamlit as st

from pages.parts.charts import measures
from pages.parts.reads import releases, rollouts
from pages.parts.rollouts import rollout_actions, rollout_keys, rollout_view, start
from pages.parts.shared import filters, frame, units

screen = frame.guard("rollouts")
approved = [one for one in releases.list_releases(screen.url, None) if one.state == "approved"]


head = filters.draw_header(
    screen,
    default_window="1h",
    has_place=True,
    action="Start rollout",
    action_icon=":material/rocket_launch:",
    action_key=rollout_keys.ROLLOUT_START,
)
if head.is_clicked and not approved:
    st.warning(
        "No approved release waits for a rollout. Have one approved first.", icon=":material/verified_user:"
    )
    st.page_link("pages/releases.py", label="Open releases", icon=":material/deployed_code:")
elif head.is_clicked:
    start.ask(screen, approved)

found = rollouts.list_rollouts(screen.url)
with head.facts:
    st.badge(f"{sum(one.state == 'running' for one in found)} live", icon=":material/science:", color="blue")
    if paused := sum(one.state == "paused" for one in found):
        st.badge(f"{paused} paused", icon=":material/pause:", color="orange")
    if approved:
        st.badge(f"{len(approved)} approved and ready", icon=":material/verified_user:", color="green")
if not found:
    frame.draw_empty_state(
        "No application follows a release yet",
        "Register a release, have it approved by someone else, then start its rollout. Applications ask for their "
        "release over OFREP.",
        icon="alt_route",
        to="releases",
    )
else:
    first = next((one for one in found if one.is_live), found[0]).application
    with head.place:
        chosen = filters.choose_rollout([one.application for one in found], first=first)
    one = next(rollout for rollout in found if rollout.application == chosen)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(
                units.escape_markdown(chosen), icon=":material/alt_route:", anchor=False, width="content"
            )
            measures.rollout_badge(one)
            st.caption(measures.rollout_note(one), width="content")
            st.space("stretch")
            rollout_actions.draw_actions(screen, one)
        if one.is_live:
            left, right = st.columns([3, 2])
            with left:
                rollout_actions.draw_slider(screen, one)
            with right:
                rollout_view.draw_facts(one)
        else:
            rollout_view.draw_facts(one)
        rollout_view.draw_live(screen.url, chosen, head)
    with st.container(border=True):
        st.subheader("All applications", icon=":material/apps:", anchor=False)
        rollout_view.draw_all(found)
        with st.expander(f"Every rollout of {units.escape_markdown(chosen)}", icon=":material/history:"):
            rollout_view.draw_history(rollouts.list_rollout_history(screen.url, chosen))
