"""The state of the demo in a row of `saved_settings`; its lock admits a single writer."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from db.transaction import writing
from genaiops_core import saved_settings

NAME = "demo"
_ABANDONED_AFTER_S = 10
"""A writer without a heartbeat for this long is dead; the next writer starts over."""


def read(connection: sa.Connection) -> dict[str, Any] | None:
    """Read the row: `written_at` when the demo is complete, `beat_at` (the heartbeat) while it is written."""
    return saved_settings.read(connection, NAME)


def take(engine: sa.Engine, seed: int) -> bool:
    """Claim the demo for this writer; wait while another process writes it.

    Returns:
        False when the demo is complete.
    """
    while True:
        with writing(engine) as connection:
            value = saved_settings.claim(connection, NAME)
            if "written_at" in value:
                return False
            if not is_being_written(value):
                save(connection, {"seed": seed, "beat_at": time.time()})
                return True
        # Outside the transaction, so that the writer can renew its heartbeat.
        time.sleep(0.3)


def is_being_written(value: dict[str, Any]) -> bool:
    """Whether a process is writing the demo."""
    # A heartbeat in the future is none: the clock was set back.
    return "written_at" not in value and abs(time.time() - value.get("beat_at", 0.0)) <= _ABANDONED_AFTER_S


def save(connection: sa.Connection, value: dict[str, Any]) -> None:
    """Write the claimed row."""
    saved_settings.write(connection, NAME, value)


def release_claim(connection: sa.Connection) -> None:
    """Delete the row, as if the demo had never been written."""
    saved_settings.delete(connection, NAME)
