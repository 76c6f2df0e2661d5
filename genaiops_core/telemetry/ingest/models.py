"""Which model names rollups keep apart: a limited number per application, so that no sender can flood them."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from db.tables.telemetry import rollup_model
from db.transaction import insert
from genaiops_core.telemetry.rollups.rollups import OTHER_MODEL


class ModelNames:
    """The names admitted so far, remembered by one writer and kept in table `rollup_model`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted: dict[str, set[str]] = {}

    def names(
        self, connection: sa.Connection, wanted: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], str]:
        """(application, model) -> the name to roll up under: its own while there is room, else `other`."""
        result = {}
        for application, model in sorted(wanted):
            admitted = self._admitted.get(application)
            if admitted is None or model not in admitted:
                admitted = self._admit(connection, application, model)
            result[application, model] = model if model in admitted else OTHER_MODEL
        return result

    def forget(self) -> None:
        """The transaction that admitted names was rolled back: read them again."""
        self._admitted.clear()

    def _admit(self, connection: sa.Connection, application: str, model: str) -> set[str]:
        known = self._admitted.get(application)
        if known is not None and len(known) >= self._limit:
            return known
        known = set(
            connection.execute(
                sa.select(rollup_model.c.model).where(rollup_model.c.application == application)
            ).scalars()
        )
        if model not in known and len(known) < self._limit:
            connection.execute(
                insert(connection, rollup_model)
                .values(application=application, model=model)
                .on_conflict_do_nothing()
            )
            known.add(model)
        self._admitted[application] = known
        return known
