"""Sessions: how did a conversation go, and what did it cost?"""

import streamlit as st

from pages.parts.shared import filters, frame, keys, units
from pages.parts.traffic import session_view

screen = frame.guard("sessions")
head = filters.draw_header(screen, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE))
asked_for = st.query_params.get(keys.SESSION)
if asked_for:
    with head.facts:
        st.page_link("pages/sessions.py", label="All sessions", icon=":material/arrow_back:", query_params={})
chosen = asked_for or session_view.draw_list(screen, head.filters)
if chosen:
    with st.container(border=True):
        if not session_view.draw_one(screen, chosen, head.filters.application, is_alone=bool(asked_for)):
            frame.draw_empty_state(
                "No such session", f"Nothing has come for {units.escape_markdown(chosen)}.", icon="search_off"
            )
