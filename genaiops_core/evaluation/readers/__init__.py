"""Readers of uploaded files: one module per format, and what the formats share. The result is a table."""

from genaiops_core.evaluation.readers.uploads import (
    ACCEPTED,
    Problem,
    Row,
    Table,
    read_table,
)

__all__ = [
    "ACCEPTED",
    "Problem",
    "Row",
    "Table",
    "read_table",
]
