"""One user: figures, days and sessions."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.users import UserDetail
from pages.parts.charts import plots
from pages.parts.reads import traffic
from pages.parts.shared import frame, keys, units
from pages.parts.shared.frame import Screen
from pages.parts.traces import trace_search
from pages.parts.traffic import session_view


def _draw_days(window: Filters, user: UserDetail) -> None:
    """Draw cost and requests by day."""
    figures_by_day = {day_figures.day: day_figures.figures for day_figures in user.days}
    # The end is exclusive: a window that ends at midnight has no part of the next day.
    last = (window.end - dt.timedelta(microseconds=1)).date()
    dates = [
        window.start.date() + dt.timedelta(days=at) for at in range((last - window.start.date()).days + 1)
    ]
    days = [dt.datetime.combine(day, dt.time(), dt.UTC) for day in dates]
    figures = [figures_by_day.get(day) for day in dates]
    left_column, right_column = st.columns(2)
    with left_column:
        st.subheader("Cost per day", icon=":material/payments:", anchor=False)
        costs = plots.Line(
            name="cost",
            at=days,
            values=[day_figures.cost_nano_usd / 1e9 if day_figures else 0.0 for day_figures in figures],
        )
        plots.draw(
            plots.build_stacked_bars([costs], unit="USD", height=220),
            key="user_cost",
            alt="Cost of this user by day in USD",
        )
    with right_column:
        st.subheader("Requests per day", icon=":material/swap_vert:", anchor=False)
        requests = plots.Line(
            name="requests",
            at=days,
            values=[float(day_figures.requests) if day_figures else 0.0 for day_figures in figures],
        )
        plots.draw(
            plots.build_stacked_bars([requests], unit="requests", height=220),
            key="user_requests",
            alt="Requests of this user by day",
        )


def draw(screen: Screen, window: Filters, user_id: str) -> None:
    """Draw figures, days and sessions of one user."""
    user = traffic.get_user(screen.url, window, user_id)
    if user is None:
        frame.draw_empty_state(
            "No request of this user in this window",
            f"Nothing was received from {units.escape_markdown(user_id)}. Widen the window.",
            icon="search_off",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(units.escape_markdown(user_id), icon=":material/person:", anchor=False, width="content")
        for name in user.applications:
            st.badge(units.escape_markdown(name), color="gray", icon=":material/apps:")
        st.space("stretch")
        st.page_link(
            "pages/traces.py",
            label="Requests",
            icon=":material/timeline:",
            query_params={keys.TRACE_QUERY: trace_search.build_exact_query("user", user_id)},
        )
    figures = user.figures
    with st.grid(5, min_column_width=140, gap="small"):
        st.metric(
            "Cost",
            units.format_cost(
                None if figures.cost_usd is None else figures.cost_nano_usd, figures.unpriced_calls
            ),
            help=f"{figures.unpriced_calls} calls without a price" if figures.unpriced_calls else None,
        )
        st.metric("Requests", f"{figures.requests:,}")
        st.metric("Error rate", units.format_share(figures.error_rate))
        st.metric(
            "Tokens in / out",
            f"{units.format_count(figures.input_tokens)} / {units.format_count(figures.output_tokens)}",
        )
        st.metric("Last request", user.last.strftime("%d %b %H:%M") if user.last else units.NO_DATA)
    _draw_days(window, user)
    st.subheader("Sessions", icon=":material/forum:", anchor=False)
    session = session_view.draw_list(screen, window, user=user_id)
    if session:
        with st.container(border=True):
            session_view.draw_one(screen, session, None, has_link=True)
