"""Sessions: the list, and one session turn by turn."""

from __future__ import annotations

import datetime as dt
from typing import Any

import streamlit as st

from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.sessions import Conversation, SessionRow, Turn
from pages.parts.reads import traffic
from pages.parts.shared import frame, keys, tables, units
from pages.parts.shared.frame import Screen
from pages.parts.traces import trace_content
from pages.parts.traffic import traffic_keys

PAGE_SIZE = 50
PAGE_TURNS = 25


def draw_list(
    screen: Screen,
    filters: Filters,
    *,
    user: str | None = None,
    table_key: str = traffic_keys.SESSION_TABLE,
) -> str | None:
    """Draw one page of sessions, the most recently active first; returns the selected one."""
    selection = (filters.application, filters.environment, filters.release, filters.model, user)
    pages_state: dict[str, Any] | None = st.session_state.get(traffic_keys.SESSION_CURSORS)
    # The length instead of the ends: a window that ends now moves with every run.
    length = filters.end - filters.start
    if pages_state is None or pages_state["selection"] != (selection, length):
        pages_state = {"selection": (selection, length), "cursors": [None], "filters": filters}
        st.session_state[traffic_keys.SESSION_CURSORS] = pages_state
    cursor = pages_state["cursors"][-1]
    page = traffic.list_sessions(
        screen.url, filters if cursor is None else pages_state["filters"], PAGE_SIZE, cursor, user
    )
    if not page.rows and cursor is None and page.next_cursor is None:
        frame.draw_empty_state(
            "No session in this window",
            "A session is what an application names with `session.id` (or `gen_ai.conversation.id`) on its spans. "
            "Widen the window, or set the attribute in your application.",
            icon="forum",
            to="traces",
        )
        return None
    column = tables.column
    selected_row = tables.pick(
        [_build_row(session) for session in page.rows],
        {
            "last": column.DatetimeColumn("Last active (UTC)", format="DD MMM HH:mm:ss", timezone="UTC"),
            "session": column.TextColumn("Session"),
            "application": column.TextColumn("Application"),
            "user": column.TextColumn("User"),
            "requests": column.NumberColumn("Requests", format="localized"),
            "errors": column.NumberColumn("Errors", format="localized"),
            "cost": column.NumberColumn("Cost", format="$%.5f"),
            "tokens": column.NumberColumn("Tokens", format="localized"),
            "duration": column.TextColumn("Duration"),
        },
        key=table_key,
        alt="Sessions, the most recently active first; select one to read it",
        height=270 if tables.has_selection(table_key) else "content",
    )
    if cursor is not None or page.next_cursor is not None:
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button(
                "Newer", icon=":material/chevron_left:", key="session_newer", disabled=cursor is None
            ):
                pages_state["cursors"].pop()
                st.rerun()
            if st.button(
                "Older", icon=":material/chevron_right:", key="session_older", disabled=not page.next_cursor
            ):
                pages_state["cursors"].append(page.next_cursor)
                st.rerun()
    return None if selected_row is None else page.rows[selected_row].session_id


def _build_row(session: SessionRow) -> dict[str, object]:
    return {
        "last": session.last.astimezone(dt.UTC),
        "session": session.session_id,
        "application": session.application,
        "user": session.user_id,
        "requests": session.requests,
        "errors": session.errors,
        "cost": None if session.cost_usd is None else session.cost_nano_usd / 1e9,
        "tokens": session.input_tokens + session.output_tokens,
        "duration": "one request"
        if session.requests == 1
        else units.format_duration((session.last - session.first).total_seconds() * 1000),
    }


def draw_one(screen: Screen, session_id: str, application: str | None, *, has_link: bool) -> bool:
    """Draw one session as a conversation; False when no request of it is stored."""
    state = st.session_state.get(traffic_keys.SESSION_OFFSET)
    if state is None or state["session"] != session_id:
        state = st.session_state[traffic_keys.SESSION_OFFSET] = {"session": session_id, "offset": 0}
    conversation = traffic.get_conversation(screen.url, session_id, application, state["offset"], PAGE_TURNS)
    if conversation is None:
        return False
    _draw_head(conversation, has_link=has_link)
    for turn in conversation.turns:
        _draw_turn(turn)
    if state["offset"] or conversation.next_offset is not None:
        with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            first = state["offset"] + 1
            st.caption(
                f"Turns {first:,} to {first + len(conversation.turns) - 1:,} of {conversation.total_turns:,}",
                width="content",
            )
            if st.button("Earlier turns", key="session_earlier", disabled=not state["offset"]):
                state["offset"] = max(0, state["offset"] - PAGE_TURNS)
                st.rerun()
            if st.button("Later turns", key="session_later", disabled=conversation.next_offset is None):
                state["offset"] = conversation.next_offset
                st.rerun()
    return True


def _draw_head(conversation: Conversation, *, has_link: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(
            units.escape_markdown(conversation.session_id),
            icon=":material/forum:",
            anchor=False,
            width="content",
        )
        st.badge(units.escape_markdown(conversation.application), color="gray", icon=":material/apps:")
        st.space("stretch")
        if conversation.user_id:
            st.page_link(
                "pages/users.py",
                label="User",
                icon=":material/person:",
                query_params={keys.USER: conversation.user_id},
            )
        if has_link:
            st.page_link(
                "pages/sessions.py",
                label="Link",
                icon=":material/link:",
                query_params={keys.SESSION: conversation.session_id},
            )
    with st.grid(5, min_column_width=140, gap="small"):
        st.metric("Turns", f"{conversation.total_turns:,}")
        st.metric(
            "Cost",
            units.format_cost(
                None if conversation.cost_usd is None else conversation.cost_nano_usd,
                conversation.unpriced_calls,
            ),
            help=f"{conversation.unpriced_calls} calls without a price"
            if conversation.unpriced_calls
            else None,
        )
        st.metric(
            "Tokens in / out",
            f"{units.format_count(conversation.input_tokens)} / {units.format_count(conversation.output_tokens)}",
        )
        st.metric("Errors", f"{conversation.errors:,}")
        st.metric(
            "Duration", units.format_duration((conversation.end - conversation.start).total_seconds() * 1000)
        )


def _draw_turn(turn: Turn) -> None:
    """Draw question and answer of one turn, and the cost of the conversation so far."""
    if turn.question is not None or turn.answer is None:
        trace_content.draw_message("user", turn.question or "(no question in the telemetry)")
    trace_content.draw_message("assistant", turn.answer or "(no answer in the telemetry)")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        tables.draw_badge(turn.status)
        cost = units.format_usd(None if turn.cost_usd is None else turn.cost_nano_usd)
        st.caption(
            f"Turn {turn.number:,} · {units.format_instant(turn.start)} · {units.format_duration(turn.latency_ms)} · "
            f"{units.escape_markdown(turn.model or 'unknown model')} · "
            + units.escape_markdown(f"{cost}, {units.format_usd(turn.running_cost_nano_usd)} so far"),
            width="content",
        )
        st.space("stretch")
        st.page_link(
            "pages/traces.py",
            label="Steps",
            icon=":material/timeline:",
            query_params={keys.TRACE_ID: turn.trace_id},
        )
