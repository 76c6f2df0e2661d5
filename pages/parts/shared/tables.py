"""Tables of all screens: state badges, column types, missing values, and CSV from the toolbar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from genaiops_core.formulas import escape_displayed
from pages.parts.shared import units

STATE_COLOURS = {
    "healthy": "green",
    "passed": "green",
    "warning": "orange",
    "ok": "green",
    "approved": "green",
    "stable": "green",
    "promoted": "green",
    "resolved": "green",
    "finished": "green",
    "canary": "blue",
    "running": "blue",
    "queued": "gray",
    "candidate": "gray",
    "retired": "gray",
    "cancelled": "gray",
    "no traffic": "gray",
    "too few requests": "gray",
    "pending": "orange",
    "paused": "orange",
    "inconclusive": "orange",
    "degraded": "orange",
    "low": "gray",
    "medium": "orange",
    "high": "red",
    "critical": "red",
    "open": "red",
    "rejected": "red",
    "failed": "red",
    "error": "red",
    "failing": "red",
    "rolled_back": "red",
    "incident": "red",
    "demo": "violet",
    "undefined": "orange",
}
"""Red, orange and green mean a state only; everything else is blue, violet or grey."""

column = st.column_config


def draw_badge(state: str, *, label: str | None = None, icon: str | None = None) -> None:
    """Draw one state as a coloured badge."""
    st.badge(label or format_state(state), color=STATE_COLOURS.get(state, "gray"), icon=icon)  # type: ignore[arg-type]


def format_state(state: str) -> str:
    """A state as screens write it: `rolled back`."""
    return state.replace("_", " ")


def state_column(label: str, *, width: Any = 100, help: str | None = None) -> Any:
    """A column of coloured states; each cell is a list of states."""
    return column.MultiselectColumn(
        label,
        options=list(STATE_COLOURS),
        color=list(STATE_COLOURS.values()),
        format_func=format_state,
        width=width,
        help=help,
    )


def draw(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Any],
    *,
    key: str,
    alt: str,
    height: Any = "content",
) -> None:
    """Draw rows; the toolbar of the table downloads them as CSV."""
    st.dataframe(
        _build_frame(rows, columns),
        hide_index=True,
        column_config=dict(columns),
        key=key,
        alt=alt,
        height=_limit_height(len(rows), height),
        placeholder=units.NO_DATA,
    )


def pick(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Any],
    *,
    key: str,
    alt: str,
    height: Any = "content",
    default: int | None = None,
) -> int | None:
    """Draw rows of which one can be selected; returns its position, or None."""
    event = st.dataframe(
        _build_frame(rows, columns),
        hide_index=True,
        column_config=dict(columns),
        key=key,
        alt=alt,
        height=_limit_height(len(rows), height),
        placeholder=units.NO_DATA,
        on_select="rerun",
        selection_mode="single-row",
        selection_default=None if default is None else {"selection": {"rows": [default]}},
    )
    selected_rows = event.selection.rows
    # The selection is the state of the widget: it may point behind the end after a filter.
    return int(selected_rows[0]) if selected_rows and selected_rows[0] < len(rows) else None


def has_selection(key: str) -> bool:
    """Whether a row of the table `key` is selected; works before the table is drawn."""
    event = st.session_state.get(key)
    return bool(event and event["selection"]["rows"])


def draw_facts(values: Mapping[str, object]) -> None:
    """Draw name and value pairs; values are escaped."""
    st.table(
        {units.escape_markdown(name): units.escape_markdown(value) for name, value in values.items()},
        border="horizontal",
    )


def _build_frame(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> pd.DataFrame:
    # With explicit columns, so that a table without rows still has its header.
    return pd.DataFrame(
        [{name: _guard(row.get(name)) for name in columns} for row in rows], columns=list(columns)
    )


def _guard(value: Any) -> Any:
    """Guard the text of a cell, because the toolbar downloads what is displayed."""
    if isinstance(value, str):
        return escape_displayed(value)
    return [_guard(item) for item in value] if isinstance(value, list) else value


def _limit_height(rows: int, height: Any) -> Any:
    # A short table is as tall as its rows; a long one scrolls inside instead of stretching the page.
    return 420 if height == "content" and rows > 11 else height
