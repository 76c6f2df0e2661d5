"""Access to the database: a snapshot for reads, a transaction for writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from db.engine import WRITE_OPTION, is_sqlite


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A read-only snapshot: all statements see the same state."""
    with engine.connect() as connection:
        # SQLite in WAL mode gives every transaction a snapshot already.
        if not is_sqlite(connection):
            connection = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    with engine.connect() as connection:
        connection = connection.execution_options(**{WRITE_OPTION: True})
        with connection.begin():
            yield connection


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """The INSERT of the dialect, which supports ON CONFLICT."""
    if is_sqlite(connection):
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
