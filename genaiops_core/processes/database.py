"""The database before a process starts: migrated and writable, or an error that the command explains in a sentence."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from db.engine import make_engine
from db.migrate import upgrade
from db.outage import check_writable, find_outage


def open_database(url: str) -> None:
    """Migrate the database, and check that it accepts writes; raises its error."""
    engine = make_engine(url)
    try:
        upgrade(engine)
        check_writable(engine)
    except DBAPIError as error:
        outage = find_outage(error)
        # Another process is writing; the server waits for it.
        if outage is None or outage.kind != "busy":
            raise
    finally:
        engine.dispose()
