"""Builds a table from records of cells: finds the header, skips titles, rejects rows with too many cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.columns import KNOWN_NAMES, normalise_name
from genaiops_core.evaluation.readers.tables import (
    Row,
    Table,
    drop_empty_columns,
    name_columns,
    require_columns,
    require_rows,
)

Record = tuple[int, Sequence[Any]]
"""Row number as the file's own program counts it, and the cells; None or blank text is an empty cell."""

LOOK_AHEAD = 20
"""Number of records examined to find the header."""

_NUMBER = re.compile(r"[-+]?[\d.,]*\d[\d.,]*(?:[eE][-+]?\d+)?%?")
_NULLS = frozenset(("null", "nan", "n/a", "na", "#n/a", "\\n", "none"))


def is_blank(cell: Any) -> bool:
    """Whether a cell is None or blank text."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def is_known_name(cell: Any) -> bool:
    """Whether a cell is an alias of a field of a test case."""
    return isinstance(cell, str) and normalise_name(cell) in KNOWN_NAMES


def find_header(records: Sequence[Sequence[Any]]) -> int | None:
    """Find the index of the header among the first records, none of them blank; None when the file has no header.

    Titles above the table (a title, a date, a source) are skipped. A first row of only numbers and missing values is
    not a header.
    """
    start = count_titles(records)
    first_cells = [cell for cell in records[start] if not is_blank(cell)]
    names_nothing = all(_is_value(str(cell)) for cell in first_cells) or _is_one_question(first_cells)
    # A single record is a header without rows, which `build_table` reports.
    return None if names_nothing and len(records) > 1 else start


def count_titles(records: Sequence[Sequence[Any]]) -> int:
    """Count the records at the start with one cell each, above rows with several."""
    widths = [sum(not is_blank(cell) for cell in cells) for cells in records]
    start = next((at for at, width in enumerate(widths) if width > 1), 0)
    if start == 0 or any(is_known_name(cell) for cells in records[:start] for cell in cells):
        return 0
    below = widths[start:]
    is_table = len(below) > 1 and 5 * sum(width > 1 for width in below) >= 4 * len(below)
    return start if is_table or any(is_known_name(cell) for cell in records[start]) else 0


def build_table(records: Iterator[Record], filename: str, max_rows: int | None = None) -> Table:
    """Build a table: name the columns, and keep the rows that have no more cells than columns.

    Args:
        records: every record of the file that is not blank.
        filename: named in errors.
        max_rows: number of rows to read; None for all.

    Raises:
        BadInput: the file is empty, or has too many columns or rows.
    """
    first_records = list(islice(records, LOOK_AHEAD))
    if not first_records:
        raise BadInput(f"{filename} is empty: it has no header and no rows.")
    header_position = find_header([cells for _number, cells in first_records])
    if header_position is None:
        header = [""] * max(len(c) for _n, c in first_records)
        return _collect_rows(chain(first_records, records), header, None, filename, max_rows)
    number, cells = first_records[header_position]
    header = ["" if cell is None else str(cell) for cell in cells]
    table = _collect_rows(
        chain(first_records[header_position + 1 :], records), header, number, filename, max_rows
    )
    if not table.rows and not table.rejected:
        table.note(None, "", f"has a header (row {number}) but no rows below it")
    if header_position:
        table.note(first_records[0][0], "", f"is above the header (row {number}) and is excluded")
    return table


def _collect_rows(
    records: Iterable[Record],
    header: list[str],
    header_number: int | None,
    filename: str,
    max_rows: int | None,
) -> Table:
    require_columns(len(header), filename)
    table = Table(columns=name_columns(header, filename), rows=[])
    width = len(header)
    width_source = f"the header (row {header_number}) has" if header_number else "the first rows have"
    for number, cells in records:
        if max_rows is not None and len(table.rows) + table.rejected >= max_rows:
            table.is_partial = True
            break
        if any(not is_blank(cell) for cell in cells[width:]):
            table.reject(number, "", f"has {len(cells)} cells, but {width_source} {width} columns")
            continue
        padded = (*cells[:width], *[None] * (width - len(cells)))
        table.rows.append(Row(number, tuple(None if is_blank(cell) else cell for cell in padded)))
        require_rows(len(table.rows), filename, width)
    if header_number is None:
        table.note(None, "", "has no header: its columns are numbered, the first row is a case")
        return table
    for name, repeats in _list_repeats(header, table.columns).items():
        table.note(
            header_number,
            name,
            f"is a repeated heading; the other columns are {', '.join(repeats)}, check which one is meant",
        )
    return drop_empty_columns(table, header)


def _list_repeats(header: Sequence[str], columns: Sequence[str]) -> dict[str, list[str]]:
    """List the columns whose heading an earlier column has: heading -> their names in the table."""
    repeats: dict[str, list[str]] = {}
    first_names: dict[str, str] = {}
    for cell, column in zip(header, columns, strict=True):
        heading = normalise_name(cell) or cell.strip()
        if not heading:
            continue
        if heading in first_names:
            repeats.setdefault(first_names[heading], []).append(column)
        else:
            first_names[heading] = column
    return repeats


def _is_one_question(cells: Sequence[Any]) -> bool:
    """Whether the only cell is a question: a file of only questions has no header."""
    return len(cells) == 1 and str(cells[0]).rstrip().endswith("?") and len(str(cells[0]).split()) > 3


def _is_value(cell: str) -> bool:
    text = cell.strip()
    return text.lower() in _NULLS or _NUMBER.fullmatch(text) is not None
