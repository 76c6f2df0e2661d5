"""Bring a database to the current schema; safe when many processes start at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from db.engine import is_sqlite
from db.transaction import writing

MIGRATIONS = Path(__file__).parent / "migrations"

_ADVISORY_LOCK = 0x6E61_4F70
"""An arbitrary number that no other lock of the database uses."""


_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))
"""Where the migration tool keeps the revision of a database."""


@dataclass(frozen=True, kw_only=True)
class SchemaStatus:
    """The revision of the database, and the newest revision of this program."""

    current: str | None
    head: str

    @property
    def is_current(self) -> bool:
        return self.current == self.head


def upgrade(engine: sa.Engine, to: str = "head") -> SchemaStatus:
    """Apply every migration that is missing, up to `to`, in one transaction.

    The first process takes the lock (SQLite: the write lock; PostgreSQL: an advisory lock) and migrates; the others
    wait and find nothing left to do. A migration that fails leaves the database as it was.
    """
    if status(engine).is_current:
        return status(engine)
    with writing(engine) as connection:
        if not is_sqlite(connection):
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        # The revision is read again under this lock, so a process that waited applies nothing twice.
        _run_migrations(connection, to)
    return status(engine)


def status(engine: sa.Engine) -> SchemaStatus:
    """Read the schema version without changing anything."""
    with engine.connect() as connection:
        current = None
        if sa.inspect(connection).has_table(_VERSION.name):
            current = connection.scalar(sa.select(_VERSION.c.version_num))
    return SchemaStatus(current=current, head=_head())


def _head() -> str:
    """The newest revision of this program; file names begin with the number of their revision."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _run_migrations(connection: sa.Connection, to: str) -> None:
    # A local import: every process reads the status, but few have to migrate.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
