"""One user: figures, days and sessions."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.user_breakdown import UserDetail
from pages.parts.charts import plots
from pages.parts.reads import traffic
from pages.parts.shared import frame, keys, units
from pages.parts.shared.frame import Screen
from pages.parts.traces import trace_search
from pages.parts.traffic import session_view


def _draw_days(window: Filters, told: UserDetail) -> None:
    """Spend and requests over the days of the window."""
    told_of = {one.day: one.figures for one in told.days}
    last = (window.end - dt.timedelta(microseconds=1)).date()
    dates = [
        window.start.date() + dt.timedelta(days=at) for at in range((last - window.start.date()).days + 1)
    ]
    days = [dt.datetime.combine(day, dt.time(), dt.UTC) for day in dates]
    figures = [told_of.get(day) for day in dates]
    left, right = st.columns(2)
    with left:
        st.subheader("Spend a day", icon=":material/payments:", anchor=False)
        spent = plots.Line(
            name="cost", at=days, values=[one.cost_nano_usd / 1e9 if one else 0.0 for one in figures]
        )
        plots.show(
            plots.stacked_bars([spent], unit="USD", height=220),
            key="user_cost",
            alt="Cost of this user by day in USD",
        )
    with right:
        st.subheader("Requests a day", icon=":material/swap_vert:", anchor=False)
        asked = plots.Line(
            name="requests", at=days, values=[float(one.requests) if one else 0.0 for one in figures]
        )
        plots.show(
            plots.stacked_bars([asked], unit="requests", height=220),
            key="user_requests",
            alt="Requests of this user by day",
        )


def draw(screen: Screen, window: Filters, user_id: str, *, is_alone: bool) -> None:
    """One user: figures, days and sessions."""
    told = traffic.get_user(screen.url, window, user_id)
    if told is None:
        frame.draw_empty_state(
            "Nothing of this user in this window",
            f"Nothing has come from {units.escape_markdown(user_id)}; widen the window.",
            icon="search_off",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(units.escape_markdown(user_id), icon=":material/person:", anchor=False, width="content")
        for name in told.applications:
            st.badge(units.escape_markdown(name), color="gray", icon=":material/apps:")
        st.space("stretch")
        st.page_link(
            "pages/traces.py",
            label="Requests",
            icon=":material/timeline:",
            query_params={keys.TRACE_QUERY: trace_search.asking("user", user_id)},
        )
        if not is_alone:
            st.page_link(
                "pages/users.py", label="Link", icon=":material/link:", query_params={keys.USER: user_id}
            )
    figures = told.figures
    with st.grid(5, min_column_width=140, gap="small"):
        st.metric(
            "Cost",
            units.format_usd(None if figures.cost_usd is None else figures.cost_nano_usd),
            help=f"{figures.unpriced_calls} calls without a price" if figures.unpriced_calls else None,
        )
        st.metric("Requests", f"{figures.requests:,}")
        st.metric("Error rate", units.format_share(figures.error_rate))
        st.metric(
            "Tokens in / out",
            f"{units.format_count(figures.input_tokens)} / {units.format_count(figures.output_tokens)}",
        )
        st.metric("Last request", told.last.strftime("%d %b %H:%M") if told.last else units.NO_DATA)
    _draw_days(window, told)
    st.subheader("Sessions", icon=":material/forum:", anchor=False)
    session = session_view.draw_list(screen, window, user=user_id)
    if session:
        with st.container(border=True):
            session_view.draw_one(screen, session, None, is_alone=False)
