"""Judges of production requests against the people who reviewed some of them."""

from __future__ import annotations

import streamlit as st

from genaiops_core.telemetry.time_window import Filters
from pages.parts.reads import human
from pages.parts.reviews import agreement_table
from pages.parts.shared import units
from pages.parts.shared.frame import Screen


def draw(screen: Screen, window: Filters) -> None:
    """A row a metric of a judge over the window; nothing where no review is finished."""
    found = human.measure_production_agreement(screen.url, window)
    st.subheader("Judges against reviewers", icon=":material/gavel:", anchor=False)
    if not found:
        st.caption("No request of this window has both a judge's score and a finished review.")
        return
    agreement_table.draw(found, key="production_agreement", names_judge=True)
    for note in sorted({one.note for one in found}):
        st.caption(units.escape_markdown(note))
