"""Metrics with what each needs, its range, its cost and its source; on a dataset also how many cases it cannot score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from genaiops_core.evaluation.metrics import Metric
from genaiops_core.evaluation.runs.preflight import Coverage
from pages.parts.shared import tables, units

_DIRECTIONS = {True: "", False: ", lower is better", None: ", better depends on the cases"}


def draw(entries: Sequence[Metric], *, key: str, coverage: Coverage) -> None:
    """A row for each metric, with the cases of a dataset version that it could not score."""
    column = tables.column
    lacking = column.NumberColumn(
        f"Undefined, of {coverage.cases:,}", format="localized", help="Cases that lack a column it needs"
    )
    columns = {"title": column.TextColumn("Metric", width="medium"), "lacking": lacking, **_columns()}
    rows = [{**_row(entry), "lacking": coverage.count_lacking(entry.needs)} for entry in entries]
    tables.draw(rows, columns, key=key, alt="The chosen metrics with what they need and cost")


def choose(entries: Sequence[Metric], *, key: str) -> None:
    """Every metric, and below the table all that is known of the one that was picked."""
    column = tables.column
    picked = tables.pick(
        [_row(entry) for entry in entries],
        {
            "title": column.TextColumn("Metric", width="medium"),
            "name": column.TextColumn("Name", width=150),
            **_columns(),
        },
        key=key,
        alt="Metrics with what they need, their range, cost and source; select one to read it",
        height=460,
        default=0,
    )
    entry = entries[picked if picked is not None else 0]
    with st.container(border=True):
        st.subheader(units.escape_markdown(entry.title), icon=":material/rule:", anchor=False)
        tables.draw_facts({_FACTS[name]: value for name, value in _row(entry).items() if name in _FACTS})


_FACTS = {
    "description": "What it says",
    "name": "Name in results and gates",
    "needs": "Needs",
    "range": "Range",
    "judges": "Judges",
    "cost": "Cost",
    "source": "Source",
}


def _row(entry: Metric) -> dict[str, Any]:
    return {
        "title": entry.title,
        "name": entry.name,
        "description": entry.description,
        "kind": entry.kind,
        "needs": ", ".join(entry.needs) or "input",
        "range": f"{entry.low:g} to {entry.high:g}{_DIRECTIONS[entry.higher_is_better]}",
        "judges": ", ".join(entry.judges),
        "cost": entry.cost,
        "source": entry.source,
    }


def _columns() -> dict[str, Any]:
    column = tables.column
    return {
        "kind": column.TextColumn("Kind", width=75),
        "needs": column.TextColumn("Needs", width=130),
        "cost": column.TextColumn("Cost", width=190),
        "range": column.TextColumn("Range", width=110),
        "source": column.TextColumn("Source", width="large"),
    }
