"""The menu in the sidebar: every screen by section, with the number of things that wait on it.

The framework's own menu is off (`.streamlit/config.toml`): before the first run of a session has ended it would list
the bare names of the files in `pages/`.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from genaiops_core.errors import GenAIOpsError
from genaiops_core.settings import Settings
from pages.parts.reads import connection, releases, rollouts
from pages.parts.shared import address, catalogue, frame


def draw() -> None:
    """Links to all screens; the framework marks the one that is open."""
    counts = count_waiting()
    with st.sidebar:
        for section, entries in catalogue.sections().items():
            with st.container(gap=4):
                if section:
                    st.caption(section)
                for entry in entries:
                    st.page_link(
                        entry.path,
                        label=format_label(entry, counts),
                        icon=entry.icon,
                        help=entry.description,
                        query_params=address.build_return_query(entry.name),
                        width="stretch",
                    )


def format_label(entry: catalogue.Entry, counts: Mapping[str, int]) -> str:
    """The title of a screen, with its count when something waits: `Incidents · 2`."""
    count = counts.get(entry.name, 0)
    return f"{entry.title} · {count:,}" if count else entry.title


def count_waiting() -> dict[str, int]:
    """By screen: releases that wait for approval, and open incidents. Empty where nothing may or can be read."""
    # The menu is drawn before the guard of the screen, so the same condition applies to what it reads.
    if frame.find_server_problem():
        return {}
    try:
        url = Settings().url
        return {
            "releases": len(releases.list_pending_approvals(url)),
            "incidents": len(rollouts.list_incidents(url, None, "open")),
        }
    except (GenAIOpsError, *connection.DATABASE_ERRORS):
        # The screen reports the error; the menu still leads to the other screens.
        return {}
