"""The list of requests: search, filters and pages, newest first."""

from __future__ import annotations

import datetime as dt
from typing import Any

import streamlit as st

from genaiops_core.telemetry.search.trace_list import TracePage, TraceRow
from genaiops_core.telemetry.time_window import Filters
from pages.parts.reads import traces
from pages.parts.shared import frame, tables, units
from pages.parts.shared.filters import Header
from pages.parts.shared.frame import Screen
from pages.parts.traces import trace_keys, trace_search

PAGE_SIZE = 50


def draw(screen: Screen, head: Header, table_key: str) -> str | None:
    """Draw the search and one page of requests in the table `table_key`; returns the id of the selected trace."""
    query = trace_search.draw(screen, head)
    if query is None:
        return None
    pages_state = _read_pages_state(head, query)
    cursor = pages_state["cursors"][-1]
    # Later pages keep the window of the first page: a moving window would skip or repeat requests.
    window: Filters = head.filters if cursor is None else pages_state["filters"]
    page = traces.search_traces(screen.url, window, query, PAGE_SIZE, cursor)
    selected_row = None
    # This line also separates the toolbar of the table from the buttons above.
    st.caption(_describe_page(page, len(pages_state["cursors"])))
    if page.rows:
        selected_row = tables.pick(
            [_build_row(row) for row in page.rows],
            _build_columns(),
            key=table_key,
            alt="Requests, newest first; select one to see its steps",
            height=270 if tables.has_selection(table_key) else 560,
        )
    elif cursor is None and page.next_cursor is None:
        frame.draw_empty_state(
            "No request matches",
            "Widen the window, relax the search, or send traces to the API (OTLP, `/v1/traces`).",
            icon="timeline",
        )
        return None
    _draw_page_buttons(page, pages_state)
    return None if selected_row is None else page.rows[selected_row].trace_id


def _read_pages_state(head: Header, query: str) -> dict[str, Any]:
    """The cursors of the visited pages; a new search or filter starts from the newest request."""
    window = head.filters
    selection = (window.application, window.environment, window.release, window.model, head.window, query)
    pages_state: dict[str, Any] | None = st.session_state.get(trace_keys.TRACE_CURSORS)
    if pages_state is None or pages_state["selection"] != selection:
        pages_state = {"selection": selection, "cursors": [None], "filters": window}
        st.session_state[trace_keys.TRACE_CURSORS] = pages_state
    return pages_state


def _draw_page_buttons(page: TracePage, pages_state: dict[str, Any]) -> None:
    """Draw the buttons to newer and older pages."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if st.button(
            "Newer",
            icon=":material/chevron_left:",
            key="trace_newer",
            disabled=len(pages_state["cursors"]) == 1,
        ):
            # The table above is drawn already, so another run draws the other page.
            pages_state["cursors"].pop()
            st.rerun()
        if st.button(
            "Older", icon=":material/chevron_right:", key="trace_older", disabled=page.next_cursor is None
        ):
            pages_state["cursors"].append(page.next_cursor)
            st.rerun()


def _describe_page(page: TracePage, number: int) -> str:
    """The number of requests on this page, and how many were searched for them."""
    sentence = f"Page {number}: {units.format_quantity(len(page.rows), 'request')}, newest first."
    scope = []
    if page.searched is not None:
        scope.append(f"searched the messages of {units.format_quantity(page.searched, 'request')}")
    if page.looked_at is not None:
        scope.append(f"looked at {units.format_quantity(page.looked_at, 'request')}")
    if not scope:
        return sentence
    more = "; older requests may match too" if page.next_cursor is not None else ""
    return f"{sentence} It {' and '.join(scope)}{more}."


def _build_row(row: TraceRow) -> dict[str, object]:
    return {
        "start": row.start.astimezone(dt.UTC),
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


def _build_columns() -> dict[str, object]:
    column = tables.column
    return {
        "start": column.DatetimeColumn("Started (UTC)", format="DD MMM HH:mm:ss", timezone="UTC"),
        "status": tables.state_column("Status", width=84),
        "name": column.TextColumn("Request"),
        "application": column.TextColumn("Application"),
        "release": column.TextColumn("Release"),
        "duration": column.NumberColumn("Duration", format="%.2f s"),
        "cost": column.NumberColumn("Cost", format="$%.5f"),
        "tokens": column.NumberColumn("Tokens", format="localized"),
        "spans": column.NumberColumn("Steps"),
        "user": column.TextColumn("User"),
        "trace": column.TextColumn("Trace id"),
    }
