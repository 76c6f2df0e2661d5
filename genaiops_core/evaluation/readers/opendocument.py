"""Reader of ODS: one sheet, read as a stream, so that trailing repeated blank cells take no memory."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any
from xml.parsers import expat

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.archives import list_safe_members
from genaiops_core.evaluation.readers.headers import LOOK_AHEAD, Record, build_table
from genaiops_core.evaluation.readers.sheets import Sheet, choose_sheet
from genaiops_core.evaluation.readers.tables import (
    MAX_PROBLEMS,
    MAX_ROWS,
    Table,
    require_columns,
    require_rows,
)

_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0|"
_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0|"
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0|"
_CHUNK_BYTES = 1 << 16
# One element may declare any number of spaces.
_MAX_SPACES = 1_000

_VALUE_ATTRIBUTES = {"date": "date-value", "boolean": "boolean-value", "time": "time-value"}


def read_ods(data: bytes, filename: str, sheet: str | None = None, max_rows: int | None = None) -> Table:
    """Read one sheet as `uploads.read_table` does.

    Raises:
        BadInput: the file is not an OpenDocument spreadsheet, is encrypted, is too large when unpacked, or is empty.
    """
    members = list_safe_members(data, filename)
    if "content.xml" not in members:
        raise BadInput(
            f"{filename} is a ZIP archive but not an OpenDocument spreadsheet; save it again as ODS or XLSX."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if "META-INF/manifest.xml" in archive.namelist() and b"encryption-data" in archive.read(
                "META-INF/manifest.xml"
            ):
                raise BadInput(
                    f"{filename} is encrypted; open it, remove the password and save it again as ODS."
                )
            with archive.open("content.xml") as content:
                sheet_heads = _parse_content(_TableParser(filename), content).heads
            sheet_name = choose_sheet(sheet_heads, sheet, filename)
            max_records = None if max_rows is None else max_rows + LOOK_AHEAD
            with archive.open("content.xml") as content:
                tables = _parse_content(
                    _TableParser(filename, requested=sheet_name, max_records=max_records), content
                )
            table = _fill_table(tables, filename, max_rows)
            return replace(
                table, sheet=sheet_name, sheets=tuple(head.name for head in sheet_heads if head.head)
            )
    except (expat.ExpatError, zipfile.BadZipFile, KeyError, ValueError, OSError, RuntimeError) as error:
        raise BadInput(
            f"{filename} cannot be read as a spreadsheet: {error}; save it again as ODS or XLSX."
        ) from error


def _fill_table(tables: _TableParser, filename: str, max_rows: int | None) -> Table:
    table = build_table(iter(tables.rows), filename, max_rows)
    by_number = {row.number: row.cells for row in table.rows}
    for number, text in tables.formulas:
        column = next(
            (
                name
                for name, cell in zip(table.columns, by_number.get(number, ()), strict=False)
                if cell == text
            ),
            "",
        )
        table.note(number, column, "is a formula without a saved value; its text is used")
    return table


def _parse_content(tables: _TableParser, content: Any) -> _TableParser:
    while not tables.is_done and (chunk := content.read(_CHUNK_BYTES)):
        tables.feed(chunk)
    return tables


class _TableParser:
    """Parses XML in chunks; collects the rows of the sheet `requested`, or the first rows of every sheet."""

    def __init__(
        self, filename: str, *, requested: str | None = None, max_records: int | None = None
    ) -> None:
        self.heads: list[Sheet] = []
        self.rows: list[Record] = []
        self.formulas: list[tuple[int, str]] = []
        self.is_done = False
        self._filename = filename
        self._requested = requested
        self._max_records = LOOK_AHEAD if requested is None else max_records
        self._table = ""
        self._table_count = 0
        self._is_full = False
        self._number = 0
        self._row_repeat = 1
        self._cells: list[str | None] = []
        self._pending_blanks = 0  # blank cells that count only if a cell with text follows
        self._cell: dict[str, str] | None = None
        self._text: list[str] = []
        self._paragraphs = 0
        self._comment_depth = 0  # 0 outside a comment
        parser = expat.ParserCreate(namespace_separator="|")
        parser.StartElementHandler = self._start_element
        parser.EndElementHandler = self._end_element
        parser.CharacterDataHandler = self._add_characters
        # Entities are refused: nested ones expand exponentially ("billion laughs").
        parser.EntityDeclHandler = self._refuse_entity
        self._parser = parser

    def feed(self, chunk: bytes) -> None:
        # Never finalised: the file may be left in the middle, when enough rows are read.
        self._parser.Parse(chunk, False)

    def _refuse_entity(self, *_args: Any) -> None:
        raise ValueError("it declares XML entities")

    def _start_element(self, name: str, attributes: dict[str, str]) -> None:
        if name == _TABLE + "table":
            self._begin_table(attributes)
        elif self.is_done or self._is_full:
            return
        elif self._comment_depth or name == _OFFICE + "annotation":
            self._comment_depth += 1
        elif name == _TABLE + "table-row":
            self._row_repeat = int(attributes.get(_TABLE + "number-rows-repeated", 1))
            self._cells, self._pending_blanks = [], 0
        elif name in (_TABLE + "table-cell", _TABLE + "covered-table-cell"):
            self._cell, self._text, self._paragraphs = attributes, [], 0
        elif self._cell is not None:
            self._start_in_cell(name, attributes)

    def _start_in_cell(self, name: str, attributes: dict[str, str]) -> None:
        if name == _TEXT + "p":
            if self._paragraphs:
                self._text.append("\n")
            self._paragraphs += 1
        elif name == _TEXT + "s":
            self._text.append(" " * min(_MAX_SPACES, int(attributes.get(_TEXT + "c", 1))))
        elif name == _TEXT + "tab":
            self._text.append("\t")
        elif name == _TEXT + "line-break":
            self._text.append("\n")

    def _add_characters(self, text: str) -> None:
        if self._cell is not None and not self._comment_depth and self._paragraphs:
            self._text.append(text)

    def _end_element(self, name: str) -> None:
        if name == _TABLE + "table":
            self._end_table()
        elif self.is_done or self._is_full:
            return
        elif self._comment_depth:
            self._comment_depth -= 1
        elif name in (_TABLE + "table-cell", _TABLE + "covered-table-cell") and self._cell is not None:
            self._add_cell(self._cell)
            self._cell = None
        elif name == _TABLE + "table-row":
            self._add_row()

    def _begin_table(self, attributes: dict[str, str]) -> None:
        self._table_count += 1
        self._table = attributes.get(_TABLE + "name") or f"Sheet{self._table_count}"
        self._number = self._comment_depth = 0
        self._is_full = self._requested not in (None, self._table)

    def _end_table(self) -> None:
        if self._requested is None:
            self.heads.append(Sheet(name=self._table, head=self.rows))
            self.rows = []
        elif self._table == self._requested:
            self.is_done = True

    def _add_cell(self, attributes: dict[str, str]) -> None:
        repeat = int(attributes.get(_TABLE + "number-columns-repeated", 1))
        value = self._read_value(attributes)
        if value is None:
            self._pending_blanks += repeat
            return
        require_columns(len(self._cells) + self._pending_blanks + repeat, self._filename)
        self._cells += [None] * self._pending_blanks + [value] * repeat
        self._pending_blanks = 0

    def _read_value(self, attributes: dict[str, str]) -> str | None:
        kind = attributes.get(_OFFICE + "value-type", "")
        text = "".join(self._text)
        if kind in _VALUE_ATTRIBUTES:
            text = attributes.get(_OFFICE + _VALUE_ATTRIBUTES[kind], text).removesuffix("T00:00:00")
        elif kind in ("float", "percentage", "currency"):
            text = _format_number(attributes.get(_OFFICE + "value", text))
        elif not text and _TABLE + "formula" in attributes:
            text = attributes[_TABLE + "formula"]
            if len(self.formulas) < MAX_PROBLEMS:
                self.formulas.append((self._number + 1, text))
        return text if text.strip() else None

    def _add_row(self) -> None:
        if self._cells:
            repeat = self._row_repeat
            if self._max_records is not None:
                repeat = min(repeat, self._max_records - len(self.rows))
            require_rows(len(self.rows) + repeat, self._filename)
            # A row with text that repeats this often would exhaust memory.
            if repeat * len(self._cells) > MAX_ROWS:
                raise ValueError(f"row {self._number + 1} is repeated {self._row_repeat:,} times")
            cells = tuple(self._cells)
            self.rows += [(self._number + i, cells) for i in range(1, repeat + 1)]
            self._is_full = self._max_records is not None and len(self.rows) >= self._max_records
        self._number += self._row_repeat
        self._cells, self._pending_blanks = [], 0


def _format_number(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else text
