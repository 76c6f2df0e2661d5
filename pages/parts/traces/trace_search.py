"""The search box with its help, saved views and exports."""

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
    "csv": "CSV, one row per request",
    "jsonl": "JSON lines, one line per request",
    "parquet": "Parquet, one row per request",
    "otlp": "OTLP, all spans with their attributes",
}
_POSITION = re.compile(r"at character (\d+)")


def draw(screen: Screen, head: Header) -> str | None:
    """Draw the search row and return the query; None when the search is invalid."""
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
        _draw_help()
        saved_views.draw(screen)
        export = st.popover("Export", icon=":material/download:")
    typed = (typed or "").strip()
    try:
        search_language.parse(typed)
    except BadInput as error:
        _draw_error(typed, str(error))
        return None
    # In parentheses: an OR in the search must not bypass the status.
    query = typed if status is None else f"status:{status} ({typed})" if typed else f"status:{status}"
    with export:
        _draw_export(screen, head, query)
    return query


def build_exact_query(field: str, value: str) -> str:
    """A query for exactly this value of a field; any character is allowed."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}:"{quoted}"'


def _draw_error(typed: str, sentence: str) -> None:
    """Draw the error and a mark under the character that it names."""
    st.error(units.escape_markdown(sentence), icon=":material/error:")
    if position := _POSITION.search(sentence):
        st.code(f"{typed}\n{' ' * (int(position[1]) - 1)}^", language=None)


def _draw_help() -> None:
    with st.popover("How to search", icon=":material/help:"):
        st.markdown("**All conditions must match.** OR, parentheses and - (not) are supported.")
        for number, example in enumerate(search_language.EXAMPLES):
            st.button(
                units.escape_markdown(example),
                key=trace_keys.search_example(number),
                type="tertiary",
                icon=":material/north_west:",
                on_click=_set_query,
                args=(example,),
            )
        tables.draw_facts(search_language.FIELDS)


def _set_query(example: str) -> None:
    st.session_state[keys.TRACE_QUERY] = example


def _draw_export(screen: Screen, head: Header, query: str) -> None:
    """Draw the downloads; a file is built on click."""
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
