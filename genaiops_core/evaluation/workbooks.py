"""XLSX: the values of the first sheet with rows. Formulas are never computed; bombs are refused before unpacking."""

from __future__ import annotations

import datetime as dt
import io
import warnings
from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.archives import safe_members
from genaiops_core.evaluation.headers import Record, fill
from genaiops_core.evaluation.tables import MAX_COLUMNS, Row, Table

_LAST_ROW = 1_048_576
"""Rows a sheet of Excel can have; a row numbered beyond would make the reader count empty rows for ever."""


def read_workbook(data: bytes, filename: str) -> Table:
    """Read the first sheet that has rows; its first row with text is the header.

    Raises:
        BadInput: it is no workbook, too large when unpacked, or empty.
    """
    _require_safe(data, filename)
    try:
        table = _read(data, filename, computed=False)
        if any(_is_formula(cell) for row in table.rows for cell in row.cells):
            table = _with_saved_values(table, _read(data, filename, computed=True))
        return table
    except BadInput:
        raise
    except Exception as error:  # openpyxl raises whatever the XML inside made it stumble over
        raise BadInput(
            f"{filename} cannot be read as a workbook ({type(error).__name__}); save it again as XLSX."
        ) from error


class _Formula(str):
    """The text of a formula, told apart from a text that starts with '='."""

    __slots__ = ()


def _is_formula(cell: Any) -> bool:
    return isinstance(cell, _Formula)


def _require_safe(data: bytes, filename: str) -> None:
    if "xl/workbook.xml" not in safe_members(data, filename):
        raise BadInput(
            f"{filename} is a ZIP archive but no XLSX workbook; give XLSX, ODS, CSV, TSV, JSON or JSONL."
        )


def _read(data: bytes, filename: str, *, computed: bool) -> Table:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions that do not matter here
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=computed, keep_links=False)
        try:
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # a sheet may lie about its size
                table = _read_sheet(sheet, filename)
                if table is not None:
                    return table
        finally:
            book.close()
    raise BadInput(f"{filename} is empty: no sheet has a header and rows.")


def _read_sheet(sheet: Any, filename: str) -> Table | None:
    records = _records(sheet)
    first = next(records, None)
    return None if first is None else fill(chain([first], records), filename)


def _records(sheet: Any) -> Iterator[Record]:
    for number, cells in enumerate(sheet.iter_rows(max_row=_LAST_ROW, max_col=MAX_COLUMNS + 1), start=1):
        values = [_value(cell) for cell in cells]
        while values and values[-1] is None:
            values.pop()
        if values:
            yield number, values


def _value(cell: Any) -> Any:
    """A cell as text, without computing anything."""
    value = cell.value
    if value is None or cell.data_type == "e":
        return None
    if cell.data_type == "f":
        return _Formula(getattr(value, "text", value) or "")
    return plain(value)


def plain(value: Any) -> str | None:
    """A value of a sheet as text; None where it is blank."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    text = str(value)
    return text if text.strip() else None


def _with_saved_values(table: Table, saved: Table) -> Table:
    """Formulas replaced by the value the workbook was saved with, or else left as text and named."""
    by_number = {row.number: row.cells for row in saved.rows}
    rows: list[Row] = []
    for row in table.rows:
        cells: list[Any] = []
        values = by_number.get(row.number, ())
        for column, cell, value in zip_longest(table.columns, row.cells, values[: len(row.cells)]):
            if _is_formula(cell) and value is None:
                table.note(
                    row.number,
                    column,
                    "is a formula without a saved value; its text was taken, it is not computed",
                )
                value = str(cell)
            cells.append(value if _is_formula(cell) else cell)
        rows.append(Row(row.number, tuple(cells)))
    return Table(columns=table.columns, rows=rows, problems=table.problems, rejected=table.rejected)
