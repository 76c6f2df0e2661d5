"""Langfuse dataset items, from the API or as CSV: cells are JSON, and archived items are no longer part of the dataset."""

from __future__ import annotations

from dataclasses import replace

from genaiops_core.evaluation.readers.numbers import list_row_numbers
from genaiops_core.evaluation.readers.peers.tables import decode_json_text, index_columns, map_cells
from genaiops_core.evaluation.readers.tables import Table

_MARKS = frozenset(
    ("sourcetraceid", "sourceobservationid", "datasetid", "datasetname", "datasetitemid", "projectid")
)
_JSON_COLUMNS = ("input", "expectedoutput", "metadata")


def arrange(table: Table) -> Table:
    """Decode the texts of JSON cells and leave out archived items."""
    columns = index_columns(table)
    if not {"input", "expectedoutput"} <= columns.keys() or not _MARKS & columns.keys():
        return table
    names = [columns[name] for name in _JSON_COLUMNS if name in columns]
    table = map_cells(table, names, decode_json_text)
    if "status" not in columns:
        return table
    position = table.columns.index(columns["status"])
    archived = [row for row in table.rows if str(row.cells[position] or "").upper() == "ARCHIVED"]
    if archived:
        numbers = {row.number for row in archived}
        table = replace(table, rows=[row for row in table.rows if row.number not in numbers])
        items = "1 archived item is" if len(archived) == 1 else f"{len(archived):,} archived items are"
        table.note(
            None, columns["status"], f"{items} excluded ({list_row_numbers(row.number for row in archived)})"
        )
    return table
