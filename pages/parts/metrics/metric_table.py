"""Metrics with required columns, range, cost and source, and with the cases of a dataset that lack those columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from genaiops_core.evaluation.metrics import Metric
from genaiops_core.evaluation.runs.estimate import Coverage
from pages.parts.shared import glossary, tables, units

_DIRECTIONS = {True: "", False: ", lower is better", None: ", better depends on the cases"}


def draw(entries: Sequence[Metric], *, key: str, coverage: Coverage) -> None:
    """Draw one row per metric, with the number of cases of a dataset version that it cannot score."""
    column = tables.column
    lacking = column.NumberColumn(
        f"Not scored, of {coverage.cases:,}",
        format="localized",
        help="Cases without a column that the metric needs",
    )
    columns = {"title": column.TextColumn("Metric", width="medium"), "lacking": lacking, **_build_columns()}
    rows = [{**_build_row(entry), "lacking": coverage.count_lacking(entry.needs)} for entry in entries]
    tables.draw(rows, columns, key=key, alt="The chosen metrics with required columns and cost")


def draw_registry(entries: Sequence[Metric], *, key: str) -> None:
    """Draw the table of all metrics, and the details of the selected metric below it."""
    column = tables.column
    row_number = tables.pick(
        [_build_row(entry) for entry in entries],
        {
            "title": column.TextColumn("Metric", width="medium"),
            "name": column.TextColumn("Name", width=150),
            **_build_columns(),
        },
        key=key,
        alt="Metrics with required columns, range, cost and source; select a metric to read its details",
        height=460,
        default=0,
    )
    entry = entries[row_number if row_number is not None else 0]
    with st.container(border=True):
        st.subheader(units.escape_markdown(entry.title), icon=":material/rule:", anchor=False)
        tables.draw_facts(
            {_FACT_TITLES[name]: value for name, value in _build_row(entry).items() if name in _FACT_TITLES}
        )


_FACT_TITLES = {
    "description": "Description",
    "name": "Name in results and gates",
    "needs": "Needs",
    "range": "Range",
    "judges": "Judges",
    "cost": "Cost",
    "source": "Source",
}


def _build_row(entry: Metric) -> dict[str, Any]:
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


def _build_columns() -> dict[str, Any]:
    column = tables.column
    return {
        "kind": column.TextColumn("Kind", width=75, help=glossary.PROXY),
        "needs": column.TextColumn("Needs", width=130, help="Columns of the dataset that the metric needs"),
        "cost": column.TextColumn("Cost", width=190),
        "range": column.TextColumn("Range", width=110),
        "source": column.TextColumn("Source", width="large"),
    }
