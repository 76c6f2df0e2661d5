"""Actions on a rollout: set the share, pause, resume, promote, roll back."""

from __future__ import annotations

import streamlit as st

from genaiops_core.rollouts import rollouts
from genaiops_core.rollouts.rollouts import Rollout
from pages.parts.reads import cache
from pages.parts.rollouts import rollback, rollout_keys
from pages.parts.shared import confirm, units
from pages.parts.shared.frame import Screen


def apply_share(screen: Screen, rollout: Rollout) -> str:
    """Set the canary share to the value of the slider."""
    percent = float(
        st.session_state[rollout_keys.rollout_widget(f"slider_{rollout.version}", rollout.application)]
    )
    reason = confirm.require_reason(
        st.session_state.get(rollout_keys.rollout_widget("reason", rollout.application))
    )
    after = rollouts.set_canary(
        screen.engine,
        actor=screen.actor,
        application=rollout.application,
        percent=percent,
        reason=reason,
        # Refused when another user has changed the split since this slider was drawn.
        expected_version=rollout.version,
    )
    st.session_state[rollout_keys.rollout_widget("reason", rollout.application)] = ""
    cache.invalidate("rollouts")
    return f"Canary {after.canary} of {rollout.application} is at {after.percent:g} %."


def act_on(screen: Screen, rollout: Rollout, verb: str, reason: str) -> str:
    """Pause, resume or promote a rollout."""
    use_case = {"pause": rollouts.pause, "resume": rollouts.resume, "promote": rollouts.promote}[verb]
    use_case(screen.engine, actor=screen.actor, application=rollout.application, reason=reason)
    cache.invalidate("rollouts")
    past_tense = {"pause": "Paused", "resume": "Resumed", "promote": "Promoted"}[verb]
    return f"{past_tense} {rollout.canary} of {rollout.application}."


def draw_actions(screen: Screen, rollout: Rollout) -> None:
    """Draw the actions on a live rollout; rolling back is possible without one too."""
    verb, icon = ("resume", "play_arrow") if rollout.state == "paused" else ("pause", "pause")
    if rollout.is_live and st.button(
        verb.capitalize(),
        icon=f":material/{icon}:",
        key=rollout_keys.rollout_widget(verb, rollout.application),
    ):
        confirm.open_dialog(
            verb,
            title=f"{verb.capitalize()} the rollout of {units.escape_markdown(rollout.application)}",
            icon=f":material/{icon}:",
            button=verb.capitalize(),
            act=lambda reason: act_on(screen, rollout, verb, reason),
            sentence="A paused canary keeps its share. You can only reduce it." if verb == "pause" else "",
        )
    if st.button("Roll back", icon=":material/undo:", key=rollout_keys.rollback_open(rollout.application)):
        rollback.open_dialog(screen, rollout)
    if rollout.is_live and st.button(
        "Promote",
        icon=":material/trending_up:",
        type="primary",
        key=rollout_keys.rollout_widget("promote", rollout.application),
    ):
        confirm.open_dialog(
            "promote",
            title=f"Promote {units.escape_markdown(rollout.canary)}",
            icon=":material/trending_up:",
            button="Promote",
            act=lambda reason: act_on(screen, rollout, "promote", reason),
            sentence=f"**{units.escape_markdown(rollout.canary)}** becomes the stable release of "
            f"**{units.escape_markdown(rollout.application)}** for all traffic; {units.escape_markdown(rollout.stable)} is retired.",
            type_to_confirm=rollout.canary,
        )


def draw_slider(screen: Screen, rollout: Rollout) -> None:
    """Draw the slider of the canary share; Apply submits it."""
    with st.form(rollout_keys.rollout_widget("form", rollout.application), border=False):
        st.slider(
            f"Canary share of {units.escape_markdown(rollout.application)}, %",
            min_value=0,
            max_value=100,
            value=round(rollout.percent),
            step=1,
            # A new version of the routing resets the slider to the share in force.
            key=rollout_keys.rollout_widget(f"slider_{rollout.version}", rollout.application),
            format="%d%%",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(
                "Reason",
                key=rollout_keys.rollout_widget("reason", rollout.application),
                placeholder="Recorded in the audit log",
            )
            st.form_submit_button(
                "Apply",
                icon=":material/check:",
                key=rollout_keys.rollout_widget("apply", rollout.application),
                on_click=confirm.run_action,
                args=(lambda: apply_share(screen, rollout),),
            )
    confirm.draw_problem()
