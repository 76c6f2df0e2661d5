"""Saved views of the list of requests: open one, save what is on the screen, delete one's own."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import streamlit as st

from genaiops_core.telemetry.search import saved_views
from genaiops_core.telemetry.time_window import WINDOWS
from pages.parts.reads import cache, traces
from pages.parts.shared import confirm, keys, units
from pages.parts.shared.frame import Screen
from pages.parts.traces import trace_keys

_SCREEN = "traces"
_KEPT = (
    keys.TRACE_QUERY,
    trace_keys.TRACE_STATUS,
    keys.WINDOW,
    keys.START,
    keys.END,
    keys.APPLICATION,
    keys.ENVIRONMENT,
    keys.RELEASE,
    keys.MODEL,
)


def draw(screen: Screen) -> None:
    """Saved views: open one, save what is on the screen, delete one's own."""
    found = traces.list_views(screen.url, screen.actor, _SCREEN)
    with st.popover("Views", icon=":material/bookmark:"):
        if not found:
            st.caption("A view keeps the search, the filters and the window under a name.")
        for view in found:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.page_link(
                    "pages/traces.py",
                    label=units.escape_markdown(view.name),
                    icon=":material/group:" if view.is_shared else ":material/person:",
                    query_params=dict(parse_qsl(view.query)),
                    help=None
                    if view.owner == screen.actor
                    else f"Shared by {units.escape_markdown(view.owner)}",
                )
                st.space("stretch")
                if view.owner == screen.actor and st.button(
                    "Delete", key=trace_keys.view_delete(view.id), icon=":material/delete:", type="tertiary"
                ):
                    _ask_delete(screen, view)
        if st.button("Save this view", key=trace_keys.VIEW_SAVE, icon=":material/bookmark_add:"):
            _ask_save(screen, _address())


def _address() -> str:
    """What is on the screen, as the query string that shows it again."""
    kept = {}
    for key in _KEPT:
        value = st.session_state.get(key)
        if value:
            kept[key] = str(value)
    if kept.get(keys.WINDOW) not in WINDOWS or (keys.START in kept and keys.END in kept):
        kept.pop(keys.WINDOW, None)
    return urlencode(kept)


def _ask_save(screen: Screen, query: str) -> None:
    def fields() -> None:
        st.text_input("Name", key=trace_keys.VIEW_NAME, max_chars=saved_views.MAX_NAME_LENGTH)
        st.checkbox("Show it to everybody", key=trace_keys.VIEW_SHARED)

    def act(reason: str) -> str:
        view = saved_views.save(
            screen.engine,
            actor=screen.actor,
            name=str(st.session_state[trace_keys.VIEW_NAME] or ""),
            screen=_SCREEN,
            query=query,
            is_shared=bool(st.session_state[trace_keys.VIEW_SHARED]),
            reason=reason,
        )
        cache.invalidate("views")
        return f"The view {view.name} is saved."

    confirm.open_dialog(
        "view_save",
        title="Save this view",
        icon=":material/bookmark_add:",
        button="Save",
        act=act,
        fields=fields,
        sentence="A view of the same name of yours is replaced.",
        needs_reason=False,
    )


def _ask_delete(screen: Screen, view: saved_views.SavedView) -> None:
    def act(reason: str) -> str:
        saved_views.delete(screen.engine, actor=screen.actor, id=view.id, reason=reason)
        cache.invalidate("views")
        return f"The view {view.name} is deleted."

    everybody = " Nobody will find it any more." if view.is_shared else ""
    confirm.open_dialog(
        "view_delete",
        title="Delete a view",
        icon=":material/delete:",
        button="Delete",
        act=act,
        sentence=f"Delete {units.escape_markdown(view.name)}?{everybody}",
        needs_reason=False,
    )
