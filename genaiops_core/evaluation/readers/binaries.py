"""Old Excel sheets (XLS) and Parquet."""

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

_BATCH_ROWS = 256


def read_xls(data: bytes, filename: str, sheet: str | None = None, max_rows: int | None = None) -> Table:
    """Read one sheet; formulas give the value they were saved with.

    Args:
        data: the whole file.
        filename: named in errors.
        sheet: its name; None takes the first that looks like a dataset.
        most_rows: rows to read; None for all.

    Raises:
        BadInput: it is no such workbook, encrypted or empty.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheet_rows = {
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names
        }
        sheet_heads = [
            Sheet(name=name, head=list(islice(_iterate_records(rows), LOOK_AHEAD))) for name, rows in sheet_rows.items()
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
            f"{filename} is an old Office file that cannot be read ({error}); save it again as XLSX."
        ) from error


def _iterate_records(rows: list[list[Any]]) -> Iterator[Record]:
    for number, cells in enumerate(rows, start=1):
        values = [format_cell(cell) for cell in cells]
        while values and values[-1] is None:
            values.pop()
        if values:
            yield number, values


def read_parquet(data: bytes, filename: str, max_rows: int | None = None) -> Table:
    """Read a Parquet file, a few hundred rows at a time.

    Args:
        data: the whole file.
        filename: named in errors.
        most_rows: rows to read; None for all.

    Raises:
        BadInput: it is no Parquet file, encrypted, or too large when unpacked.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = Table(columns=(), rows=[])
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        _require_readable_size(file, filename)
        # A page may hold one long text and name it a million times; as a dictionary it is kept once.
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
    """By what the file says of itself, before any page is unpacked."""
    metadata = file.metadata
    columns = file.schema_arrow.names
    require_columns(len(columns), filename)
    require_rows(metadata.num_rows, filename, len(columns))
    if len(set(columns)) < len(columns):
        raise BadInput(f"{filename} names a column twice; rename one of them.")
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    _require_unpacked(
        sum(group.column(at).total_uncompressed_size for group in groups for at in range(group.num_columns)),
        filename,
    )


def _require_unpacked(unpacked: int, filename: str) -> None:
    if unpacked > MAX_UNPACKED_BYTES:
        raise BadInput(
            f"{filename} unpacks to more than {MAX_UNPACKED_BYTES / 1e6:,.0f} MB. Split it or keep fewer columns."
        )


def _iterate_cells(column: Any) -> Iterator[Any]:
    """Cells of a column one by one; a text that is repeated is one text in memory."""
    if hasattr(column, "dictionary"):
        texts = [_convert_value(text) for text in column.dictionary.to_pylist()]
        return (None if at is None else texts[at] for at in column.indices.to_pylist())
    return (_convert_value(cell.as_py()) for cell in column)


def _count_characters(value: Any) -> int:
    """Characters of the texts in a cell, and one for anything else."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_count_characters, value.values())) + len(value)
    return sum(map(_count_characters, value)) + 1 if isinstance(value, list) else 1


def _convert_value(value: Any) -> Any:
    """A cell as JSON knows it: texts, numbers, lists and objects stay what they are."""
    if is_blank(value):
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(key): _convert_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_convert_value(item) for item in value]
    return format_cell(value)
