"""Conversations: a list of them, and one of them turn by turn."""

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

PAGE = 50
TURNS = 25


def draw_list(screen: Screen, filters: Filters, *, user: str | None = None) -> str | None:
    """One page of sessions, the most recently active first; returns the one that was picked."""
    asked = (filters.application, filters.environment, filters.release, filters.model, user)
    visited: dict[str, Any] | None = st.session_state.get(traffic_keys.SESSION_CURSORS)
    length = filters.end - filters.start
    if visited is None or visited["asked"] != (asked, length):
        visited = {"asked": (asked, length), "cursors": [None], "filters": filters}
        st.session_state[traffic_keys.SESSION_CURSORS] = visited
    cursor = visited["cursors"][-1]
    page = traffic.list_sessions(
        screen.url, filters if cursor is None else visited["filters"], PAGE, cursor, user
    )
    if not page.rows and cursor is None and page.next_cursor is None:
        frame.draw_empty_state(
            "No session in this window",
            "A session is what an application names with `session.id` (or `gen_ai.conversation.id`) on its spans. "
            "Widen the window, or let your application say it.",
            icon="forum",
            to="traces",
        )
        return None
    column = tables.column
    picked = tables.pick(
        [_row(one) for one in page.rows],
        {
            "last": column.DatetimeColumn("Last active (UTC)", format="DD MMM HH:mm:ss", timezone="UTC"),
            "session": column.TextColumn("Session"),
            "application": column.TextColumn("Application"),
            "user": column.TextColumn("User"),
            "requests": column.NumberColumn("Requests", format="localized"),
            "errors": column.NumberColumn("Errors", format="localized"),
            "cost": column.NumberColumn("Cost", format="$%.5f"),
            "tokens": column.NumberColumn("Tokens", format="localized"),
            "lasted": column.TextColumn("Lasted"),
        },
        key=traffic_keys.SESSION_TABLE,
        alt="Sessions, the most recently active first; select one to read it",
        height=270 if tables.has_selection(traffic_keys.SESSION_TABLE) else "content",
    )
    if cursor is not None or page.next_cursor is not None:
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button(
                "Newer", icon=":material/chevron_left:", key="session_newer", disabled=cursor is None
            ):
                visited["cursors"].pop()
                st.rerun()
            if st.button(
                "Older", icon=":material/chevron_right:", key="session_older", disabled=not page.next_cursor
            ):
                visited["cursors"].append(page.next_cursor)
                st.rerun()
    return None if picked is None else page.rows[picked].session_id


def _row(one: SessionRow) -> dict[str, object]:
    return {
        "last": one.last.astimezone(dt.UTC),
        "session": one.session_id,
        "application": one.application,
        "user": one.user_id,
        "requests": one.requests,
        "errors": one.errors,
        "cost": None if one.cost_usd is None else one.cost_nano_usd / 1e9,
        "tokens": one.input_tokens + one.output_tokens,
        "lasted": "one request"
        if one.requests == 1
        else units.format_duration((one.last - one.first).total_seconds() * 1000),
    }


def draw_one(screen: Screen, session_id: str, application: str | None, *, is_alone: bool) -> bool:
    """One session as the conversation it was; False when nothing of it has come."""
    state = st.session_state.get(traffic_keys.SESSION_OFFSET)
    if state is None or state["session"] != session_id:
        state = st.session_state[traffic_keys.SESSION_OFFSET] = {"session": session_id, "offset": 0}
    told = traffic.get_conversation(screen.url, session_id, application, state["offset"], TURNS)
    if told is None:
        return False
    _head(told, is_alone=is_alone)
    for turn in told.turns:
        _turn(turn)
    if state["offset"] or told.next_offset is not None:
        with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            first = state["offset"] + 1
            st.caption(
                f"Turns {first:,} to {first + len(told.turns) - 1:,} of {told.total_turns:,}", width="content"
            )
            if st.button("Earlier turns", key="session_earlier", disabled=not state["offset"]):
                state["offset"] = max(0, state["offset"] - TURNS)
                st.rerun()
            if st.button("Later turns", key="session_later", disabled=told.next_offset is None):
                state["offset"] = told.next_offset
                st.rerun()
    return True


def _head(told: Conversation, *, is_alone: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(
            units.escape_markdown(told.session_id), icon=":material/forum:", anchor=False, width="content"
        )
        st.badge(units.escape_markdown(told.application), color="gray", icon=":material/apps:")
        st.space("stretch")
        if told.user_id:
            st.page_link(
                "pages/users.py",
                label="User",
                icon=":material/person:",
                query_params={keys.USER: told.user_id},
            )
        if not is_alone:
            st.page_link(
                "pages/sessions.py",
                label="Link",
                icon=":material/link:",
                query_params={keys.SESSION: told.session_id},
            )
    with st.grid(5, min_column_width=140, gap="small"):
        st.metric("Turns", f"{told.total_turns:,}")
        st.metric(
            "Cost",
            units.format_usd(None if told.cost_usd is None else told.cost_nano_usd),
            help=f"{told.unpriced_calls} calls without a price" if told.unpriced_calls else None,
        )
        st.metric(
            "Tokens in / out",
            f"{units.format_count(told.input_tokens)} / {units.format_count(told.output_tokens)}",
        )
        st.metric("Errors", f"{told.errors:,}")
        st.metric("Lasted", units.format_duration((told.end - told.start).total_seconds() * 1000))


def _turn(turn: Turn) -> None:
    """What was asked and answered, and what the conversation had cost until then."""
    if turn.question is not None or turn.answer is None:
        trace_content.message("user", turn.question or "(the telemetry does not say what was asked)")
    trace_content.message("assistant", turn.answer or "(the telemetry does not say what was answered)")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        tables.draw_badge(turn.status)
        cost = units.format_usd(None if turn.cost_usd is None else turn.cost_nano_usd)
        st.caption(
            f"Turn {turn.number:,} · {units.format_instant(turn.start)} · {units.format_duration(turn.latency_ms)} · "
            f"{units.escape_markdown(turn.model or 'model not said')} · "
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
