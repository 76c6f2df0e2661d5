"""A backup format that SQLite and PostgreSQL can restore; it also moves an installation to PostgreSQL.

File layout: one Zstandard stream of JSON lines. The first line is {"format": 1, "schema": REVISION}; each table is
{"table": NAME, "columns": [...]} followed by one array a row; the last line is {"end": true, "rows": N}. Binary
columns are base64, instants ISO 8601.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
import zstandard

from db.engine import is_sqlite
from db.migrate import status
from db.tables import metadata
from db.tables.base import UtcDateTime
from db.transaction import reading, writing

FORMAT = 1
_CHUNK_ROWS = 2_000


class BackupError(ValueError):
    """The file or the target database cannot be used."""


@dataclass(frozen=True, kw_only=True)
class BackupReport:
    """Number of tables and rows of a backup or restore."""

    tables: int
    rows: int


def backup(engine: sa.Engine, file: Path) -> BackupReport:
    """Write a consistent snapshot of every table to `file`, which appears only when it is complete."""
    partial = file.with_name(file.name + ".part")
    rows = 0
    with partial.open("wb") as raw, zstandard.ZstdCompressor(level=6).stream_writer(raw) as stream:
        _write_line(stream, {"format": FORMAT, "schema": status(engine).current})
        with reading(engine) as connection:
            for table in metadata.sorted_tables:
                _write_line(stream, {"table": table.name, "columns": table.columns.keys()})
                encoders = [_encoder(column) for column in table.columns]
                # Streamed, because a table of millions of spans does not fit in memory.
                result = connection.execute(sa.select(table).execution_options(yield_per=_CHUNK_ROWS))
                for row in result:
                    _write_line(stream, [encode(value) for encode, value in zip(encoders, row, strict=True)])
                    rows += 1
        # Without this line a truncated file could look complete.
        _write_line(stream, {"end": True, "rows": rows})
    partial.replace(file)
    return BackupReport(tables=len(metadata.sorted_tables), rows=rows)


def restore(engine: sa.Engine, file: Path) -> BackupReport:
    """Restore `file` into an empty, migrated database, in one transaction.

    Raises:
        BackupError: the file is not a complete backup of this schema, or the database is not empty.
    """
    lines = _read_lines(file)
    header = next(lines, None)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise BackupError(f"{file} is not a backup made by 'genaiops db backup'.")
    current = status(engine).current
    if header.get("schema") != current:
        raise BackupError(
            f"{file} has schema {header.get('schema')}, this database has {current}; "
            "restore it with the version of the program that wrote it, then upgrade."
        )
    with writing(engine) as connection:
        _require_empty(connection)
        rows, tables = _load(connection, lines, file)
        if not is_sqlite(connection):
            # Rows inserted with their own ids do not move a sequence; the next insert would use a restored id.
            _advance_sequences(connection)
    return BackupReport(tables=tables, rows=rows)


def _load(connection: sa.Connection, lines: Iterator[Any], file: Path) -> tuple[int, int]:
    rows = tables = 0
    table: sa.Table | None = None
    columns: list[str] = []
    decoders: list[Callable[[Any], Any]] = []
    waiting: list[dict[str, Any]] = []

    def flush() -> None:
        if table is not None and waiting:
            connection.execute(sa.insert(table), waiting)
            waiting.clear()

    for line in lines:
        if isinstance(line, list):
            waiting.append({c: d(v) for c, d, v in zip(columns, decoders, line, strict=True)})
            rows += 1
            if len(waiting) >= _CHUNK_ROWS:
                flush()
        elif "table" in line:
            flush()
            table = metadata.tables[line["table"]]
            columns = line["columns"]
            decoders = [_decoder(table.c[name]) for name in columns]
            tables += 1
        elif line.get("end"):
            flush()
            if line["rows"] != rows:
                raise BackupError(f"{file} is damaged: it should have {line['rows']} rows but has {rows}.")
            return rows, tables
    raise BackupError(f"{file} is truncated; nothing was restored.")


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


def _read_lines(file: Path) -> Iterator[Any]:
    try:
        with file.open("rb") as raw:
            stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
            for line in io.BufferedReader(stream):
                yield orjson.loads(line)
    except (zstandard.ZstdError, orjson.JSONDecodeError) as error:
        raise BackupError(f"{file} is damaged or not a backup: {error}") from error


def _write_line(stream: zstandard.ZstdCompressionWriter, value: Any) -> None:
    stream.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))


def _identity(value: Any) -> Any:
    return value


def _encoder(column: sa.Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, sa.LargeBinary):
        return lambda value: None if value is None else base64.b64encode(value).decode()
    return _identity


def _decoder(column: sa.Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, sa.LargeBinary):
        return lambda value: None if value is None else base64.b64decode(value)
    if isinstance(column.type, UtcDateTime):
        return lambda value: None if value is None else dt.datetime.fromisoformat(value)
    return _identity
