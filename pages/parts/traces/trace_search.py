"""The search box with its help, and what it found as a download."""

from __future__ import annotations

import re

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.search import language as search_language
from pages.parts.reads import traces
from pages.parts.shared import keys, tables, units
from pages.parts.shared.filters import Header
from pages.parts.shared.frame import Screen
from pages.parts.traces import saved_views, trace_keys

_FORMATS = {
    "csv": "CSV, a row a request",
    "jsonl": "JSON lines, a line a request",
    "parquet": "Parquet, a row a request",
    "otlp": "OTLP, every span with all it says",
}
_POSITION = re.compile(r"at character (\d+)")


def draw(screen: Screen, head: Header) -> str | None:
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
            key=trace_keys.TRACE_STATUS,
            bind="query-params",
            label_visibility="collapsed",
            width="content",
        )
        _help()
        saved_views.draw(screen)
        export = st.popover("Export", icon=":material/download:")
    typed = (typed or "").strip()
    try:
        search_language.parse(typed)
    except BadInput as error:
        _explain(typed, str(error))
        return None
    query = typed if status is None else f"status:{status} ({typed})" if typed else f"status:{status}"
    with export:
        _export(screen, head, query)
    return query


def asking(field: str, value: str) -> str:
    """A search for exactly this value, whatever characters it has."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}:"{quoted}"'


def _explain(typed: str, sentence: str) -> None:
    """What is wrong, and a mark under the character where it starts to be."""
    st.error(units.escape_markdown(sentence), icon=":material/error:")
    if found := _POSITION.search(sentence):
        st.code(f"{typed}\n{' ' * (int(found[1]) - 1)}^", language=None)


def _help() -> None:
    with st.popover("How to search", icon=":material/help:"):
        st.markdown("**Conditions side by side must all hold.** OR, parentheses and - work as expected.")
        for at, example in enumerate(search_language.EXAMPLES):
            st.button(
                units.escape_markdown(example),
                key=trace_keys.search_example(at),
                type="tertiary",
                icon=":material/north_west:",
                on_click=_use,
                args=(example,),
            )
        tables.draw_facts(search_language.FIELDS)


def _use(example: str) -> None:
    st.session_state[keys.TRACE_QUERY] = example


def _export(screen: Screen, head: Header, query: str) -> None:
    """The download is made when it is asked for, not before."""
    st.caption(
        f"At most {traces.MAX_EXPORTED_REQUESTS:,} requests, newest first. `GET /api/v1/traces/export` and "
        "`genaiops traces export` stream all of them."
    )
    window = head.filters
    for form, label in _FORMATS.items():
        st.download_button(
            label,
            data=lambda form=form: traces.export_traces(screen.url, window, query, form),  # type: ignore[misc]
            file_name=traces.name_export_file(form),
            key=trace_keys.trace_export(form),
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
        )
