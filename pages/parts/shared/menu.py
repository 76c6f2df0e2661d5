"""The menu in the sidebar: every screen by section.

The framework's own menu is off (`.streamlit/config.toml`): before the first run of a session has ended it would list
the bare names of the files in `pages/`.
"""

from __future__ import annotations

import streamlit as st

from pages.parts.shared import address, catalogue


def draw() -> None:
    """Links to all screens; the framework marks the one that is open."""
    with st.sidebar:
        for section, entries in catalogue.sections().items():
            with st.container(gap=4):
                if section:
                    st.caption(section)
                for entry in entries:
                    st.page_link(
                        entry.path,
                        label=entry.title,
                        icon=entry.icon,
                        help=entry.description,
                        query_params=address.build_return_query(entry.name),
                        width="stretch",
                    )
