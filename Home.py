"""The router: theme, icon and navigation. Every screen checks for itself who is looking (`pages/parts/frame.py`)."""

import streamlit as st

from pages.parts import catalogue, frame, warm  # noqa: F401

frame.brand()
navigation = st.navigation(
    {
        section: [
            st.Page(
                entry.path,
                title=entry.title,
                icon=entry.icon,
                help=entry.question,
                default=entry.name == "overview",
            )
            for entry in entries
        ]
        for section, entries in catalogue.sections().items()
    },
    expanded=True,
)
with frame.gently():
    navigation.run()
