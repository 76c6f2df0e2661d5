"""Agreement of judges with reviewers on production requests."""

from __future__ import annotations

import streamlit as st

from genaiops_core.telemetry.time_window import Filters
from pages.parts.reads import human
from pages.parts.reviews import agreement_table
from pages.parts.shared import units
from pages.parts.shared.frame import Screen


def draw(screen: Screen, filters: Filters) -> None:
    """Draw one row per metric and judge over the window; a note when no review is finished."""
    agreements = human.measure_production_agreement(screen.url, filters)
    st.subheader("Judge-human agreement", icon=":material/gavel:", anchor=False)
    if not agreements:
        st.caption("No request of this window has a judge score and a finished review.")
        return
    agreement_table.draw(agreements, key="production_agreement", has_judge_column=True)
    for note in sorted({agreement.note for agreement in agreements}):
        st.caption(units.escape_markdown(note))
