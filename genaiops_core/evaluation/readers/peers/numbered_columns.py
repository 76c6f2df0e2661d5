"""Columns that number the parts of one list: `context_1`, `context_2`; `contexts[0].text`; `ground_truth_1`.

The parts stay columns of the table; one more column lists the cells of each row that are not blank.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from genaiops_core.evaluation.readers.columns import find_column_field, normalise_name
from genaiops_core.evaluation.readers.conversations import decode_cell
from genaiops_core.evaluation.readers.tables import Row, Table

_NUMBERED = re.compile(
    r"(?P<base>.*?[^\W\d_])(?:[\s_\-./#(\[]*)(?P<number>\d{1,3})[\])]?"
    r"(?:[._/](?:text|content|page_content|value))?",
    re.IGNORECASE,
)
_LIST_FIELDS = ("contexts", "reference")
_MAX_LISTED = 3


def arrange(table: Table) -> Table:
    """Add a column that lists numbered columns of one field; the mapping of the parts alone remains possible."""
    for field in _LIST_FIELDS:
        for parts in _group_columns(table, field):
            table = _add_list(table, field, parts)
    return table


def _group_columns(table: Table, field: str) -> list[tuple[str, ...]]:
    groups: dict[str, dict[int, str]] = {}
    for column in table.columns:
        match = _NUMBERED.fullmatch(column)
        base, number = (match["base"], int(match["number"])) if match else (column, 0)
        if find_column_field(base) == field and table.hints.get(column) != "":
            groups.setdefault(normalise_name(base), {}).setdefault(number, column)
    return [
        tuple(parts[number] for number in sorted(parts))
        for parts in groups.values()
        # Repeated references are different opinions, not parts of a list.
        if len(parts) > 1 and not (field == "reference" and any("(" in column for column in parts.values()))
    ]


def _add_list(table: Table, field: str, parts: tuple[str, ...]) -> Table:
    positions = [table.columns.index(part) for part in parts]
    listed = ", ".join(parts) if len(parts) <= _MAX_LISTED else f"{parts[0]} ... {parts[-1]}"
    return replace(
        table,
        columns=(*table.columns, listed),
        rows=[
            Row(row.number, (*row.cells, _list_cells([row.cells[position] for position in positions])))
            for row in table.rows
        ],
        hints={**table.hints, **dict.fromkeys(parts, ""), listed: field},
        lists={**table.lists, listed: parts},
    )


def _list_cells(cells: list[Any]) -> list[Any] | None:
    items: list[Any] = []
    for cell in cells:
        decoded = decode_cell(cell)
        items += decoded if isinstance(decoded, list) else [] if cell is None else [decoded]
    return items or None
