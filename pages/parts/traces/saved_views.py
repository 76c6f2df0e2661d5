"""Saved views of the list of requests: open, save and delete."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from genaiops_core.telemetry.search import saved_views
from genaiops_core.telemetry.time_window import WINDOWS
from pages.parts.reads import cache, traces
from pages.parts.shared import catalogue, confirm, keys, units
from pages.parts.shared.frame import Screen
from pages.parts.traces import trace_keys

_SCREEN = "traces"
_SAVED_KEYS = (
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
    """Draw the saved views of the user and the shared ones; only the owner can delete a view."""
    views = traces.list_views(screen.url, screen.actor, _SCREEN)
    with st.popover("Views", icon=":material/bookmark:"):
        if not views:
            st.caption("A view saves the search, the filters and the window under a name.")
        for view in views:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                # A link to the same screen would leave the URL and the inputs as they are.
                st.button(
                    units.escape_markdown(view.name),
                    icon=":material/group:" if view.is_shared else ":material/person:",
                    key=trace_keys.view_open(view.id),
                    type="tertiary",
                    on_click=_open,
                    args=(view.query,),
                    help=None
                    if view.owner == screen.actor
                    else f"Shared by {units.escape_markdown(view.owner)}",
                )
                st.space("stretch")
                if view.owner == screen.actor and st.button(
                    "Delete", key=trace_keys.view_delete(view.id), icon=":material/delete:", type="tertiary"
                ):
                    _open_delete_dialog(screen, view)
        if st.button("Save this view", key=trace_keys.VIEW_SAVE, icon=":material/bookmark_add:"):
            _open_save_dialog(screen, _build_query())


def _open(query: str) -> None:
    """Set every input of the screen as the view saved it."""
    values = dict(parse_qsl(query))
    for key in _SAVED_KEYS:
        value: object = values.get(key)
        if key in (keys.START, keys.END) and value is not None:
            value = dt.date.fromisoformat(str(value))
        elif key == keys.WINDOW:
            value = value or catalogue.BY_NAME[_SCREEN].window
        elif key == keys.TRACE_QUERY:
            value = value or ""
        st.session_state[key] = value


def _build_query() -> str:
    """The state of the screen as the query string that restores it."""
    parameters = {}
    for key in _SAVED_KEYS:
        value = st.session_state.get(key)
        if value:
            parameters[key] = str(value)
    # Dates take precedence over a window, so a view with both would be ambiguous.
    if parameters.get(keys.WINDOW) not in WINDOWS or (keys.START in parameters and keys.END in parameters):
        parameters.pop(keys.WINDOW, None)
    return urlencode(parameters)


def _open_save_dialog(screen: Screen, query: str) -> None:
    def draw_fields() -> None:
        st.text_input("Name", key=trace_keys.VIEW_NAME, max_chars=saved_views.MAX_NAME_LENGTH)
        st.checkbox("Share with all users", key=trace_keys.VIEW_SHARED)

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
        fields=draw_fields,
        sentence="It replaces your view of the same name.",
        needs_reason=False,
    )


def _open_delete_dialog(screen: Screen, view: saved_views.SavedView) -> None:
    def act(reason: str) -> str:
        saved_views.delete(screen.engine, actor=screen.actor, id=view.id, reason=reason)
        cache.invalidate("views")
        return f"The view {view.name} is deleted."

    consequence = " It is shared: other users lose it too." if view.is_shared else ""
    confirm.open_dialog(
        "view_delete",
        title="Delete a view",
        icon=":material/delete:",
        button="Delete",
        act=act,
        sentence=f"Delete {units.escape_markdown(view.name)}?{consequence}",
        needs_reason=False,
    )
