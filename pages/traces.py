"""Traces: search requests and open one with its spans, messages and diagnosis."""

import streamlit as st

from pages.parts.shared import address, filters, frame, keys, units
from pages.parts.traces import trace_keys, trace_list, trace_view

screen = frame.guard("traces")
head = filters.draw_header(screen)
table = address.LinkedTable(keys.TRACE_ID, trace_keys.TRACE_TABLE, alias=keys.TRACE_ALIAS)
trace_id = table.linked
if trace_id:
    with head.facts:
        table.draw_return("All traces")
else:
    trace_id = trace_list.draw(screen, head, table.key)
    table.write(trace_id)
if trace_id:
    with st.container(border=True):
        if not trace_view.draw(screen, trace_id):
            frame.draw_empty_state(
                f"There is no trace {units.escape_markdown(trace_id)}",
                "No span with this id was received, or its retention has ended.",
                icon="search_off",
            )
