"""A cheap counter of commits, for loops that would otherwise read the same rows again."""

from __future__ import annotations

import sqlalchemy as sa

from db.engine import is_sqlite


class CommitCounter:
    """A number that changes with every commit of another connection; reading it takes microseconds.

    SQLite counts commits per database file (`PRAGMA data_version`). PostgreSQL has no counter cheaper than a query, so
    there the number is unknown and callers always read. Not thread-safe.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: sa.PoolProxiedConnection | None = None

    def value(self) -> int | None:
        """The current number, or None when unknown. Read it before the rows, so that no commit is missed."""
        if not is_sqlite(self._engine):
            return None
        if self._connection is None:
            # Detached from the pool, because numbers of different connections are not comparable.
            self._connection = self._engine.raw_connection()
            self._connection.detach()
        cursor = self._connection.cursor()
        try:
            cursor.execute("PRAGMA data_version")
            row = cursor.fetchone()
        finally:
            cursor.close()
        return None if row is None else int(row[0])

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
