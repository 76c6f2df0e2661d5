"""What an operator can do with a rollout: move the share, pause, resume, promote, roll back."""

from __future__ import annotations

import streamlit as st

from genaiops_core.rollouts import rollouts
from genaiops_core.rollouts.rollouts import Rollout
from pages.parts.reads import cache
from pages.parts.rollouts import rollback, rollout_keys
from pages.parts.shared import confirm, units
from pages.parts.shared.frame import Screen


def apply(screen: Screen, one: Rollout) -> str:
    """Move the canary to where the slider stands."""
    percent = float(st.session_state[rollout_keys.rollout_widget(f"slider_{one.version}", one.application)])
    reason = confirm.require_reason(
        st.session_state.get(rollout_keys.rollout_widget("reason", one.application))
    )
    after = rollouts.set_canary(
        screen.engine,
        actor=screen.actor,
        application=one.application,
        percent=percent,
        reason=reason,
        expected_version=one.version,
    )
    st.session_state[rollout_keys.rollout_widget("reason", one.application)] = ""
    cache.invalidate("rollouts")
    return f"Canary {after.canary} of {one.application} is at {after.percent:g} %."


def act_on(screen: Screen, one: Rollout, verb: str, reason: str) -> str:
    """Pause, resume or promote."""
    use_case = {"pause": rollouts.pause, "resume": rollouts.resume, "promote": rollouts.promote}[verb]
    use_case(screen.engine, actor=screen.actor, application=one.application, reason=reason)
    cache.invalidate("rollouts")
    said = {"pause": "Paused", "resume": "Resumed", "promote": "Promoted"}[verb]
    return f"{said} {one.canary} of {one.application}."


def draw_actions(screen: Screen, one: Rollout) -> None:
    """What can be done with a live rollout; Roll back also without one."""
    verb, icon = ("resume", "play_arrow") if one.state == "paused" else ("pause", "pause")
    if one.is_live and st.button(
        verb.capitalize(), icon=f":material/{icon}:", key=rollout_keys.rollout_widget(verb, one.application)
    ):
        confirm.open_dialog(
            verb,
            title=f"{verb.capitalize()} the rollout of {units.escape_markdown(one.application)}",
            icon=f":material/{icon}:",
            button=verb.capitalize(),
            act=lambda reason: act_on(screen, one, verb, reason),
            sentence="While paused the canary keeps its share and may only shrink."
            if verb == "pause"
            else "",
        )
    if st.button("Roll back", icon=":material/undo:", key=rollout_keys.rollback_open(one.application)):
        rollback.ask(screen, one)
    if one.is_live and st.button(
        "Promote",
        icon=":material/trending_up:",
        type="primary",
        key=rollout_keys.rollout_widget("promote", one.application),
    ):
        confirm.open_dialog(
            "promote",
            title=f"Promote {units.escape_markdown(one.canary)}",
            icon=":material/trending_up:",
            button="Promote",
            act=lambda reason: act_on(screen, one, "promote", reason),
            sentence=f"**{units.escape_markdown(one.canary)}** becomes the stable release of "
            f"**{units.escape_markdown(one.application)}** for everybody; {units.escape_markdown(one.stable)} is retired.",
            type_to_confirm=one.canary,
        )


def draw_slider(screen: Screen, one: Rollout) -> None:
    """The canary's share; nothing moves before Apply."""
    with st.form(rollout_keys.rollout_widget("form", one.application), border=False):
        st.slider(
            f"Canary share of {units.escape_markdown(one.application)}, %",
            min_value=0,
            max_value=100,
            value=round(one.percent),
            step=1,
            # A new version of the routing starts the slider where the traffic really is.
            key=rollout_keys.rollout_widget(f"slider_{one.version}", one.application),
            format="%d%%",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(
                "Reason",
                key=rollout_keys.rollout_widget("reason", one.application),
                placeholder="Kept in the audit log",
            )
            st.form_submit_button(
                "Apply",
                icon=":material/check:",
                key=rollout_keys.rollout_widget("apply", one.application),
                on_click=confirm.run_action,
                args=(lambda: apply(screen, one),),
            )
    confirm.draw_problem()
