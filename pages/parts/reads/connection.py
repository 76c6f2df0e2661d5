"""The database that the screens read."""

from __future__ import annotations

from contextlib import AbstractContextManager

import sqlalchemy as sa
import streamlit as st

from db.engine import make_engine
from db.migrate import SchemaStatus, status, upgrade
from db.transaction import reading
from pages.parts.reads.cache import SLOW_S, cache_for

Engine = sa.Engine
"""The type that use cases take; a screen passes it on without using it."""

DATABASE_ERRORS = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.ProgrammingError,
    sa.exc.DatabaseError,
)
"""Errors of a read whose database is unreachable, locked or of another schema."""


@st.cache_resource(show_spinner=False, on_release=sa.Engine.dispose)
def open_engine(url: str) -> sa.Engine:
    """The engine of this process for `url`; the first call migrates the schema."""
    engine = make_engine(url)
    upgrade(engine)
    return engine


def open_snapshot(url: str) -> AbstractContextManager[sa.Connection]:
    """A read-only view of the database, for one call of the core."""
    return reading(open_engine(url))


def is_readable(url: str) -> bool:
    """Whether the database answers."""
    try:
        with open_snapshot(url) as connection:
            connection.execute(sa.select(1))
    except DATABASE_ERRORS:
        return False
    return True


@cache_for(SLOW_S)
def get_schema_status(url: str) -> SchemaStatus:
    """The migration of the database, and the migration that this program brings."""
    return status(open_engine(url))


def name_database(url: str) -> str:
    """The product name of the database."""
    return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(
        sa.make_url(url).get_backend_name(), "unknown"
    )


def mask_password(url: str) -> str:
    """The database URL with its password replaced by `***`."""
    return sa.make_url(url).render_as_string(hide_password=True)
