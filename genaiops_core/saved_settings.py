"""Values that all processes of an installation share: one JSON object per name in the table `saved_settings`."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import saved_settings
from db.transaction import insert

Value = dict[str, Any]
_name = saved_settings.c.name


def read(connection: sa.Connection, name: str, *, lock: bool = False) -> Value | None:
    """Read the value of `name`; None when there is none. With `lock`, other writers wait for this transaction."""
    query = sa.select(saved_settings.c.value).where(_name == name)
    value: Value | None = connection.scalar(query.with_for_update() if lock else query)
    return value


def write(connection: sa.Connection, name: str, value: Value) -> None:
    """Insert or replace the value of `name`."""
    upsert = insert(connection, saved_settings).values(name=name, value=value)
    connection.execute(
        upsert.on_conflict_do_update(index_elements=[_name], set_={"value": upsert.excluded.value})
    )


def claim(connection: sa.Connection, name: str) -> Value:
    """Lock the value of `name` for this transaction; a missing one is inserted as an empty object.

    A missing row cannot be locked: without the insert, two callers would not wait for each other.
    """
    connection.execute(
        insert(connection, saved_settings).values(name=name, value={}).on_conflict_do_nothing()
    )
    return read(connection, name, lock=True) or {}


def delete(connection: sa.Connection, name: str) -> None:
    """Delete the value of `name`, if there is one."""
    connection.execute(sa.delete(saved_settings).where(_name == name))
