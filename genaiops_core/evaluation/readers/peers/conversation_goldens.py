"""Conversational goldens: `turns` is the conversation; a golden without turns is its scenario."""

from __future__ import annotations

from dataclasses import replace

from genaiops_core.evaluation.readers.peers.tables import hint_columns, index_columns
from genaiops_core.evaluation.readers.tables import Row, Table


def arrange(table: Table) -> Table:
    """Use the turns as the input, and the scenario where a golden has none."""
    columns = index_columns(table)
    if not {"turns", "scenario"} <= columns.keys() or "input" in columns:
        return table
    turns, scenario = (table.columns.index(columns[name]) for name in ("turns", "scenario"))
    rows = []
    for row in table.rows:
        cells = list(row.cells)
        if cells[turns] in (None, [], "[]", "null"):
            cells[turns] = cells[scenario]
        rows.append(Row(row.number, tuple(cells)))
    hints = {columns["turns"]: "input", columns["scenario"]: ""}
    return hint_columns(replace(table, rows=rows), hints)
