"""What the layouts share: columns by normalised name, and changes of cells."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import islice
from typing import Any

from genaiops_core.evaluation.readers.columns import SAMPLE_ROWS, normalise_name
from genaiops_core.evaluation.readers.conversations import decode_cell
from genaiops_core.evaluation.readers.tables import Row, Table


def index_columns(table: Table) -> dict[str, str]:
    """Index the columns by normalised name; the first of several."""
    columns: dict[str, str] = {}
    for column in table.columns:
        columns.setdefault(normalise_name(column), column)
    return columns


def hint_columns(table: Table, fields: dict[str, str]) -> Table:
    """Add hints: column -> field, '' for none."""
    return replace(table, hints={**table.hints, **fields})


def has_objects(table: Table, column: str) -> bool:
    """Whether a column contains objects, and nothing else."""
    position = table.columns.index(column)
    cells = [
        row.cells[position] for row in islice(table.rows, SAMPLE_ROWS) if row.cells[position] is not None
    ]
    return bool(cells) and all(isinstance(decode_cell(cell), dict) for cell in cells)


def map_cells(table: Table, columns: Collection[str], convert: Callable[[Any], Any]) -> Table:
    """Convert the cells of some columns."""
    positions = [position for position, column in enumerate(table.columns) if column in columns]
    rows = []
    for row in table.rows:
        cells = list(row.cells)
        for position in positions:
            cells[position] = convert(cells[position])
        rows.append(Row(row.number, tuple(cells)))
    return replace(table, rows=rows)


def decode_json_text(cell: Any) -> Any:
    """Decode a text that is quoted as JSON, as exports of JSON columns write it: "Why?" with its quotes."""
    if not (isinstance(cell, str) and len(cell) > 1 and cell[0] == cell[-1] == '"'):
        return cell
    try:
        return json.loads(cell) or None
    except ValueError:
        return cell
