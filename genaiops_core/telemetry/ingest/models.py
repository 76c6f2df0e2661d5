"""Model names in rollups: a limited number per application, so that no sender can flood them."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from db.tables.telemetry import rollup_model
from db.transaction import insert
from genaiops_core.telemetry.rollups.rollups import OTHER_MODEL


class ModelNames:
    """The admitted model names; cached by one writer, stored in table `rollup_model`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted: dict[str, set[str]] = {}

    def resolve(
        self, connection: sa.Connection, pairs: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], str]:
        """Map (application, model) to the name in rollups: its own below the limit, else `other`."""
        result = {}
        # Sorted, so that writers insert in one order and a batch admits the same names on every database.
        for application, model in sorted(pairs):
            admitted = self._admitted.get(application)
            if admitted is None or model not in admitted:
                admitted = self._admit(connection, application, model)
            result[application, model] = model if model in admitted else OTHER_MODEL
        return result

    def forget(self) -> None:
        """Clear the cache after a rollback, which also removed the names it admitted."""
        self._admitted.clear()

    def _admit(self, connection: sa.Connection, application: str, model: str) -> set[str]:
        stored = self._admitted.get(application)
        # A full set admits nothing more, so a flood of new names costs no query.
        if stored is not None and len(stored) >= self._limit:
            return stored
        stored = set(
            connection.execute(
                sa.select(rollup_model.c.model).where(rollup_model.c.application == application)
            ).scalars()
        )
        # Two writers may each admit a last name; the limit is then exceeded by a few, which does no harm.
        if model not in stored and len(stored) < self._limit:
            connection.execute(
                insert(connection, rollup_model)
                .values(application=application, model=model)
                .on_conflict_do_nothing()
            )
            stored.add(model)
        self._admitted[application] = stored
        return stored
