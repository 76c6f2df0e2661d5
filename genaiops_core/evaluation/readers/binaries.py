"""Readers of old Excel workbooks (XLS) and Parquet files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.archives import MAX_UNPACKED_BYTES
from genaiops_core.evaluation.readers.headers import LOOK_AHEAD, Record, build_table, is_blank
from genaiops_core.evaluation.readers.sheets import Sheet, choose_sheet
from genaiops_core.evaluation.readers.tables import Row, Table, require_columns, require_rows
from genaiops_core.evaluation.readers.workbooks import format_cell

# Few rows per batch, so that the limit on unpacked bytes is checked before much memory is in use.
_BATCH_ROWS = 256


def read_xls(data: bytes, filename: str, sheet: str | None = None, max_rows: int | None = None) -> Table:
    """Read one sheet as `uploads.read_table` does; formulas have the value they were saved with.

    Raises:
        BadInput: the file is not an XLS workbook, is encrypted or is empty.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheet_rows = {
            # With the empty area before the first cell, so that row numbers are those of the file.
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for name in book.sheet_names
        }
        sheet_heads = [
            Sheet(name=name, head=list(islice(_iterate_records(rows), LOOK_AHEAD)))
            for name, rows in sheet_rows.items()
        ]
        sheet_name = choose_sheet(sheet_heads, sheet, filename)
        table = build_table(_iterate_records(sheet_rows[sheet_name]), filename, max_rows)
        return replace(table, sheet=sheet_name, sheets=tuple(head.name for head in sheet_heads if head.head))
    except PasswordError as error:
        raise BadInput(
            f"{filename} is encrypted; open it, remove the password and save it again as XLSX."
        ) from error
    except (CalamineError, OSError, ValueError) as error:
        raise BadInput(
            f"{filename} is an Office file of an old format that cannot be read ({error}); save it again as XLSX."
        ) from error


def _iterate_records(rows: list[list[Any]]) -> Iterator[Record]:
    for number, cells in enumerate(rows, start=1):
        values = [format_cell(cell) for cell in cells]
        while values and values[-1] is None:
            values.pop()
        if values:
            yield number, values


def read_parquet(data: bytes, filename: str, max_rows: int | None = None) -> Table:
    """Read a Parquet file as `uploads.read_table` does, a few hundred rows at a time.

    Raises:
        BadInput: the file is not Parquet, is encrypted, or is too large when unpacked.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = Table(columns=(), rows=[])
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        _require_readable_size(file, filename)
        # A page may repeat one long text a million times; with a dictionary it is in memory once.
        text_columns = [
            column.path
            for column in map(file.schema.column, range(len(file.schema.names)))
            if column.physical_type == "BYTE_ARRAY"
        ]
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=text_columns)
        table.columns = tuple(file.schema_arrow.names)
        unpacked_characters = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            for cells in zip(*map(_iterate_cells, batch.columns), strict=True):
                unpacked_characters += sum(map(_count_characters, cells))
                _require_unpacked(unpacked_characters, filename)
                table.rows.append(Row(len(table.rows) + 1, cells))
                if max_rows is not None and len(table.rows) >= max_rows:
                    table.is_partial = file.metadata.num_rows > max_rows
                    return table
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise BadInput(f"{filename} cannot be read as Parquet: {reason}.") from error
    return table


def _require_readable_size(file: Any, filename: str) -> None:
    """Check the sizes that the file's metadata declares, before any page is unpacked."""
    metadata = file.metadata
    columns = file.schema_arrow.names
    require_columns(len(columns), filename)
    require_rows(metadata.num_rows, filename, len(columns))
    if len(set(columns)) < len(columns):
        raise BadInput(f"{filename} has two columns with the same name; rename one of them.")
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    _require_unpacked(
        sum(group.column(at).total_uncompressed_size for group in groups for at in range(group.num_columns)),
        filename,
    )


def _require_unpacked(unpacked: int, filename: str) -> None:
    if unpacked > MAX_UNPACKED_BYTES:
        raise BadInput(
            f"{filename} unpacks to more than {MAX_UNPACKED_BYTES / 1e6:,.0f} MB. Split it or remove columns."
        )


def _iterate_cells(column: Any) -> Iterator[Any]:
    """Iterate over the cells of a column; a repeated text is one object in memory."""
    if hasattr(column, "dictionary"):
        texts = [_convert_value(text) for text in column.dictionary.to_pylist()]
        return (None if at is None else texts[at] for at in column.indices.to_pylist())
    return (_convert_value(cell.as_py()) for cell in column)


def _count_characters(value: Any) -> int:
    """Count the characters of the texts in a cell; anything else counts as 1."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_count_characters, value.values())) + len(value)
    return sum(map(_count_characters, value)) + 1 if isinstance(value, list) else 1


def _convert_value(value: Any) -> Any:
    """Convert a cell to JSON types; None when it is blank."""
    if is_blank(value):
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    # Not every writer marks text columns as UTF-8, so binary values are decoded too.
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(key): _convert_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_convert_value(item) for item in value]
    return format_cell(value)
