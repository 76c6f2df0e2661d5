"""The search box with its help, saved views and downloads."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.telemetry import saved_views, search_language
from genaiops_core.telemetry.filters import WINDOWS
from pages.parts import confirm, keys, reads, reads_traffic, tables, units
from pages.parts.filters import Header
from pages.parts.frame import Screen

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
_FORMATS = {
    "csv": "CSV, a row a request",
    "jsonl": "JSON lines, a line a request",
    "parquet": "Parquet, a row a request",
    "otlp": "OTLP, every span with all it says",
}
_POSITION = re.compile(r"at character (\d+)")


def draw(here: Screen, head: Header) -> str | None:
    """One row: the search box, then help, views and downloads. None when the search makes no sense."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        typed = st.text_input(
            "Search requests",
            key=keys.TRACE_QUERY,
            bind="query-params",
            label_visibility="collapsed",
            type="search",
            icon=":material/search:",
            placeholder='Search: app:support-agent status:error latency>3s "refund policy"',
        )
        status = st.segmented_control(
            "Status",
            ["ok", "error", "incomplete"],
            key=keys.TRACE_STATUS,
            bind="query-params",
            label_visibility="collapsed",
            width="content",
        )
        _help()
        _views(here)
        export = st.popover("Export", icon=":material/download:")
    typed = (typed or "").strip()
    try:
        search_language.parse(typed)
    except BadInput as error:
        _explain(typed, str(error))
        return None
    query = typed if status is None else f"status:{status} ({typed})" if typed else f"status:{status}"
    with export:
        _export(here, head, query)
    return query


def asking(field: str, value: str) -> str:
    """A search for exactly this value, whatever characters it has."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}:"{quoted}"'


def _explain(typed: str, sentence: str) -> None:
    """What is wrong, and a mark under the character where it starts to be."""
    st.error(units.plain(sentence), icon=":material/error:")
    if found := _POSITION.search(sentence):
        st.code(f"{typed}\n{' ' * (int(found[1]) - 1)}^", language=None)


def _help() -> None:
    with st.popover("Help", icon=":material/help:", help="How to search", type="tertiary"):
        st.markdown("**Conditions side by side must all hold.** OR, parentheses and - work as expected.")
        for at, example in enumerate(search_language.EXAMPLES):
            st.button(
                units.plain(example),
                key=keys.search_example(at),
                type="tertiary",
                icon=":material/north_west:",
                on_click=_use,
                args=(example,),
            )
        tables.facts(search_language.FIELDS)


def _use(example: str) -> None:
    st.session_state[keys.TRACE_QUERY] = example


def _views(here: Screen) -> None:
    """Saved views: open one, save what is on the screen, delete one's own."""
    found = reads_traffic.list_views(here.url, here.actor, _SCREEN)
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


def _export(here: Screen, head: Header, query: str) -> None:
    """The download is made when it is asked for, not before."""
    st.caption(
        f"At most {reads_traffic.MOST_EXPORTED:,} requests, newest first. `GET /api/v1/traces/export` and "
        "`genaiops traces export` stream all of them."
    )
    window = head.filters
    for form, label in _FORMATS.items():
        st.download_button(
            label,
            data=lambda form=form: reads_traffic.exported(here.url, window, query, form),  # type: ignore[misc]
            file_name=f"requests.{'otlp.jsonl' if form == 'otlp' else form}",
            key=keys.trace_export(form),
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
        )
