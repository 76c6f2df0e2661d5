"""Recognises the product's own exports, so that an import returns the cases unchanged.

The export guards a text that a spreadsheet would evaluate with an apostrophe. The guard is removed from a table that has
the headings of an export, also after an edit in a spreadsheet. A table of another origin keeps every apostrophe.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from genaiops_core.evaluation.readers.columns import FIELDS
from genaiops_core.evaluation.readers.tables import Row, Table
from genaiops_core.formulas import restore_guarded

_MIN_HEADINGS = 4
"""Number of the five headings of an export that remain after an edit."""


def restore_export(table: Table, *, is_guarded: bool) -> Table:
    """Remove the guards of an export and mark a table whose every row is a case as the product exports it.

    Args:
        table: the content of a file.
        is_guarded: whether the format of the file has guards; JSON has none.
    """
    headings = [column for column in table.columns if column in FIELDS]
    if is_guarded and "input" in headings and len(headings) >= _MIN_HEADINGS:
        table = replace(table, rows=[_restore_row(row) for row in table.rows])
    return replace(table, is_export=table.columns == FIELDS and all(map(_is_exported, table.rows)))


def normalise_line_ends(table: Table) -> Table:
    """Write the line ends within cells as a line feed; the others are those of the program that wrote the file."""
    rows = [
        Row(row.number, tuple(map(_normalise_line_ends, row.cells)))
        if any(isinstance(cell, str) and "\r" in cell for cell in row.cells)
        else row
        for row in table.rows
    ]
    return replace(table, rows=rows)


def _normalise_line_ends(cell: Any) -> Any:
    return cell.replace("\r\n", "\n").replace("\r", "\n") if isinstance(cell, str) else cell


def _restore_row(row: Row) -> Row:
    if not any(isinstance(cell, str) and cell.startswith("'") for cell in row.cells):
        return row
    return Row(
        row.number, tuple(restore_guarded(cell) if isinstance(cell, str) else cell for cell in row.cells)
    )


def _is_exported(row: Row) -> bool:
    case_input, answer, contexts, reference, metadata = row.cells
    return (
        all(cell is None or isinstance(cell, str) for cell in (case_input, answer, reference))
        and _is_json(contexts, "[]", list)
        and _is_json(metadata, "{}", dict)
    )


def _is_json(cell: Any, brackets: str, kind: type) -> bool:
    """Whether a cell is missing, is of `kind`, or is the text of such a JSON value by its first and last character."""
    return (
        cell is None or isinstance(cell, kind) or (isinstance(cell, str) and cell[0] + cell[-1] == brackets)
    )
