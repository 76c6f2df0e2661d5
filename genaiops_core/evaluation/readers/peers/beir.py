"""BEIR queries: `_id` and `text`. A corpus has a title beside its text; its texts are no questions."""

from __future__ import annotations

from genaiops_core.evaluation.readers.peers.tables import hint_columns
from genaiops_core.evaluation.readers.tables import Table


def arrange(table: Table) -> Table:
    """Use the text of queries as the input."""
    names = set(table.columns)
    if {"_id", "text"} <= names <= {"_id", "text", "metadata"}:
        return hint_columns(table, {"text": "input"})
    return table
