"""Saved views of the list of requests: open one, save what is on the screen, delete one's own."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import streamlit as st

from genaiops_core.telemetry.search import saved_views
from genaiops_core.telemetry.time_window import WINDOWS
from pages.parts import reads
from pages.parts.reads import traffic
from pages.parts.shared import confirm, keys, units
from pages.parts.shared.frame import Screen

_SCREEN = "traces"
_KEPT = (
    keys.TRACE_QUERY,
    keys.TRACE_STATUS,
    keys.WINDOW,
    keys.START,
    keys.END,
    keys.APPLICATION,
    keys.ENVIRONMENT,
    keys.RELEASE,
    keys.MODEL,
)


def draw(here: Screen) -> None:
    """Saved views: open one, save what is on the screen, delete one's own."""
    found = traffic.list_views(here.url, here.actor, _SCREEN)
    with st.popover("Views", icon=":material/bookmark:"):
        if not found:
            st.caption("A view keeps the search, the filters and the window under a name.")
        for view in found:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.page_link(
                    "pages/traces.py",
                    label=units.plain(view.name),
                    icon=":material/group:" if view.is_shared else ":material/person:",
                    query_params=dict(parse_qsl(view.query)),
                    help=None if view.owner == here.actor else f"Shared by {units.plain(view.owner)}",
                )
                st.space("stretch")
                if view.owner == here.actor and st.button(
                    "Delete", key=keys.view_delete(view.id), icon=":material/delete:", type="tertiary"
                ):
                    _ask_delete(here, view)
        if st.button("Save this view", key=keys.VIEW_SAVE, icon=":material/bookmark_add:"):
            _ask_save(here, _address())


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


def _ask_save(here: Screen, query: str) -> None:
    def fields() -> None:
        st.text_input("Name", key=keys.VIEW_NAME, max_chars=saved_views.MAX_NAME_LENGTH)
        st.checkbox("Show it to everybody", key=keys.VIEW_SHARED)

    def act(reason: str) -> str:
        view = saved_views.save(
            here.engine,
            actor=here.actor,
            name=str(st.session_state[keys.VIEW_NAME] or ""),
            screen=_SCREEN,
            query=query,
            is_shared=bool(st.session_state[keys.VIEW_SHARED]),
            reason=reason,
        )
        reads.changed("views")
        return f"The view {view.name} is saved."

    confirm.ask(
        "view_save",
        title="Save this view",
        icon=":material/bookmark_add:",
        button="Save",
        act=act,
        fields=fields,
        sentence="A view of the same name of yours is replaced.",
        needs_reason=False,
    )


def _ask_delete(here: Screen, view: saved_views.SavedView) -> None:
    def act(reason: str) -> str:
        saved_views.delete(here.engine, actor=here.actor, id=view.id, reason=reason)
        reads.changed("views")
        return f"The view {view.name} is deleted."

    everybody = " Nobody will find it any more." if view.is_shared else ""
    confirm.ask(
        "view_delete",
        title="Delete a view",
        icon=":material/delete:",
        button="Delete",
        act=act,
        sentence=f"Delete {units.plain(view.name)}?{everybody}",
        needs_reason=False,
    )
