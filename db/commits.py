"""A cheap answer to "was anything committed since the last look?" for loops that would read the same rows again."""

from __future__ import annotations

import sqlalchemy as sa

from db.engine import is_sqlite


class CommitCounter:
    """A number that another connection's commit changes, read on a connection of its own in microseconds.

    SQLite counts commits per database file (`PRAGMA data_version`). PostgreSQL has no counter cheaper than a query, so
    there the number is unknown and callers always read. Use it from one thread at a time.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: sa.PoolProxiedConnection | None = None

    def value(self) -> int | None:
        """The number now; None where it is unknown. Read it before the rows it stands for."""
        if not is_sqlite(self._engine):
            return None
        if self._connection is None:
            # Detached: the pool neither counts nor reuses it, so the number stays comparable.
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
