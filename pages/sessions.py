"""Sessions: conversations turn by turn, with their cost."""

import streamlit as st

from pages.parts.shared import filters, frame, keys, units
from pages.parts.traffic import session_view

screen = frame.guard("sessions")
head = filters.draw_header(screen, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE))
linked_session_id = st.query_params.get(keys.SESSION)
if linked_session_id:
    with head.facts:
        st.page_link("pages/sessions.py", label="All sessions", icon=":material/arrow_back:", query_params={})
session_id = linked_session_id or session_view.draw_list(screen, head.filters)
if session_id:
    with st.container(border=True):
        if not session_view.draw_one(
            screen, session_id, head.filters.application, is_alone=bool(linked_session_id)
        ):
            frame.draw_empty_state(
                "No such session",
                f"No request of {units.escape_markdown(session_id)} was received.",
                icon="search_off",
            )
