"""Users with their requests, errors and cost."""

import streamlit as st

from genaiops_core.telemetry.traffic.users import UserRow
from pages.parts.reads import traffic
from pages.parts.shared import address, filters, frame, keys, tables, units
from pages.parts.traffic import traffic_keys, user_view

screen = frame.guard("users")
head = filters.draw_header(screen, has_place=True)
window, url = head.filters, screen.url
MAX_USERS = 100
ORDERS = {
    "cost": "Highest cost",
    "requests": "Most requests",
    "errors": "Most errors",
    "tokens": "Most tokens",
}


def convert_to_usd(user: UserRow) -> float | None:
    """Cost in USD; None when no call has a price."""
    return None if user.cost_usd is None else user.cost_nano_usd / 1e9


def draw_list(table_key: str) -> str | None:
    """Draw the users in the chosen order; returns the selected one."""
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
    users = traffic.list_users(url, window, order or "cost", MAX_USERS)
    if not any(user.user_id for user in users):
        frame.draw_empty_state(
            "No user in this window",
            "A user is what an application names with `user.id` or `enduser.id` on its spans. "
            "Widen the window, or set the attribute in your application.",
            icon="group",
            to="traces",
        )
        return None
    with head.facts:
        st.badge(
            f"top {MAX_USERS}"
            if len(users) == MAX_USERS
            else units.format_quantity(sum(1 for user in users if user.user_id), "user"),
            icon=":material/group:",
            color="gray",
        )
    # 1 avoids a division by zero; every share is then 0.
    total_nano_usd = sum(user.cost_nano_usd for user in users) or 1
    column = tables.column
    selected_row = tables.pick(
        [
            {
                "user": user.user_id or units.NOT_SET,
                "cost": convert_to_usd(user),
                "share": user.cost_nano_usd / total_nano_usd,
                "requests": user.requests,
                "errors": user.errors,
                "rate": user.error_rate,
                "calls": user.calls,
                "unpriced": user.unpriced_calls,
                "input": user.input_tokens,
                "output": user.output_tokens,
            }
            for user in users
        ],
        {
            "user": column.TextColumn("User", pinned=True),
            "cost": column.NumberColumn("Cost", format="$%.4f"),
            "share": column.ProgressColumn("Share of cost", format="percent", min_value=0, max_value=1),
            "requests": column.NumberColumn("Requests", format="localized"),
            "errors": column.NumberColumn("Errors", format="localized"),
            "rate": column.NumberColumn("Error rate", format="percent"),
            "calls": column.NumberColumn("Model calls", format="localized"),
            "unpriced": column.NumberColumn("Unpriced", format="localized"),
            "input": column.NumberColumn("Tokens in", format="localized"),
            "output": column.NumberColumn("Tokens out", format="localized"),
        },
        key=table_key,
        alt=f"Users, {ORDERS[order or 'cost'].lower()} first; select one to see more",
        height=270 if tables.has_selection(table_key) else "content",
    )
    return None if selected_row is None else users[selected_row].user_id


user_table = address.LinkedTable(keys.USER, traffic_keys.USER_TABLE)
if user_table.linked:
    with head.facts:
        user_table.draw_return("All users")
    user_view.draw(screen, window, user_table.linked)
else:
    selected_user_id = draw_list(user_table.key)
    user_table.write(selected_user_id)
    if selected_user_id:
        with st.container(border=True):
            user_view.draw(screen, window, selected_user_id)
