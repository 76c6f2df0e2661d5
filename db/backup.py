"""A backup format that SQLite and PostgreSQL can restore; it also moves an installation to PostgreSQL.

Lines of a backup: the first is {"format": 2, "schema": REVISION}; each table is {"table": NAME, "columns": [...]} followed by
one array per row; the last line is {"end": true, "rows": N}. Binary columns are base64, instants ISO 8601. `backup_file`
describes how the lines are stored.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from db.backup_file import BackupError, detect_checksums, read_lines, verify_checksums, write_backup_file
from db.engine import is_sqlite
from db.migrate import status
from db.outage import find_outage
from db.tables import metadata
from db.tables.base import UtcDateTime
from db.transaction import reading, writing

__all__ = ["BackupError", "BackupReport", "backup", "restore"]

FORMAT = 2
_FORMAT_WITHOUT_CHECKSUMS = 1
_BATCH_ROWS = 2_000


@dataclass(frozen=True, kw_only=True)
class BackupReport:
    """Number of tables and rows of a backup or restore."""

    tables: int
    rows: int
    has_checksum: bool
    """False for files of older versions, in which damage cannot be detected with certainty."""


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """Rows of one table, the first of which has the number `first_row` within it."""

    table: sa.Table
    first_row: int
    rows: list[dict[str, Any]]


def backup(engine: sa.Engine, file: Path) -> BackupReport:
    """Write a consistent snapshot of every table to `file`, which appears only when it is complete."""
    rows = 0
    with write_backup_file(file) as write_line:
        write_line({"format": FORMAT, "schema": status(engine).current})
        with reading(engine) as connection:
            for table in metadata.sorted_tables:
                write_line({"table": table.name, "columns": table.columns.keys()})
                encoders = [_encoder(column) for column in table.columns]
                # Streamed, because a table of millions of spans does not fit in memory.
                result = connection.execute(sa.select(table).execution_options(yield_per=_BATCH_ROWS))
                for row in result:
                    write_line([encode(value) for encode, value in zip(encoders, row, strict=True)])
                    rows += 1
        write_line({"end": True, "rows": rows})
    return BackupReport(tables=len(metadata.sorted_tables), rows=rows, has_checksum=True)


def restore(engine: sa.Engine, file: Path) -> BackupReport:
    """Restore `file` into an empty, migrated database, in one transaction.

    The whole file is checked before anything is written.

    Raises:
        BackupError: the file is damaged or no complete backup of this schema, or the database is not empty.
    """
    has_checksum = detect_checksums(file)
    current = status(engine).current
    if has_checksum:
        verify_checksums(file)
    else:
        # Without checksums the structure and the values are all that can be checked.
        for _batch in _read_batches(file, current):
            pass
    rows = 0
    with writing(engine) as connection:
        _require_empty(connection)
        for batch in _read_batches(file, current):
            _insert(connection, batch, file)
            rows += len(batch.rows)
        if not is_sqlite(connection):
            # Rows inserted with their own ids do not move a sequence; the next insert would use a restored id.
            _advance_sequences(connection)
    return BackupReport(tables=len(metadata.sorted_tables), rows=rows, has_checksum=has_checksum)


def _insert(connection: sa.Connection, batch: _Batch, file: Path) -> None:
    try:
        connection.execute(sa.insert(batch.table), batch.rows)
    # The driver of SQLite raises OverflowError for an integer beyond 64 bits.
    except (sa.exc.StatementError, OverflowError) as error:
        if isinstance(error, sa.exc.DBAPIError) and find_outage(error) is not None:
            raise
        last_row = batch.first_row + len(batch.rows) - 1
        # The class only: messages of drivers quote the row.
        reason = type(getattr(error, "orig", None) or error).__name__
        raise BackupError(
            f"{file} is damaged: the database refuses a row between {batch.first_row:,} and {last_row:,} of table "
            f"{batch.table.name} ({reason}). Nothing was restored; use another copy of the backup."
        ) from error


def _read_batches(file: Path, schema: str | None) -> Iterator[_Batch]:
    """The rows of a backup in batches; an error names the line, and the table and row where they are known."""
    lines = read_lines(file)
    _require_schema(next(lines, None), file, schema)
    pending = [table.name for table in metadata.sorted_tables]
    rows: list[dict[str, Any]] = []
    table: sa.Table | None = None
    decoders: list[tuple[str, Callable[[Any], Any]]] = []
    number = 1
    table_rows = total = 0

    def damage(problem: str) -> BackupError:
        place = "" if table is None else f" (table {table.name}, after row {table_rows:,})"
        return BackupError(
            f"{file} is damaged in line {number:,}{place}: {problem}. Use another copy of the backup."
        )

    for line in lines:
        number += 1
        if isinstance(line, list) and table is not None:
            try:
                row = {name: decode(value) for (name, decode), value in zip(decoders, line, strict=True)}
            except (ValueError, TypeError) as error:
                raise damage("the row does not have the columns and types of its table") from error
            rows.append(row)
            table_rows += 1
            total += 1
            if len(rows) >= _BATCH_ROWS:
                yield _Batch(table=table, first_row=table_rows - len(rows) + 1, rows=rows)
                rows = []
            continue
        if table is not None and rows:
            yield _Batch(table=table, first_row=table_rows - len(rows) + 1, rows=rows)
            rows = []
        if isinstance(line, dict) and isinstance(line.get("table"), str):
            name = line["table"]
            if name not in pending:
                raise damage("a table begins that is unknown or not the first of its name")
            columns = line.get("columns")
            if not isinstance(columns, list) or columns != metadata.tables[name].columns.keys():
                raise damage("the columns of a table differ from its schema")
            pending.remove(name)
            table, table_rows = metadata.tables[name], 0
            decoders = [(column, _decoder(table.c[column])) for column in columns]
        elif isinstance(line, dict) and line.get("end") is True:
            if pending:
                raise damage(f"the table {pending[0]} is missing")
            if line.get("rows") != total:
                raise damage(f"the number of rows differs from the {total:,} rows before it")
            if next(lines, None) is not None:
                raise damage("this line is the end of the backup, but the file continues")
            return
        else:
            raise damage("it is neither a table nor a row")
    raise BackupError(
        f"{file} is truncated after line {number:,}; nothing was restored. Use another copy of the backup."
    )


def _require_schema(header: Any, file: Path, schema: str | None) -> None:
    formats = (FORMAT,) if detect_checksums(file) else (_FORMAT_WITHOUT_CHECKSUMS,)
    if not isinstance(header, dict) or header.get("format") not in formats:
        raise BackupError(
            f"{file} is not a backup made by 'genaiops db backup', or its first line is damaged."
        )
    if header.get("schema") != schema:
        raise BackupError(
            f"{file} has schema {header.get('schema')}, this database has {schema}; "
            "restore it with the version of the program that wrote it, then upgrade."
        )


def _require_empty(connection: sa.Connection) -> None:
    for table in metadata.sorted_tables:
        # A worker of the new database sends heartbeats at once; its row is no user data.
        if table.name == "worker":
            continue
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise BackupError(f"The database is not empty (table {table.name}); restore into a new one.")
    connection.execute(sa.delete(metadata.tables["worker"]))


def _advance_sequences(connection: sa.Connection) -> None:
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            highest = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
            connection.execute(sa.select(sa.func.setval(sequence, highest, False)))


def _identity(value: Any) -> Any:
    return value


def _encoder(column: sa.Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, sa.LargeBinary):
        return lambda value: None if value is None else base64.b64encode(value).decode()
    return _identity


def _decoder(column: sa.Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, sa.LargeBinary):
        return lambda value: None if value is None else base64.b64decode(value, validate=True)
    if isinstance(column.type, UtcDateTime):
        return lambda value: None if value is None else dt.datetime.fromisoformat(value)
    return _identity
