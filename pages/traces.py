"""Traces: what happened in one request, step by step?"""

import streamlit as st

from pages.parts.shared import filters, frame, keys, units
from pages.parts.traces import trace_list, trace_view

screen = frame.guard("traces")
head = filters.draw_header(screen, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE, keys.MODEL))
asked_for = st.query_params.get(keys.TRACE_ID)
if asked_for:
    with head.facts:
        st.page_link("pages/traces.py", label="All traces", icon=":material/arrow_back:", query_params={})
chosen = asked_for or trace_list.draw(screen, head)
if chosen:
    with st.container(border=True):
        if not trace_view.draw(screen, chosen, is_alone=bool(asked_for)):
            frame.draw_empty_state(
                "No such trace", f"Nothing has come for {units.escape_markdown(chosen)}.", icon="search_off"
            )
