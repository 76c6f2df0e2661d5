"""Layouts of other tools' exports, known by the shape of a table: what a column means there, and which rows are no case.

Each module has a function `arrange` that returns the table with hints and cells in place, or unchanged. Most layouts
need none: names and objects are recognised by `columns`.
"""

from __future__ import annotations

from genaiops_core.evaluation.readers.peers import (
    beir,
    braintrust,
    conversation_goldens,
    langfuse,
    langsmith,
    numbered_columns,
    promptfoo,
)
from genaiops_core.evaluation.readers.tables import Table

__all__ = ["arrange_layout"]

_LAYOUTS = (langsmith, langfuse, braintrust, promptfoo, conversation_goldens, beir, numbered_columns)


def arrange_layout(table: Table) -> Table:
    """Arrange a table of a known layout."""
    for layout in _LAYOUTS:
        table = layout.arrange(table)
    return table
