"""Reader of XLSX: the values of one sheet. Formulas are never computed; ZIP bombs are refused before unpacking."""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, zip_longest
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.archives import list_safe_members
from genaiops_core.evaluation.readers.headers import LOOK_AHEAD, Record, build_table
from genaiops_core.evaluation.readers.sheets import Sheet, choose_sheet
from genaiops_core.evaluation.readers.tables import MAX_COLUMNS, MAX_ROWS, Row, Table

_CHUNK_BYTES = 1 << 18
_SURELY_SMALL_BYTES = 5_000_000
_ROW = re.compile(rb"<(?:\w+:)?row\b")
_CELL = re.compile(rb"<(?:\w+:)?c[\s>/]")
_CELL_TAGS = (b"<c ", b"<c>", b"<c/", b"<c\n", b":c ", b":c>", b":c/", b":c\n")
_PERCENT_DIGITS = 10
"""Decimal places of a percentage: fewer than the error of a product of binary fractions."""

_LAST_COLUMN = 16_384
_LAST_ROW = 1_048_576
"""Maximum number of rows of an Excel sheet; a higher row number would make the reader count empty rows forever."""


def read_workbook(data: bytes, filename: str, sheet: str | None = None, max_rows: int | None = None) -> Table:
    """Read one sheet as `uploads.read_table` does.

    Raises:
        BadInput: the file is not a workbook, is too large when unpacked, or is empty.
    """
    _require_safe(data, filename)
    try:
        table = _read_sheet(data, filename, sheet, max_rows, with_saved_values=False)
        if any(_is_formula(cell) for row in table.rows for cell in row.cells):
            # openpyxl reads either formulas or saved values, so a sheet with formulas is read twice.
            saved = _read_sheet(data, filename, table.sheet, max_rows, with_saved_values=True)
            table = _replace_formulas(table, saved)
        return table
    except BadInput:
        raise
    except Exception as error:  # openpyxl raises many types of errors for invalid XML
        raise BadInput(
            f"{filename} cannot be read as a workbook ({type(error).__name__}); save it again as XLSX."
        ) from error


class _Formula(str):
    """The text of a formula, as distinct from a text that starts with '='."""

    __slots__ = ()


def _is_formula(cell: Any) -> bool:
    return isinstance(cell, _Formula)


def _require_safe(data: bytes, filename: str) -> None:
    if "xl/workbook.xml" not in list_safe_members(data, filename):
        raise BadInput(
            f"{filename} is a ZIP archive but not an XLSX workbook; use XLSX, ODS, CSV, TSV, JSON or JSONL."
        )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if member.filename.lower().endswith(".xml") and member.file_size > _SURELY_SMALL_BYTES:
                _require_short_rows(archive, member, filename)


def _require_short_rows(archive: zipfile.ZipFile, member: zipfile.ZipInfo, filename: str) -> None:
    """Limit the cells of a row and the shared texts, because openpyxl loads all of them into memory."""
    row_cells = shared_texts = 0
    tail = b""
    with archive.open(member) as content:
        while chunk := content.read(_CHUNK_BYTES):
            part = tail + chunk
            # A chunk may end within a tag: what follows the last "<" is parsed with the next chunk.
            cut = part.rfind(b"<")
            part, tail = (part[:cut], part[cut:]) if cut > 0 and len(part) - cut < 100 else (part, b"")
            row_cells = _count_cells_in_last_row(part, row_cells, filename)
            shared_texts += (
                part.count(b"<si>") + part.count(b":si>") + part.count(b"<si ") + part.count(b":si ")
            )
            if shared_texts > MAX_ROWS:
                raise BadInput(
                    f"{filename} has more than {MAX_ROWS:,} different texts. Save the sheet as CSV instead."
                )


def _count_cells_in_last_row(part: bytes, earlier_cells: int, filename: str) -> int:
    """Count the cells of the last row of `part`; `earlier_cells` of its first row are in earlier parts.

    Raises:
        BadInput: a row has more cells than Excel supports.
    """
    # Most parts have fewer cells than the limit of one row; then the rows need not be examined one by one.
    if earlier_cells + sum(part.count(tag) for tag in _CELL_TAGS) <= _LAST_COLUMN:
        last_row_start = max(part.rfind(b"<row"), part.rfind(b":row"))
        return len(_CELL.findall(part, max(0, last_row_start))) + (earlier_cells if last_row_start < 0 else 0)
    for row in _ROW.split(part):
        cells = earlier_cells + len(_CELL.findall(row))
        if cells > _LAST_COLUMN:
            raise BadInput(
                f"{filename} has a row of more than {_LAST_COLUMN:,} cells, the maximum of a workbook. Keep only the "
                "columns of the dataset."
            )
        earlier_cells = 0
    return cells


def _read_sheet(
    data: bytes, filename: str, requested: str | None, max_rows: int | None, *, with_saved_values: bool
) -> Table:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions, which are not read
        book = openpyxl.load_workbook(
            io.BytesIO(data), read_only=True, data_only=with_saved_values, keep_links=False
        )
        try:
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # the declared size of a sheet may be wrong
            visible = [
                sheet
                for sheet in book.worksheets
                if sheet.sheet_state == "visible" or sheet.title == requested
            ]
            sheet_heads = [
                Sheet(name=sheet.title, head=list(islice(_iterate_records(sheet), LOOK_AHEAD)))
                for sheet in visible or book.worksheets
            ]
            sheet_name = choose_sheet(sheet_heads, requested, filename)
            table = build_table(_iterate_records(book[sheet_name]), filename, max_rows)
        finally:
            book.close()
    return replace(table, sheet=sheet_name, sheets=tuple(head.name for head in sheet_heads if head.head))


def _iterate_records(sheet: Any) -> Iterator[Record]:
    # One column more than the limit, so that a wider sheet is refused and not silently cut.
    for number, cells in enumerate(sheet.iter_rows(max_row=_LAST_ROW, max_col=MAX_COLUMNS + 1), start=1):
        values = [_read_value(cell) for cell in cells]
        while values and values[-1] is None:
            values.pop()
        if values:
            yield number, values


def _read_value(cell: Any) -> Any:
    """Read a cell as text; a formula is returned as `_Formula`."""
    value = cell.value
    if value is None or cell.data_type == "e":
        return None
    if isinstance(value, (int, float)) and "%" in (cell.number_format or ""):
        return f"{format_cell(round(value * 100, _PERCENT_DIGITS))}%"
    if cell.data_type == "f":
        return _Formula(getattr(value, "text", value) or "")
    return format_cell(value)


def format_cell(value: Any) -> str | None:
    """Format a value of a sheet as text; None when it is blank."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    text = str(value)
    return text if text.strip() else None


def _replace_formulas(table: Table, saved: Table) -> Table:
    """Replace formulas by their saved values; a formula without one stays text and is listed as a problem."""
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
                    "is a formula without a saved value; its text is used",
                )
                value = str(cell)
            cells.append(value if _is_formula(cell) else cell)
        rows.append(Row(row.number, tuple(cells)))
    return replace(table, rows=rows)
