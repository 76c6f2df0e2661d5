"""Whether the demo is there, and who is writing it: one row of `saved_settings`, so that two writers never mix."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from db.transaction import writing
from genaiops_core import saved_settings

NAME = "demo"
_ABANDONED_AFTER_S = 10
"""A writer that has not been heard of for so long was killed; the next one starts over."""


def read(connection: sa.Connection) -> dict[str, Any] | None:
    """The row's value; it has `written_at` once the demo is complete, and `beat_at` while it is written."""
    return saved_settings.read(connection, NAME)


def take(engine: sa.Engine, seed: int) -> bool:
    """Become the one who writes the demo; waits while somebody else does.

    Returns:
        False when the demo is complete already.
    """
    while True:
        with writing(engine) as connection:
            value = saved_settings.claim(connection, NAME)
            if "written_at" in value:
                return False
            if not is_being_written(value):
                save(connection, {"seed": seed, "beat_at": time.time()})
                return True
        time.sleep(0.3)


def is_being_written(value: dict[str, Any]) -> bool:
    """Whether somebody is writing the demo at this moment."""
    return "written_at" not in value and time.time() - value.get("beat_at", 0.0) <= _ABANDONED_AFTER_S


def save(connection: sa.Connection, value: dict[str, Any]) -> None:
    """Write the row that `take` made."""
    saved_settings.write(connection, NAME, value)


def drop(connection: sa.Connection) -> None:
    """Forget the demo."""
    saved_settings.delete(connection, NAME)
