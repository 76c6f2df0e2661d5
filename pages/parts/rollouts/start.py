"""The dialog that starts a rollout."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.releases.releases import Release
from genaiops_core.rollouts import rollouts
from pages.parts.reads import cache
from pages.parts.rollouts import rollout_keys
from pages.parts.shared import confirm
from pages.parts.shared.frame import Screen


def open_dialog(screen: Screen, approved: Sequence[Release]) -> None:
    """Open the dialog for the approved releases without traffic; there is at least one."""
    confirm.open_dialog(
        "start",
        title="Start a rollout",
        icon=":material/rocket_launch:",
        button="Start",
        act=lambda reason: _start(screen, approved, reason),
        fields=lambda: _draw_fields(approved),
    )


def _draw_fields(approved: Sequence[Release]) -> None:
    """Draw the choice of the release and of its first share."""
    st.selectbox("Approved release", [release.name for release in approved], key=rollout_keys.START_RELEASE)
    st.number_input(
        "First share, %",
        min_value=0.0,
        max_value=100.0,
        value=None,
        step=1.0,
        key=rollout_keys.START_PERCENT,
        placeholder="1 (the first step)",
        help="The first release of an application becomes stable at once and receives all traffic.",
    )


def _start(screen: Screen, approved: Sequence[Release], reason: str) -> str:
    """Route the first share of traffic to the release."""
    release = next(
        (
            candidate
            for candidate in approved
            if candidate.name == st.session_state[rollout_keys.START_RELEASE]
        ),
        approved[0],
    )
    rollout = rollouts.start(
        screen.engine,
        actor=screen.actor,
        application=release.application,
        release=release.release,
        percent=st.session_state[rollout_keys.START_PERCENT],
        reason=reason,
    )
    cache.invalidate("rollouts")
    return f"{release.name} receives {rollout.percent if rollout.is_live else 100:g} % of the traffic."
