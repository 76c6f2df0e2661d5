"""Heartbeats of workers, and which workers are alive; independent of the job engine."""

from __future__ import annotations

import datetime as dt
import os
import socket

import sqlalchemy as sa

from db.tables.access import worker
from db.transaction import insert, writing
from genaiops_core import outages

BEAT_SECONDS = 2.0
DEAD_AFTER_SECONDS = 15.0

GONE_AFTER_SECONDS = 4.0
"""Shorter limit for a process of this machine that no longer exists, so that its runs continue sooner."""

AHEAD_SECONDS = DEAD_AFTER_SECONDS
"""How far the clock of another host may be ahead. A heartbeat further in the future is none: the clock was set back."""


def new_executor_id(now: dt.datetime) -> str:
    """The id of this process: host, process id and start time."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{int(now.timestamp())}"


def is_gone(executor_id: str) -> bool:
    """Whether `executor_id` was a process of this machine that no longer exists."""
    host, _, rest = executor_id.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname()[:60] or not pid.isdigit():
        return False
    try:
        # Signal 0 only checks whether the process exists.
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    # The process exists but belongs to another user.
    except OSError:
        return False
    return False


def beat(engine: sa.Engine, executor_id: str, now: dt.datetime) -> None:
    """Record a heartbeat of `executor_id`."""
    with writing(engine) as connection:
        statement = insert(connection, worker).values(executor_id=executor_id, beat_at=now, started_at=now)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["executor_id"], set_={"beat_at": statement.excluded.beat_at}
            )
        )
    outages.process_log.clear(is_write=True)


def forget(engine: sa.Engine, executor_id: str) -> None:
    """Delete a stopped worker, so that its work is taken over at once."""
    with writing(engine) as connection:
        connection.execute(sa.delete(worker).where(worker.c.executor_id == executor_id))


def alive_workers(connection: sa.Connection, now: dt.datetime) -> set[str]:
    """The live workers, whose work no other worker may take over."""
    executor_ids: set[str] = set()
    for row in connection.execute(sa.select(worker.c.executor_id, worker.c.beat_at)):
        silence_s = (now - row.beat_at).total_seconds()
        if not -AHEAD_SECONDS <= silence_s <= DEAD_AFTER_SECONDS:
            continue
        if not 0 <= silence_s <= GONE_AFTER_SECONDS and is_gone(row.executor_id):
            continue
        executor_ids.add(row.executor_id)
    return executor_ids


def last_heartbeat(connection: sa.Connection, now: dt.datetime) -> dt.datetime | None:
    """The last heartbeat of any worker, without those in the future."""
    # MAX() loses the column's type, so the newest row is read instead.
    return connection.execute(
        sa.select(worker.c.beat_at)
        .where(worker.c.beat_at <= now + dt.timedelta(seconds=AHEAD_SECONDS))
        .order_by(worker.c.beat_at.desc())
        .limit(1)
    ).scalar()


def is_beating(connection: sa.Connection, now: dt.datetime, *, within_s: float = DEAD_AFTER_SECONDS) -> bool:
    """Whether a worker sent a heartbeat within the last `within_s` seconds."""
    last = last_heartbeat(connection, now)
    return last is not None and (now - last).total_seconds() <= within_s


def explain_missing_heartbeat(connection: sa.Connection, now: dt.datetime) -> str:
    """A sentence about the heartbeat that is missing, and the next command."""
    newest = connection.execute(
        sa.select(worker.c.beat_at).order_by(worker.c.beat_at.desc()).limit(1)
    ).scalar()
    if newest is not None and (ahead_s := (newest - now).total_seconds()) > AHEAD_SECONDS:
        return (
            f"The newest heartbeat of a worker is {ahead_s:,.0f} s in the future and is ignored: the clock was set back, "
            "or the clocks of two hosts differ. Synchronize the clocks, and start genaiops worker if none runs."
        )
    if newest is None:
        return "No worker sends heartbeats. Start one with genaiops worker."
    return f"The last heartbeat of a worker is {(now - newest).total_seconds():,.0f} s old. Start genaiops worker."
