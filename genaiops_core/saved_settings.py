"""Small facts that all processes of one installation share: one JSON object a name, in the table `saved_settings`."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import saved_settings
from db.transaction import insert

Value = dict[str, Any]
_name = saved_settings.c.name


def read(connection: sa.Connection, name: str, *, lock: bool = False) -> Value | None:
    """The value under `name`; None when there is none. With `lock`, other writers of it wait for this transaction."""
    query = sa.select(saved_settings.c.value).where(_name == name)
    value: Value | None = connection.scalar(query.with_for_update() if lock else query)
    return value


def write(connection: sa.Connection, name: str, value: Value) -> None:
    """Set the value under `name`, whether there was one or not."""
    upsert = insert(connection, saved_settings).values(name=name, value=value)
    connection.execute(
        upsert.on_conflict_do_update(index_elements=[_name], set_={"value": upsert.excluded.value})
    )


def claim(connection: sa.Connection, name: str) -> Value:
    """Lock the value under `name` for this transaction; an empty one is made when there is none.

    A row that is not there cannot be locked, so two claimers of a new name would not wait for each other.
    """
    connection.execute(
        insert(connection, saved_settings).values(name=name, value={}).on_conflict_do_nothing()
    )
    return read(connection, name, lock=True) or {}


def delete(connection: sa.Connection, name: str) -> None:
    """Remove the value under `name`, if there is one."""
    connection.execute(sa.delete(saved_settings).where(_name == name))
