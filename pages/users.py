"""Users: who uses this, and what do they spend?"""

import streamlit as st

from genaiops_core.telemetry.traffic.user_breakdown import UserRow
from pages.parts.reads import traffic
from pages.parts.shared import filters, frame, keys, tables, units
from pages.parts.traffic import traffic_keys, user_view

screen = frame.guard("users")
head = filters.draw_header(
    screen, by=(keys.APPLICATION, keys.ENVIRONMENT, keys.RELEASE), default_window="7d", has_place=True
)
window, url = head.filters, screen.url
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
            key=traffic_keys.USER_ORDER,
            bind="query-params",
            format_func=lambda name: ORDERS[name],
            label_visibility="collapsed",
            width=150,
            icon=":material/sort:",
        )
    found = traffic.list_users(url, window, order or "cost", MOST)
    if not any(one.user_id for one in found):
        frame.draw_empty_state(
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
            else units.format_quantity(sum(1 for one in found if one.user_id), "user"),
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
        key=traffic_keys.USER_TABLE,
        alt=f"Users, {ORDERS[order or 'cost'].lower()} first; select one to see more",
        height=270 if tables.has_selection(traffic_keys.USER_TABLE) else "content",
    )
    return None if picked is None else found[picked].user_id


asked_for = st.query_params.get(keys.USER)
if asked_for:
    with head.facts:
        st.page_link("pages/users.py", label="All users", icon=":material/arrow_back:", query_params={})
    user_view.draw(screen, window, asked_for, is_alone=True)
elif chosen := draw_list():
    with st.container(border=True):
        user_view.draw(screen, window, chosen, is_alone=False)
