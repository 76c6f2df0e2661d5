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


class UnknownSchema(Exception):
    """The database has a schema that this program does not know; the message is for users."""


def upgrade(engine: sa.Engine, to: str = "head") -> SchemaStatus:
    """Apply every migration that is missing, up to `to`, in one transaction.

    The first process takes the lock (SQLite: the write lock; PostgreSQL: an advisory lock) and migrates; the others
    wait and find nothing left to do. A migration that fails leaves the database as it was.

    Raises:
        UnknownSchema: the database was migrated by a newer version, or by another program.
    """
    before = status(engine)
    if before.is_current:
        return before
    if before.current is not None and before.current not in _list_revisions():
        raise UnknownSchema(
            f"The database has schema '{before.current}', and this version of the program knows schemas up to "
            f"{before.head}: a newer version has used it. Install that version, or name another database in "
            "GENAIOPS_DATABASE_URL."
        )
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
    return max(_list_revisions())


def _list_revisions() -> list[str]:
    """The revisions of this program; file names begin with the number of their revision."""
    return [path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")]


def _run_migrations(connection: sa.Connection, to: str) -> None:
    # A local import: every process reads the status, but few have to migrate.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
