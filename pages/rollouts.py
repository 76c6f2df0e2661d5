"""Rollouts: traffic split and canary health."""

import streamlit as st

from pages.parts.charts import measures
from pages.parts.reads import releases, rollouts
from pages.parts.rollouts import rollout_actions, rollout_keys, rollout_view, start
from pages.parts.shared import filters, frame, keys, units

screen = frame.guard("rollouts")
approved = [release for release in releases.list_releases(screen.url, None) if release.state == "approved"]


head = filters.draw_header(
    screen,
    has_place=True,
    action="Start rollout",
    action_icon=":material/rocket_launch:",
    action_key=rollout_keys.ROLLOUT_START,
)
if head.is_clicked and not approved:
    st.warning(
        "No approved release is ready for a rollout. Have a release approved first.",
        icon=":material/verified_user:",
    )
    st.page_link("pages/releases.py", label="Open releases", icon=":material/deployed_code:")
elif head.is_clicked:
    start.open_dialog(screen, approved)

all_rollouts = rollouts.list_rollouts(screen.url)
with head.facts:
    st.badge(
        f"{sum(status.state == 'running' for status in all_rollouts)} live",
        icon=":material/science:",
        color="blue",
    )
    if paused := sum(status.state == "paused" for status in all_rollouts):
        st.badge(f"{paused} paused", icon=":material/pause:", color="orange")
    if approved:
        st.badge(f"{len(approved)} approved and ready", icon=":material/verified_user:", color="green")
if not all_rollouts:
    frame.draw_empty_state(
        "No application has a rollout yet",
        "Register a release, have it approved by someone else, then start its rollout. Applications fetch their "
        "release over OFREP.",
        icon="alt_route",
        to="releases",
    )
else:
    first = next((status for status in all_rollouts if status.is_live), all_rollouts[0]).application
    with head.place:
        application = filters.choose_rollout([status.application for status in all_rollouts], first=first)
    rollout = next((status for status in all_rollouts if status.application == application), None)
    # Never the rollout of another application in its place: the buttons would act on that one.
    if rollout is None:
        is_known = filters.is_known(screen, keys.APPLICATION, application)
        frame.draw_empty_state(
            f"{units.escape_markdown(application)} has no rollout yet"
            if is_known
            else f"There is no application {units.escape_markdown(application)}",
            "Choose an application with a rollout above, or start its first rollout.",
            icon="search_off",
            to="releases",
        )
    else:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.subheader(
                    units.escape_markdown(application),
                    icon=":material/alt_route:",
                    anchor=False,
                    width="content",
                )
                measures.draw_rollout_badge(rollout)
                st.caption(measures.format_rollout_note(rollout), width="content")
                st.space("stretch")
                rollout_actions.draw_actions(screen, rollout)
            if rollout.is_live:
                left_column, right_column = st.columns([3, 2])
                with left_column:
                    rollout_actions.draw_slider(screen, rollout)
                with right_column:
                    rollout_view.draw_facts(rollout)
            else:
                rollout_view.draw_facts(rollout)
            rollout_view.draw_live(screen.url, application, head)
    with st.container(border=True):
        st.subheader("All applications", icon=":material/apps:", anchor=False)
        rollout_view.draw_all(all_rollouts)
        if rollout is not None:
            with st.expander(
                f"Every rollout of {units.escape_markdown(application)}", icon=":material/history:"
            ):
                rollout_view.draw_history(rollouts.list_rollout_history(screen.url, application))
