"""Sessions: conversations turn by turn, with their cost."""

import streamlit as st

from pages.parts.shared import address, filters, frame, keys, units
from pages.parts.traffic import session_view, traffic_keys

screen = frame.guard("sessions")
head = filters.draw_header(screen)
table = address.LinkedTable(keys.SESSION, traffic_keys.SESSION_TABLE)
session_id = table.linked
if session_id:
    with head.facts:
        table.draw_return("All sessions")
else:
    session_id = session_view.draw_list(screen, head.filters, table_key=table.key)
    table.write(session_id)
if session_id:
    with st.container(border=True):
        if not session_view.draw_one(screen, session_id, head.filters.application, has_link=False):
            frame.draw_empty_state(
                f"There is no session {units.escape_markdown(session_id)}",
                f"No request of {units.escape_markdown(session_id)} was received.",
                icon="search_off",
            )
