"""Rollouts: who gets which release, and how does the canary do against stable?"""

import streamlit as st

from genaiops_core.rollouts import rollouts
from genaiops_core.rollouts.rollouts import Rollout
from pages.parts import (
    confirm,
    filters,
    frame,
    keys,
    measures,
    reads,
    rollback,
    rollout_view,
    start,
    units,
)

here = frame.guard("rollouts")
approved = [one for one in reads.list_releases(here.url, None) if one.state == "approved"]


def apply(one: Rollout) -> str:
    """Move the canary to where the slider stands."""
    percent = float(st.session_state[keys.rollout_widget(f"slider_{one.version}", one.application)])
    reason = confirm.required(st.session_state.get(keys.rollout_widget("reason", one.application)))
    after = rollouts.set_canary(
        here.engine,
        actor=here.actor,
        application=one.application,
        percent=percent,
        reason=reason,
        expected_version=one.version,
    )
    st.session_state[keys.rollout_widget("reason", one.application)] = ""
    reads.changed("rollouts")
    return f"Canary {after.canary} of {one.application} is at {after.percent:g} %."


def act_on(one: Rollout, verb: str, reason: str) -> str:
    """Pause, resume or promote."""
    use_case = {"pause": rollouts.pause, "resume": rollouts.resume, "promote": rollouts.promote}[verb]
    use_case(here.engine, actor=here.actor, application=one.application, reason=reason)
    reads.changed("rollouts")
    said = {"pause": "Paused", "resume": "Resumed", "promote": "Promoted"}[verb]
    return f"{said} {one.canary} of {one.application}."


def draw_actions(one: Rollout) -> None:
    """What can be done with a live rollout; Roll back also without one."""
    verb, icon = ("resume", "play_arrow") if one.state == "paused" else ("pause", "pause")
    if one.is_live and st.button(
        verb.capitalize(), icon=f":material/{icon}:", key=keys.rollout_widget(verb, one.application)
    ):
        confirm.ask(
            verb,
            title=f"{verb.capitalize()} the rollout of {units.plain(one.application)}",
            icon=f":material/{icon}:",
            button=verb.capitalize(),
            act=lambda reason: act_on(one, verb, reason),
            sentence="While paused the canary keeps its share and may only shrink."
            if verb == "pause"
            else "",
        )
    if st.button("Roll back", icon=":material/undo:", key=keys.rollback_open(one.application)):
        rollback.ask(here, one)
    if one.is_live and st.button(
        "Promote",
        icon=":material/trending_up:",
        type="primary",
        key=keys.rollout_widget("promote", one.application),
    ):
        confirm.ask(
            "promote",
            title=f"Promote {units.plain(one.canary)}",
            icon=":material/trending_up:",
            button="Promote",
            act=lambda reason: act_on(one, "promote", reason),
            sentence=f"**{units.plain(one.canary)}** becomes the stable release of "
            f"**{units.plain(one.application)}** for everybody; {units.plain(one.stable)} is retired.",
            type_to_confirm=one.canary,
        )


def draw_slider(one: Rollout) -> None:
    """The canary's share; nothing moves before Apply."""
    with st.form(keys.rollout_widget("form", one.application), border=False):
        st.slider(
            f"Canary share of {units.plain(one.application)}, %",
            min_value=0,
            max_value=100,
            value=round(one.percent),
            step=1,
            # A new version of the routing starts the slider where the traffic really is.
            key=keys.rollout_widget(f"slider_{one.version}", one.application),
            format="%d%%",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(
                "Reason",
                key=keys.rollout_widget("reason", one.application),
                placeholder="Kept in the audit log",
            )
            st.form_submit_button(
                "Apply",
                icon=":material/check:",
                key=keys.rollout_widget("apply", one.application),
                on_click=confirm.run,
                args=(lambda: apply(one),),
            )
    confirm.problem()


head = filters.header(
    here,
    default_window="1h",
    has_place=True,
    action="Start rollout",
    action_icon=":material/rocket_launch:",
    action_key=keys.ROLLOUT_START,
)
if head.clicked and not approved:
    st.warning(
        "No approved release waits for a rollout. Have one approved first.", icon=":material/verified_user:"
    )
    st.page_link("pages/releases.py", label="Open releases", icon=":material/deployed_code:")
elif head.clicked:
    start.ask(here, approved)

found = reads.rollout_status(here.url)
with head.facts:
    st.badge(f"{sum(one.state == 'running' for one in found)} live", icon=":material/science:", color="blue")
    if paused := sum(one.state == "paused" for one in found):
        st.badge(f"{paused} paused", icon=":material/pause:", color="orange")
    if approved:
        st.badge(f"{len(approved)} approved and ready", icon=":material/verified_user:", color="green")
if not found:
    frame.empty(
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
            st.subheader(units.plain(chosen), icon=":material/alt_route:", anchor=False, width="content")
            measures.rollout_badge(one)
            st.caption(measures.rollout_note(one), width="content")
            st.space("stretch")
            draw_actions(one)
        if one.is_live:
            left, right = st.columns([3, 2])
            with left:
                draw_slider(one)
            with right:
                rollout_view.draw_facts(one)
        else:
            rollout_view.draw_facts(one)
        rollout_view.draw_live(here.url, chosen, head)
    with st.container(border=True):
        st.subheader("All applications", icon=":material/apps:", anchor=False)
        rollout_view.draw_all(found)
        with st.expander(f"Every rollout of {units.plain(chosen)}", icon=":material/history:"):
            rollout_view.draw_history(reads.rollout_history(here.url, chosen))
