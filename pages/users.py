"""Users: who uses this, and what do they spend?"""

import datetime as dt

import streamlit as st

from genaiops_core.telemetry.people import UserDetail, UserRow
from pages.parts import charts, filters, frame, keys, reads_traffic, session_view, tables, trace_search, units

here = frame.guard("users")
head = filters.header(
    here, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE), default_window="7d", has_place=True
)
window, url = head.filters, here.url
MOST = 100
ORDERS = {"cost": "Dearest", "requests": "Busiest", "errors": "Most errors", "tokens": "Most tokens"}
NOBODY = "(not said)"


def cost(one: UserRow) -> float | None:
    """In USD; None when every call is without a price."""
    return None if one.cost_usd is None else one.cost_nano_usd / 1e9


def draw_list() -> str | None:
    """The users with the most of something; returns the one that was picked."""
    with head.place:
        order = st.selectbox(
            "Order",
            list(ORDERS),
            key=keys.USER_ORDER,
            bind="query-params",
            format_func=lambda name: ORDERS[name],
            label_visibility="collapsed",
            width=150,
            icon=":material/sort:",
        )
    found = reads_traffic.list_users(url, window, order or "cost", MOST)
    if not any(one.user_id for one in found):
        frame.empty(
            "No user in this window",
            "A user is what an application names with `user.id` or `enduser.id` on its spans. "
            "Widen the window, or let your application say it.",
            icon="group",
            to="traces",
        )
        return None
    with head.facts:
        st.badge(
            f"top {MOST}"
            if len(found) == MOST
            else units.things(sum(1 for one in found if one.user_id), "user"),
            icon=":material/group:",
            color="gray",
        )
    whole = sum(one.cost_nano_usd for one in found) or 1
    column = tables.column
    picked = tables.pick(
        [
            {
                "user": one.user_id or NOBODY,
                "cost": cost(one),
                "share": one.cost_nano_usd / whole,
                "requests": one.requests,
                "errors": one.errors,
                "rate": one.error_rate,
                "calls": one.calls,
                "unpriced": one.unpriced_calls,
                "input": one.input_tokens,
                "output": one.output_tokens,
            }
            for one in found
        ],
        {
            "user": column.TextColumn("User", pinned=True),
            "cost": column.NumberColumn("Cost", format="$%.4f"),
            "share": column.ProgressColumn("Share of these", format="percent", min_value=0, max_value=1),
            "requests": column.NumberColumn("Requests", format="localized"),
            "errors": column.NumberColumn("Errors", format="localized"),
            "rate": column.NumberColumn("Error rate", format="percent"),
            "calls": column.NumberColumn("Model calls", format="localized"),
            "unpriced": column.NumberColumn("Unpriced", format="localized"),
            "input": column.NumberColumn("Tokens in", format="localized"),
            "output": column.NumberColumn("Tokens out", format="localized"),
        },
        key=keys.USER_TABLE,
        alt=f"Users, {ORDERS[order or 'cost'].lower()} first; select one to see more",
        height=270 if tables.has_selection(keys.USER_TABLE) else "content",
    )
    return None if picked is None else found[picked].user_id


def draw_days(told: UserDetail) -> None:
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
        spent = charts.Line(
            name="cost", at=days, values=[one.cost_nano_usd / 1e9 if one else 0.0 for one in figures]
        )
        charts.show(
            charts.stacked_bars([spent], unit="USD", height=220),
            key="user_cost",
            alt="Cost of this user by day in USD",
        )
    with right:
        st.subheader("Requests a day", icon=":material/swap_vert:", anchor=False)
        asked = charts.Line(
            name="requests", at=days, values=[float(one.requests) if one else 0.0 for one in figures]
        )
        charts.show(
            charts.stacked_bars([asked], unit="requests", height=220),
            key="user_requests",
            alt="Requests of this user by day",
        )


def draw_user(user_id: str, *, is_alone: bool) -> None:
    """One user: figures, days and sessions."""
    told = reads_traffic.get_user(url, window, user_id)
    if told is None:
        frame.empty(
            "Nothing of this user in this window",
            f"Nothing has come from {units.plain(user_id)}; widen the window.",
            icon="search_off",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(units.plain(user_id), icon=":material/person:", anchor=False, width="content")
        for name in told.applications:
            st.badge(units.plain(name), color="gray", icon=":material/apps:")
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
            units.usd(None if figures.cost_usd is None else figures.cost_nano_usd),
            help=f"{figures.unpriced_calls} calls without a price" if figures.unpriced_calls else None,
        )
        st.metric("Requests", f"{figures.requests:,}")
        st.metric("Error rate", units.share(figures.error_rate))
        st.metric(
            "Tokens in / out", f"{units.count(figures.input_tokens)} / {units.count(figures.output_tokens)}"
        )
        st.metric("Last request", told.last.strftime("%d %b %H:%M") if told.last else units.UNKNOWN)
    draw_days(told)
    st.subheader("Sessions", icon=":material/forum:", anchor=False)
    session = session_view.draw_list(here, window, user=user_id)
    if session:
        with st.container(border=True):
            session_view.draw_one(here, session, None, is_alone=False)


asked_for = st.query_params.get(keys.USER)
if asked_for:
    with head.facts:
        st.page_link("pages/users.py", label="All users", icon=":material/arrow_back:", query_params={})
    draw_user(asked_for, is_alone=True)
elif chosen := draw_list():
    with st.container(border=True):
        draw_user(chosen, is_alone=False)
