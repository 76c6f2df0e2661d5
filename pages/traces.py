"""Traces: search requests and open one with its spans, messages and diagnosis."""

import streamlit as st

from pages.parts.shared import filters, frame, keys, units
from pages.parts.traces import trace_list, trace_view

screen = frame.guard("traces")
head = filters.draw_header(screen, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE, keys.MODEL))
linked_trace_id = st.query_params.get(keys.TRACE_ID)
if linked_trace_id:
    with head.facts:
        # Without the parameter of the URL, the page shows the list again.
        st.page_link("pages/traces.py", label="All traces", icon=":material/arrow_back:", query_params={})
trace_id = linked_trace_id or trace_list.draw(screen, head)
if trace_id:
    with st.container(border=True):
        if not trace_view.draw(screen, trace_id, is_alone=bool(linked_trace_id)):
            frame.draw_empty_state(
                "No such trace",
                f"No span with the id {units.escape_markdown(trace_id)} was received.",
                icon="search_off",
            )
