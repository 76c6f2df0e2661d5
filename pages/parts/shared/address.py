"""The address of a screen: the filters in its URL, so that links, switches of the screen and the Back button keep them.

On a screen the URL is the only memory. Between screens the session remembers the filters, because a screen without a
filter has no place for it. One switch of the screen must be one entry in the history of the browser, so nothing may
correct a URL after the switch: the server can only add an entry.

The framework's browser part appends the parameters of the screen that is left (those bound to its widgets) to the
link of another screen. A link therefore names only the others, and the server leaves the appended ones alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.parts.shared import catalogue, keys

_STATE = "_address"
_ONE_VISIT = frozenset(
    [
        keys.TRACE_ID,
        keys.TRACE_ALIAS,
        keys.SESSION,
        keys.USER,
        keys.EVALUATION,
        keys.NEW,
        keys.DATASET,
        *keys.FILTERS,
    ]
)
"""Parameters that a return to the screen does not repeat, and the filters, which screens share."""


@dataclass
class _Memory:
    """What the session remembers of the URLs that it visited."""

    screen: str = ""
    filters: dict[str, str] = field(default_factory=dict)
    """The filters in force, by URL parameter."""
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)
    """Screen -> its other parameters, for example the search of the traces."""
    bound_keys: set[str] = field(default_factory=set)
    """Widget keys that the last run bound to the URL."""


def follow(name: str) -> None:
    """Remember the URL of this run; the router calls it before anything is drawn.

    Args:
        name: the screen; a name that is not in the catalogue (the bare address) is ignored.
    """
    entry = catalogue.BY_NAME.get(name)
    if entry is None:
        return
    memory = _read_memory()
    if memory.screen != name:
        memory.screen = name
        # The framework restores what a widget of this key was set to on another screen. The URL decides instead.
        for key in memory.bound_keys:
            if key in st.session_state:
                del st.session_state[key]
    query = _clean_query(entry)
    for key in entry.parameters:
        if query.get(key):
            memory.filters[key] = query[key]
        else:
            memory.filters.pop(key, None)
    memory.parameters[name] = {key: value for key, value in query.items() if key not in _ONE_VISIT}


def build_query(name: str, **parameters: str) -> dict[str, str]:
    """The URL parameters of a link: the filters in force that the screen `name` has, then `parameters`.

    Args:
        name: the screen that the link opens.
        parameters: further parameters of the link.
    """
    memory = _read_memory()
    query = {key: memory.filters[key] for key in catalogue.BY_NAME[name].parameters if key in memory.filters}
    query |= {key: value for key, value in parameters.items() if value is not None}
    if memory.screen != name and memory.screen:
        appended = catalogue.BY_NAME[memory.screen].parameters
        return {
            key: value
            for key, value in query.items()
            if key not in appended or value != memory.filters.get(key)
        }
    return query


def read_filter(key: str) -> str | None:
    """The value of a filter in force, also on a screen without that filter; None when it is not set."""
    return _read_memory().filters.get(key)


def build_return_query(name: str) -> dict[str, str]:
    """The URL parameters that open a screen as the session left it: filters, search, tab, order."""
    return _read_memory().parameters.get(name, {}) | build_query(name)


def remove_parameters(*names: str) -> None:
    """Remove parameters from the URL as one entry of the history; for callbacks, before any widget is bound."""
    remaining = {key: value for key, value in st.query_params.to_dict().items() if key not in names}
    if len(remaining) < len(st.query_params):
        st.query_params.from_dict(remaining)


def ignore_default(key: str, default: str) -> None:
    """Leave a URL parameter alone that names the default of its widget, which would remove it from the URL."""
    context = get_script_run_ctx()
    if context is not None:
        with context.session_state.query_params() as query_params:
            if query_params.get_initial_value(key) == default:
                del query_params._initial_query_params[key]


def release_bindings() -> None:
    """Leave the URL parameters of this run to the next screen; the router calls it after the run.

    On a switch of the screen the framework removes the parameters that are bound to widgets of the screen before, also
    from the link that was clicked: the filter is lost, and the history gets a second entry. Widgets bind themselves
    in every run, so nothing is lost without the bindings in between.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    with context.session_state.query_params() as query_params:
        # Private to the framework, which has no other way to share a parameter; `test_address.py` notices a change.
        bindings = list(query_params._bindings_by_param.values())
        for binding in bindings:
            query_params.unbind_widget(binding.widget_id)
    _read_memory().bound_keys = {binding.param_key for binding in bindings}


def _clean_query(entry: catalogue.Entry) -> dict[str, str]:
    """The URL parameters of this run, once each. The browser's URL stays as it is."""
    context = get_script_run_ctx()
    if context is not None:
        with context.session_state.query_params() as query_params:
            for key, values in query_params._initial_query_params.items():
                # The link stands before what the browser appended.
                if len(values) > 1:
                    query_params.set_with_no_forward_msg(key, values[0])
                    query_params._initial_query_params[key] = values[:1]
    if entry.window is not None:
        ignore_default(keys.WINDOW, entry.window)
    return st.query_params.to_dict()


def _read_memory() -> _Memory:
    memory: _Memory = st.session_state.setdefault(_STATE, _Memory())
    return memory


@dataclass
class _Selection:
    opened: str | None = None
    """The identifier that this table wrote into the URL; None when a link named it, or nothing is open."""
    version: int = 0
    """Part of the widget key: the browser keeps the selection of a table until its key changes."""


class LinkedTable:
    """A table whose selected row is in the URL: a copied link opens what the screen shows, and Back closes it.

    It holds the URL parameter and the widget key for one run; create it before the table is drawn.
    """

    def __init__(self, parameter: str, table_key: str, *, alias: str = "") -> None:
        self._parameter = parameter
        self._alias = alias
        self._table_key = table_key
        self._selection: _Selection = st.session_state.setdefault(f"_linked_{table_key}", _Selection())
        named = st.query_params.get(parameter) or (st.query_params.get(alias) if alias else None)
        selection = self._selection
        if selection.opened is not None and named != selection.opened:
            # The user went back, or followed a link: the selection in the browser is that of before.
            selection.version += 1
            selection.opened = None
        elif selection.opened is not None and self.key not in st.session_state:
            # The user came back from another screen, which dropped the selection.
            selection.opened = None
        self.linked: str | None = None if selection.opened is not None else named
        """The identifier of the URL when a link named it, not the table."""

    @property
    def key(self) -> str:
        """The widget key of the table."""
        return f"{self._table_key}_{self._selection.version}" if self._selection.version else self._table_key

    def draw_return(self, label: str) -> None:
        """Draw the button from the linked row to the table. A link to the same screen would not change the URL."""
        st.button(
            label,
            icon=":material/arrow_back:",
            type="tertiary",
            key=f"{self._table_key}_return",
            on_click=self._forget,
        )

    def _forget(self) -> None:
        remove_parameters(self._parameter, self._alias)

    def write(self, selected: str | None) -> None:
        """Write the selected identifier into the URL; None removes what this table wrote."""
        selection = self._selection
        if selected == selection.opened:
            return
        selection.opened = selected
        if selected is not None:
            st.query_params[self._parameter] = selected
        elif self._parameter in st.query_params:
            del st.query_params[self._parameter]
