"""Uploaded bytes to a table: one module a format, and what the formats share."""

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
