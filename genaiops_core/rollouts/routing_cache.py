"""A copy of the routing tables in memory; a thread polls the database for changes."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

import sqlalchemy as sa

from db.commits import CommitCounter
from db.transaction import reading
from genaiops_core import outages
from genaiops_core.logs import get_logger
from genaiops_core.rollouts import routing_store
from genaiops_core.rollouts.routing import RoutingTable

POLL_S = 0.25
"""Interval of the polls. A change applies after this time and one query, within the documented second."""

Prepared = TypeVar("Prepared")

_log = get_logger(__name__)


class RoutingCache(Generic[Prepared]):
    """Holds the result of `prepare(table)` for every application.

    While the database cannot be reached, the last known tables are used, and the first failure is logged.
    """

    def __init__(self, engine: sa.Engine, prepare: Callable[[RoutingTable], Prepared]) -> None:
        self._engine = engine
        self._prepare = prepare
        self._stamps: dict[str, tuple[int, dt.datetime]] = {}
        self._commits = CommitCounter(engine)
        self._seen_commits: int | None = None
        # Replaced as a whole, never changed: readers need no lock.
        self._prepared: Mapping[str, Prepared] = MappingProxyType({})
        self._refreshing = threading.Lock()
        self._stopping = threading.Event()
        # A daemon, so that a process that fails to stop it can still end.
        self._thread = threading.Thread(target=self._follow, name="routing-follower", daemon=True)

    @property
    def by_application(self) -> Mapping[str, Prepared]:
        """The prepared tables by application."""
        return self._prepared

    def start(self) -> None:
        """Load every table, then start the thread. Errors of the database are raised, because no table is known yet."""
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._commits.close()

    def refresh(self) -> None:
        """Load the tables that have changed since the last call."""
        with self._refreshing:
            # Read before the tables: a commit between the two changes the counter and is loaded next time.
            commits = self._commits.value()
            if commits is not None and commits == self._seen_commits:
                return
            with reading(self._engine) as connection:
                self._load_changes(connection)
            self._seen_commits = commits

    def _load_changes(self, connection: sa.Connection) -> None:
        stamps = routing_store.stamps(connection)
        if stamps == self._stamps:
            return
        changed = [name for name, stamp in stamps.items() if self._stamps.get(name) != stamp]
        fresh = {table.application: self._prepare(table) for table in routing_store.load(connection, changed)}
        known_tables = {name: prepared for name, prepared in self._prepared.items() if name in stamps}
        self._prepared = MappingProxyType(known_tables | fresh)
        # After the tables: if loading fails, the next refresh sees the change again.
        self._stamps = stamps

    def _follow(self) -> None:
        is_failing = False
        while not self._stopping.wait(POLL_S):
            try:
                self.refresh()
            except Exception as error:
                is_outage = outages.find_unavailable(error) is not None
                if not is_outage and not is_failing:
                    _log.warning(
                        "routing tables cannot be refreshed; the last known tables are used", exc_info=error
                    )
                is_failing = True
            else:
                outages.process_log.clear(is_write=False)
                if is_failing:
                    _log.info("routing tables are refreshed again")
                is_failing = False
