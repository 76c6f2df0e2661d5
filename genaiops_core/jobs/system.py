"""The job engine: DBOS on its own system database, with explicit settings where its defaults do not fit."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from db.engine import SQLITE_BUSY_TIMEOUT_MS
from db.private_files import create_private_file
from genaiops_core import outages

APPLICATION_VERSION = "genaiops-2"
"""Fixed: the default is a hash of the code, so that work started before a deployment would not continue after it.
Raise it only with a workflow that cannot continue the work of its previous version."""

QUEUE = "evaluations"
RUNS_AT_ONCE = 4
"""Runs whose parts a worker enqueues at the same time."""

PARTS_QUEUE = "evaluation parts"
PARTS_AT_ONCE = 4
"""Parts of one run that a worker scores at the same time; so that a later run does not wait for an earlier one."""
MOST_PARTS_AT_ONCE = 12
"""Parts of all runs."""

POLL_SECONDS = 0.5
PARTS_POLL_SECONDS = 0.25


class Stopped(Exception):
    """This process's job engine has stopped."""


def system_url(url: str) -> sa.URL:
    """Database of the job engine: jobs.db beside the SQLite file, or schema dbos in PostgreSQL."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database, "the worker needs a database file"
        return parsed.set(database=str(Path(parsed.database).with_name("jobs.db")))
    return parsed.set(drivername="postgresql+psycopg")


def system_engine(url: sa.URL) -> sa.Engine:
    """An engine for the job engine's tables.

    It differs from the product's engine: on SQLite the job engine needs the driver's transactions, and a function of
    SQLite 3.42, which Debian 12 does not have.
    """
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_size=8, max_overflow=4, pool_pre_ping=True, hide_parameters=True)
    create_private_file(Path(url.database or ""))
    engine = sa.create_engine(url, pool_size=8, max_overflow=4, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        if sqlite3.sqlite_version_info < (3, 42):
            connection.create_function("unixepoch", -1, _unixepoch)
        connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


class _OutageFilter(logging.Filter):
    """Drops what the job engine logs about an outage, with a traceback for each of its threads several times a second.

    The tasks of the worker report the same outage once (`outages`).
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return outages.process_log.find_recent() is None and "OperationalError" not in record.getMessage()


class JobEngine:
    """The job engine of this process; it runs only while there is work for it.

    Its threads poll the database several times a second, which takes a few per cent of a core even without work.
    Every caller holds `lock`, so that the engine is not paused during the call.
    """

    def __init__(self, url: str, executor_id: str) -> None:
        """Create it without a launch; register the workflows, then call `start`."""
        # Reentrant, because `start` is called with the lock held, too.
        self.lock = threading.RLock()
        self._url = system_url(url)
        self._executor_id = executor_id
        self._engine: sa.Engine | None = None
        self._is_stopped = False

    @property
    def is_running(self) -> bool:
        """Whether it takes work from its queues."""
        return self._engine is not None

    def start(self) -> None:
        """Launch it and take work from the queues; no effect when it is running.

        Raises:
            Stopped: `stop` was called.
        """
        from dbos import DBOS, DBOSPortableJSONSerializer

        with self.lock:
            if self._is_stopped:
                raise Stopped
            if self._engine is not None:
                return
            engine = system_engine(self._url)
            engine_log = logging.getLogger("dbos")
            if not any(isinstance(known, _OutageFilter) for known in engine_log.filters):
                engine_log.addFilter(_OutageFilter())
            DBOS(
                config={
                    "name": "genaiops",
                    "system_database_url": self._url.render_as_string(hide_password=False),
                    "system_database_engine": engine,
                    "application_version": APPLICATION_VERSION,
                    "executor_id": self._executor_id,
                    # The default is pickle: a user who can write the table could run code in the worker.
                    "serializer": DBOSPortableJSONSerializer(),
                    "log_level": "WARNING",
                    # A run holds a thread while it waits for its parts; with fewer threads runs could block them.
                    "max_executor_threads": RUNS_AT_ONCE + MOST_PARTS_AT_ONCE,
                    # No workflow has a schedule.
                    "scheduler_polling_interval_sec": 30.0,
                }
            )
            try:
                DBOS.launch()
                self._register_queues()
            except BaseException:
                # A partly launched engine would refuse every later launch.
                DBOS.destroy()
                engine.dispose()
                raise
            self._engine = engine

    @staticmethod
    def _register_queues() -> None:
        from dbos import DBOS

        DBOS.register_queue(QUEUE, worker_concurrency=RUNS_AT_ONCE, polling_interval_sec=POLL_SECONDS)
        DBOS.register_queue(
            PARTS_QUEUE,
            worker_concurrency=MOST_PARTS_AT_ONCE,
            partition_worker_concurrency=PARTS_AT_ONCE,
            polling_interval_sec=PARTS_POLL_SECONDS,
        )

    def pause(self) -> None:
        """Stop its threads until the next `start`; only while no workflow is running."""
        from dbos import DBOS

        with self.lock:
            if self._engine is None:
                return
            DBOS.destroy()
            self._engine.dispose()
            self._engine = None

    def stop(self) -> None:
        """Stop permanently; another worker continues running workflows at their last step.

        Threads in a step can no longer connect to the database, so they neither wait nor record a result.
        """
        from dbos import DBOS

        with self.lock:
            self._is_stopped = True
            if self._engine is None:
                return
            # A step that is running loses its engine on purpose, so its errors are not logged.
            logging.getLogger("dbos").setLevel(logging.CRITICAL + 1)

            DBOS.destroy()

            @event.listens_for(self._engine, "engine_connect")
            def _refuse(_connection: sa.Connection) -> None:
                raise Stopped

            self._engine.dispose()


def _unixepoch(*arguments: str) -> float:
    """SQLite's unixepoch() for the two forms that the job engine uses: now, and now with fractions."""
    if arguments and arguments[0] in ("subsec", "subsecond"):
        return time.time()
    if not arguments:
        return int(time.time())
    raise ValueError(f"unixepoch{arguments} is not supported")
