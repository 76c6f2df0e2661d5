"""Braintrust datasets and experiments: texts and objects are mixed in a column; in CSV each is quoted as JSON."""

from __future__ import annotations

from genaiops_core.evaluation.readers.peers.tables import decode_json_text, index_columns, map_cells
from genaiops_core.evaluation.readers.tables import Table

_MARKS = frozenset(("xactid", "rootspanid", "spanid", "isroot"))
_JSON_COLUMNS = ("input", "expected", "output", "metadata")


def arrange(table: Table) -> Table:
    """Decode the texts of JSON cells."""
    columns = index_columns(table)
    if "input" not in columns or not _MARKS & columns.keys():
        return table
    return map_cells(table, [columns[name] for name in _JSON_COLUMNS if name in columns], decode_json_text)
