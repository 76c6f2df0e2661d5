"""What an error of the driver means: the database is unavailable, or the statement is wrong."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from db.engine import WRITE_OPTION

_VERSION = sa.table("alembic_version", sa.column("version_num"))

Kind = Literal["away", "busy", "full", "read-only", "unreadable", "refused"]


@dataclass(frozen=True, kw_only=True)
class Outage:
    """A state of the database in which a request fails that may succeed later."""

    kind: Kind
    retry_after_s: int
    """When a sender should try again."""

    @property
    def sentence(self) -> str:
        """What is wrong, without a full stop; it contains nothing of the statement, the address or the password."""
        return _SENTENCES[self.kind]


_SENTENCES: dict[Kind, str] = {
    "away": "The database does not answer",
    "busy": "The database is busy",
    "full": "The disk of the database is full",
    "read-only": "The database is read-only",
    "unreadable": "The database file cannot be read or written",
    "refused": "The database refuses the account or has no tables of this program",
}
_RETRY_AFTER_S: dict[Kind, int] = {
    # A restarted database is used again within two seconds.
    "away": 1,
    "busy": 2,
    "full": 10,
    "read-only": 10,
    "unreadable": 10,
    "refused": 10,
}
# By class, the first two characters, unless the whole code is in the next table.
_KIND_BY_SQLSTATE_CLASS: dict[str, Kind] = {
    "08": "away",
    "28": "refused",
    "3D": "refused",
    "40": "busy",
    "53": "busy",  # out of memory or of connections
    "55": "busy",
    "57": "away",
    "58": "unreadable",
    "F0": "unreadable",
    "XX": "unreadable",
}
_KIND_BY_SQLSTATE: dict[str, Kind] = {
    "25006": "read-only",  # after a failover the old primary is a standby
    "42501": "refused",
    "42703": "refused",
    "42P01": "refused",  # the tables are gone: another database, or one that is being restored
    "53100": "full",
    "57014": "busy",  # statement timeout
}
_KIND_BY_SQLITE_CODE: dict[int, Kind] = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_PROTOCOL: "busy",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_PERM: "read-only",
    sqlite3.SQLITE_AUTH: "refused",
    sqlite3.SQLITE_IOERR: "unreadable",
    sqlite3.SQLITE_CORRUPT: "unreadable",
    sqlite3.SQLITE_NOTADB: "unreadable",
    sqlite3.SQLITE_CANTOPEN: "unreadable",
    sqlite3.SQLITE_NOMEM: "busy",
}


def find_outage(error: BaseException) -> Outage | None:
    """The outage that an error of SQLAlchemy or of a driver reports; None when the statement itself is wrong."""
    kind = _find_kind(error)
    return None if kind is None else Outage(kind=kind, retry_after_s=_RETRY_AFTER_S[kind])


def describe_code(error: BaseException) -> str:
    """The class and the code of an error. Its message is left out, because drivers quote rows and values in it."""
    original = getattr(error, "orig", None) or error
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None)
    return f"{type(original).__name__} {code}" if code else type(original).__name__


def check(engine: sa.Engine) -> None:
    """Ask the database for an answer; raises an error of SQLAlchemy without one."""
    with engine.connect() as connection:
        connection.execute(sa.select(sa.literal(1)))


def check_writable(engine: sa.Engine) -> None:
    """Raise an error of SQLAlchemy when a migrated database accepts no write; the write of this check is rolled back."""
    # Taking the write lock alone succeeds on a file that SQLite opened read-only.
    with engine.connect() as connection:
        connection = connection.execution_options(**{WRITE_OPTION: True})
        with connection.begin() as transaction:
            connection.execute(sa.update(_VERSION).values(version_num=_VERSION.c.version_num))
            transaction.rollback()


def _find_kind(error: BaseException) -> Kind | None:
    if isinstance(error, sa.exc.TimeoutError):  # every connection of the pool is in use
        return "busy"
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    sqlstate = getattr(original, "sqlstate", None)
    if sqlstate:
        return _KIND_BY_SQLSTATE.get(sqlstate) or _KIND_BY_SQLSTATE_CLASS.get(sqlstate[:2])
    sqlite_code = getattr(original, "sqlite_errorcode", None)
    if sqlite_code is not None:
        if any(text in str(original) for text in ("no such table", "no such column", "has no column named")):
            return "refused"
        # The low byte is the primary code; the others tell its cause.
        return _KIND_BY_SQLITE_CODE.get(sqlite_code & 0xFF)
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return "away"
    if isinstance(error, sa.exc.OperationalError):
        # Without a code: the connection could not be opened, or ended.
        return "busy" if "is locked" in str(original) else "away"
    return None
