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


def ask(screen: Screen, approved: Sequence[Release]) -> None:
    """Open it for the releases that are approved and not yet in traffic; there is at least one."""
    confirm.open_dialog(
        "start",
        title="Start a rollout",
        icon=":material/rocket_launch:",
        button="Start",
        act=lambda reason: _start(screen, approved, reason),
        fields=lambda: _fields(approved),
    )


def _fields(approved: Sequence[Release]) -> None:
    """Which approved release, and how much of the traffic at first."""
    st.selectbox("Approved release", [one.name for one in approved], key=rollout_keys.START_RELEASE)
    st.number_input(
        "First share, %",
        min_value=0.0,
        max_value=100.0,
        value=None,
        step=1.0,
        key=rollout_keys.START_PERCENT,
        placeholder="the first step, 1",
        help="The first release of an application becomes stable at once, with all of the traffic.",
    )


def _start(screen: Screen, approved: Sequence[Release], reason: str) -> str:
    """Send the first share of traffic to the release."""
    chosen = next(
        (one for one in approved if one.name == st.session_state[rollout_keys.START_RELEASE]), approved[0]
    )
    after = rollouts.start(
        screen.engine,
        actor=screen.actor,
        application=chosen.application,
        release=chosen.release,
        percent=st.session_state[rollout_keys.START_PERCENT],
        reason=reason,
    )
    cache.invalidate("rollouts")
    return f"{chosen.name} takes {after.percent if after.is_live else 100:g} % of the traffic."
