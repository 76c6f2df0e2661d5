"""The database that the screens read."""

from __future__ import annotations

from contextlib import AbstractContextManager

import sqlalchemy as sa
import streamlit as st

from db.engine import make_engine
from db.migrate import SchemaStatus, UnknownSchema, status, upgrade
from db.outage import check, find_outage
from db.transaction import reading
from pages.parts.reads.cache import QUICK_S, SLOW_S, cache_for

Engine = sa.Engine
"""The type that use cases take; a screen passes it on without using it."""

DATABASE_ERRORS = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.ProgrammingError,
    sa.exc.DatabaseError,
    sa.exc.TimeoutError,
    UnknownSchema,
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


@cache_for(SLOW_S)
def get_schema_status(url: str) -> SchemaStatus:
    """The migration of the database, and the migration that this program brings."""
    return status(open_engine(url))


@cache_for(QUICK_S)
def find_database_outage(url: str) -> str:
    """The outage of the database in a sentence; '' while it answers. One answer serves all sessions."""
    try:
        check(open_engine(url))
    except DATABASE_ERRORS as error:
        return describe_outage(error)
    return ""


def describe_outage(error: BaseException) -> str:
    """The outage that an error reports, in a sentence; '' when the database is available."""
    outage = find_outage(error)
    return "" if outage is None else f"{outage.sentence}."


def name_database(url: str) -> str:
    """The product name of the database."""
    return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(
        sa.make_url(url).get_backend_name(), "unknown"
    )


def mask_password(url: str) -> str:
    """The database URL with its password replaced by `***`."""
    return sa.make_url(url).render_as_string(hide_password=True)
