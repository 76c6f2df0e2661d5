"""Traces: what happened in one request, step by step?"""

import streamlit as st

from pages.parts import filters, frame, keys, reads, tables, trace_view, units

here = frame.guard("traces")
PAGE = 50


def draw_list(head: filters.Header) -> str | None:
    """One page of requests, newest first; returns the trace that was picked."""
    with st.container(horizontal=True, vertical_alignment="center"):
        status = st.segmented_control(
            "Status",
            ["ok", "error", "incomplete"],
            key=keys.TRACE_STATUS,
            bind="query-params",
            label_visibility="collapsed",
        )
        text = st.text_input(
            "Find",
            key=keys.TRACE_TEXT,
            bind="query-params",
            label_visibility="collapsed",
            type="search",
            width=320,
            icon=":material/search:",
            placeholder="Name, trace id, user or session",
        )
    # Going back to a page needs the cursors that led there; another question starts from the newest again.
    asked = (
        head.filters.application,
        head.filters.environment,
        head.filters.release,
        head.filters.model,
        head.window,
    )
    visited = st.session_state.get(keys.TRACE_CURSORS)
    if visited is None or visited["asked"] != (asked, status, text):
        visited = st.session_state[keys.TRACE_CURSORS] = {
            "asked": (asked, status, text),
            "cursors": [None],
            "filters": head.filters,
        }
    cursor = visited["cursors"][-1]
    # Later pages keep the window of the first, so that nothing slips between them.
    page = reads.list_traces(
        here.url, head.filters if cursor is None else visited["filters"], PAGE, cursor, status, text or None
    )
    if not page.rows and cursor is None and page.next_cursor is None:
        frame.empty(
            "No request matches",
            "Widen the window, loosen the filters, or send traces to the API (OTLP, `/v1/traces`).",
            icon="timeline",
        )
        return None
    picked = tables.pick(
        [
            {
                "start": row.start,
                "status": [row.status],
                "name": row.name,
                "application": row.application,
                "release": row.release,
                "duration": None if row.duration_ms is None else row.duration_ms / 1000,
                "cost": None if row.cost_usd is None else row.cost_nano_usd / 1e9,
                "tokens": row.input_tokens + row.output_tokens,
                "spans": row.spans,
                "user": row.user_id,
                "trace": row.trace_id,
            }
            for row in page.rows
        ],
        _columns(),
        key=keys.TRACE_TABLE,
        alt="Requests, newest first; select one to see its steps",
        height=270 if tables.has_selection(keys.TRACE_TABLE) else 560,
    )
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        st.caption(f"Page {len(visited['cursors'])}, {len(page.rows)} requests", width="content")
        if st.button("Newer", icon=":material/chevron_left:", key="trace_newer", disabled=cursor is None):
            visited["cursors"].pop()
            st.rerun()
        if st.button(
            "Older", icon=":material/chevron_right:", key="trace_older", disabled=page.next_cursor is None
        ):
            visited["cursors"].append(page.next_cursor)
            st.rerun()
    return None if picked is None else page.rows[picked].trace_id


def _columns() -> dict[str, object]:
    column = tables.column
    return {
        "start": column.DatetimeColumn("Started (UTC)", format="DD MMM HH:mm:ss", timezone="UTC"),
        "status": tables.states("Status", width=84),
        "name": column.TextColumn("Request"),
        "application": column.TextColumn("Application"),
        "release": column.TextColumn("Release"),
        "duration": column.NumberColumn("Duration", format="%.2f s"),
        "cost": column.NumberColumn("Cost", format="$%.5f"),
        "tokens": column.NumberColumn("Tokens", format="localized"),
        "spans": column.NumberColumn("Spans"),
        "user": column.TextColumn("User"),
        "trace": column.TextColumn("Trace id"),
    }


head = filters.header(here, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE, keys.MODEL))
asked_for = st.query_params.get(keys.TRACE_ID)
if asked_for:
    with head.facts:
        st.page_link("pages/traces.py", label="All traces", icon=":material/arrow_back:", query_params={})
chosen = asked_for or draw_list(head)
found = reads.get_trace(here.url, chosen) if chosen else None
if found is not None:
    with st.container(border=True):
        trace_view.draw(found, is_alone=bool(asked_for))
elif asked_for:
    frame.empty("No such trace", f"Nothing has come for {units.plain(asked_for)}.", icon="search_off")
