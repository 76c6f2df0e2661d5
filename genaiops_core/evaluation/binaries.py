"""Old Excel sheets (XLS) and Parquet."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.archives import MAX_UNPACKED_BYTES
from genaiops_core.evaluation.headers import Record, fill, is_blank
from genaiops_core.evaluation.tables import Row, Table, require_columns, require_rows
from genaiops_core.evaluation.workbooks import plain

_BATCH_ROWS = 256


def read_xls(data: bytes, filename: str) -> Table:
    """Read the first sheet that has rows; formulas give the value they were saved with.

    Raises:
        BadInput: it is no such workbook, encrypted or empty.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            records = list(_records(book.get_sheet_by_name(name).to_python(skip_empty_area=False)))
            if records:
                return fill(iter(records), filename)
    except PasswordError as error:
        raise BadInput(
            f"{filename} is encrypted; open it, remove the password and save it again as XLSX."
        ) from error
    except (CalamineError, OSError, ValueError) as error:
        raise BadInput(
            f"{filename} is an old Office file that cannot be read ({error}); save it again as XLSX."
        ) from error
    raise BadInput(f"{filename} is empty: no sheet has a header and rows.")


def _records(rows: list[list[Any]]) -> Iterator[Record]:
    for number, cells in enumerate(rows, start=1):
        values = [plain(cell) for cell in cells]
        while values and values[-1] is None:
            values.pop()
        if values:
            yield number, values


def read_parquet(data: bytes, filename: str) -> Table:
    """Read a Parquet file, a few hundred rows at a time.

    Raises:
        BadInput: it is no Parquet file, encrypted, or too large when unpacked.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[Row] = []
    unpacked = 0
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        columns = tuple(file.schema_arrow.names)
        require_columns(len(columns), filename)
        require_rows(file.metadata.num_rows, filename)
        if len(set(columns)) < len(columns):
            raise BadInput(f"{filename} names a column twice; rename one of them.")
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            unpacked += batch.nbytes
            if unpacked > MAX_UNPACKED_BYTES:
                raise BadInput(
                    f"{filename} unpacks to more than {MAX_UNPACKED_BYTES / 1e6:,.0f} MB. Split it or keep fewer columns."
                )
            for record in batch.to_pylist():
                cells = tuple(_value(record[name]) for name in columns)
                rows.append(Row(len(rows) + 1, cells))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise BadInput(f"{filename} cannot be read as Parquet: {reason}.") from error
    return Table(columns=columns, rows=rows)


def _value(value: Any) -> Any:
    """A cell as JSON knows it: texts, numbers, lists and objects stay what they are."""
    if is_blank(value):
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(key): _value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    return plain(value)
