"""The list of requests: searched, narrowed, in pages, newest first."""

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

PAGE = 50


def draw(screen: Screen, head: Header) -> str | None:
    """The search, one page of requests, and the way to the others; returns the trace that was picked."""
    query = trace_search.draw(screen, head)
    if query is None:
        return None
    visited = _visited(head, query)
    cursor = visited["cursors"][-1]
    # Later pages keep the window of the first, so that nothing slips between them.
    window: Filters = head.filters if cursor is None else visited["filters"]
    page = traces.search_traces(screen.url, window, query, PAGE, cursor)
    picked = None
    # This line also keeps the table's own toolbar off the buttons above.
    st.caption(_said(page, len(visited["cursors"])))
    if page.rows:
        picked = tables.pick(
            [_row(row) for row in page.rows],
            _columns(),
            key=trace_keys.TRACE_TABLE,
            alt="Requests, newest first; select one to see its steps",
            height=270 if tables.has_selection(trace_keys.TRACE_TABLE) else 560,
        )
    elif cursor is None and page.next_cursor is None:
        frame.draw_empty_state(
            "No request matches",
            "Widen the window, loosen the search, or send traces to the API (OTLP, `/v1/traces`).",
            icon="timeline",
        )
        return None
    _turn(page, visited)
    return None if picked is None else page.rows[picked].trace_id


def _visited(head: Header, query: str) -> dict[str, Any]:
    """The cursors that led here; another question starts from the newest again."""
    one = head.filters
    asked = (one.application, one.environment, one.release, one.model, head.window, query)
    visited: dict[str, Any] | None = st.session_state.get(trace_keys.TRACE_CURSORS)
    if visited is None or visited["asked"] != asked:
        visited = {"asked": asked, "cursors": [None], "filters": one}
        st.session_state[trace_keys.TRACE_CURSORS] = visited
    return visited


def _turn(page: TracePage, visited: dict[str, Any]) -> None:
    """The pages beside this one."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if st.button(
            "Newer", icon=":material/chevron_left:", key="trace_newer", disabled=len(visited["cursors"]) == 1
        ):
            visited["cursors"].pop()
            st.rerun()
        if st.button(
            "Older", icon=":material/chevron_right:", key="trace_older", disabled=page.next_cursor is None
        ):
            visited["cursors"].append(page.next_cursor)
            st.rerun()


def _said(page: TracePage, number: int) -> str:
    """What this page holds, and how far it has really looked for that."""
    shown = f"Page {number}: {units.format_quantity(len(page.rows), 'request')}, newest first."
    said = []
    if page.searched is not None:
        said.append(f"searched the messages of {units.format_quantity(page.searched, 'request')}")
    if page.looked_at is not None:
        said.append(f"looked at {units.format_quantity(page.looked_at, 'request')}")
    if not said:
        return shown
    more = "; older ones may match too" if page.next_cursor is not None else ""
    return f"{shown} It {' and '.join(said)}{more}."


def _row(row: TraceRow) -> dict[str, object]:
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


def _columns() -> dict[str, object]:
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
