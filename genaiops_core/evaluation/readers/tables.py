"""The result of every reader: a table of raw cells, and the problems of rows that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from genaiops_core.errors import BadInput

MAX_COLUMNS = 1_000
MAX_ROWS = 1_000_000
MAX_CELLS = 20_000_000
MAX_FILE_BYTES = 200 * 1024 * 1024

# Larger than any real context; it bounds the memory of a file whose quote never closes.
MAX_CELL_CHARACTERS = 20_000_000

MAX_PROBLEMS = 1_000
"""Maximum number of problems listed for a file."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem of a file and its position."""

    row: int | None
    """Number in the file, from 1 (CSV, XLSX: row, the header included; JSONL: line; JSON: item); None for the whole file."""
    column: str
    problem: str

    def as_json(self) -> dict[str, Any]:
        return {"row": self.row, "column": self.column, "problem": self.problem}


class Row(NamedTuple):
    """The number of a row and its cells in the order of the table's columns; None is an empty cell."""

    number: int
    cells: tuple[Any, ...]


@dataclass(kw_only=True)
class Table:
    """The content of a file: named columns, readable rows, and the problems of the others."""

    columns: tuple[str, ...]
    rows: list[Row]
    problems: list[Problem] = field(default_factory=list)
    rejected: int = 0
    """Number of rows that cannot be read."""
    is_partial: bool = False
    """Whether the file has more rows than were requested."""
    sheets: tuple[str, ...] = ()
    """Names of the sheets of a workbook that are not empty, in order."""
    sheet: str = ""
    """Name of the sheet that was read; '' for other files."""
    encoding: str = ""
    """Name of the encoding, or of both, that the text of the file was decoded from; '' for binary formats."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """Column -> the field it has in the layout of a known tool; '' for none. Other columns are recognised by name."""
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column that lists the cells of several columns (`context_1`, `context_2`) -> these columns."""
    is_export: bool = False
    """Whether the rows are cases as the product exports them: texts are read literally."""

    def reject(self, row: int, column: str, problem: str) -> None:
        self.rejected += 1
        self.note(row, column, problem)

    def note(self, row: int | None, column: str, problem: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(row=row, column=column, problem=problem))


def name_columns(header: Sequence[str], filename: str) -> tuple[str, ...]:
    """Name the columns of a header: blanks are numbered ("column 3"), repeats are counted ("answer (2)").

    Raises:
        BadInput: the header has more than `MAX_COLUMNS` columns.
    """
    require_columns(len(header), filename)
    taken_names: set[str] = set()
    names: list[str] = []
    for position, cell in enumerate(header, start=1):
        base_name = " ".join(cell.split()) or f"column {position}"
        name, repeat = base_name, 2
        while name in taken_names:
            name, repeat = f"{base_name} ({repeat})", repeat + 1
        taken_names.add(name)
        names.append(name)
    return tuple(names)


def drop_empty_columns(table: Table, header: Sequence[str]) -> Table:
    """Drop the columns without a name and without a cell (a comma at the end of every line creates one)."""
    blank_positions = [position for position, cell in enumerate(header) if not cell.strip()]
    used_positions = {
        position for row in table.rows for position in blank_positions if row.cells[position] is not None
    }
    positions = [p for p in range(len(table.columns)) if p not in blank_positions or p in used_positions]
    if len(positions) == len(table.columns):
        return table
    return replace(
        table,
        columns=tuple(table.columns[p] for p in positions),
        rows=[Row(row.number, tuple(row.cells[p] for p in positions)) for row in table.rows],
    )


def require_columns(count: int, filename: str) -> None:
    if count > MAX_COLUMNS:
        raise BadInput(
            f"{filename} has {count:,} columns; the maximum is {MAX_COLUMNS:,}. Keep only the columns of the dataset."
        )


def require_rows(count: int, filename: str, columns: int = 1) -> None:
    if count > MAX_ROWS:
        raise BadInput(f"{filename} has more than {MAX_ROWS:,} rows; split it into several datasets.")
    if count * columns > MAX_CELLS:
        raise BadInput(
            f"{filename} has more than {MAX_CELLS:,} cells; keep only the columns of the dataset, or split it."
        )
