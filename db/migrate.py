"""Bring a database to the current schema; safe when many processes start at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from db.engine import is_sqlite
from db.transaction import writing

MIGRATIONS = Path(__file__).parent / "migrations"

_ADVISORY_LOCK = 0x6E61_4F70
"""Any number will do as long as nothing else in the database locks it."""


@dataclass(frozen=True, kw_only=True)
class SchemaStatus:
    """Which migration the database is at, and which one this program brings."""

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
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    return status(engine)


def status(engine: sa.Engine) -> SchemaStatus:
    """Read the schema version without changing anything."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "no migration is shipped"
    with engine.connect() as connection:
        return SchemaStatus(current=MigrationContext.configure(connection).get_current_revision(), head=head)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
