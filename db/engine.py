"""Engines for SQLite (default) and PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import event

from db.private_files import create_private_file

WRITE_OPTION = "genaiops_write"
"""Execution option that makes SQLite take its write lock at BEGIN instead of at the first write."""

SQLITE_BUSY_TIMEOUT_MS = 30_000
CONNECT_TIMEOUT_S = 5
"""Of PostgreSQL."""


class UnsupportedDatabase(ValueError):
    """The URL names a database that the product cannot use."""


def make_engine(url: str | sa.URL, *, pool_size: int = 8) -> sa.Engine:
    """Create an engine for `url` with the settings of the product.

    Args:
        url: `sqlite:///path` or `postgresql://user:password@host/database`.
        pool_size: connections kept open by this process.

    Raises:
        UnsupportedDatabase: the URL names another database.
    """
    parsed = sa.make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite_engine(parsed, pool_size)
    if backend == "postgresql":
        return _postgresql_engine(parsed, pool_size)
    raise UnsupportedDatabase(
        f"GENAIOPS_DATABASE_URL names the database '{backend}'; use sqlite:///FILE or postgresql://..."
    )


def is_sqlite(bind: sa.Engine | sa.Connection) -> bool:
    return bind.dialect.name == "sqlite"


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def _postgresql_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=8,
        # A restarted server leaves dead connections in the pool; the ping replaces them before a statement fails.
        pool_pre_ping=True,
        # The default waits for minutes for a host that does not answer. A parameter of the URL has precedence.
        connect_args={} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_TIMEOUT_S},
        # Errors are logged, and parameters are contents of users.
        hide_parameters=True,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
    )


def _sqlite_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=8,
        hide_parameters=True,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
    )

    @event.listens_for(engine, "do_connect")
    def _create(*_arguments: Any) -> None:
        # Before the driver, which would create the file readable by everyone.
        if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
            create_private_file(Path(url.database))

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver begins a transaction only at the first write, so the listener below begins it.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
        # WAL: readers keep their snapshot while one writer commits.
        cursor.execute("PRAGMA journal_mode=WAL")
        # With WAL a crash of the process loses nothing; a power failure may lose the last commits, but not integrity.
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # A negative number is in KiB: 32 MB per connection.
        cursor.execute("PRAGMA cache_size=-32000")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads first and then writes may fail at once, without the busy timeout; IMMEDIATE waits.
        writing = connection.get_execution_options().get(WRITE_OPTION, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
