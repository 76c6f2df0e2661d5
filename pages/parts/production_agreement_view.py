"""Judges of production requests against the people who reviewed some of them."""

from __future__ import annotations

import streamlit as st

from genaiops_core.telemetry.filters import Filters
from pages.parts import agreement_table, reads_humans, units
from pages.parts.frame import Screen


def draw(here: Screen, window: Filters) -> None:
    """A row a metric of a judge over the window; nothing where no review is finished."""
    found = reads_humans.agreement_in_window(here.url, window)
    st.subheader("Judges against reviewers", icon=":material/gavel:", anchor=False)
    if not found:
        st.caption("No request of this window has both a judge's score and a finished review.")
        return
    agreement_table.draw(found, key="production_agreement", names_judge=True)
    for note in sorted({one.note for one in found}):
        st.caption(units.plain(note))
