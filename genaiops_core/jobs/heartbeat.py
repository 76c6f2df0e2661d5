"""Workers say that they are alive; everyone else reads it."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from db.tables.access import worker
from db.transaction import insert, writing


def beat(engine: sa.Engine, executor_id: str, now: dt.datetime) -> None:
    """Note that `executor_id` was alive at `now`."""
    with writing(engine) as connection:
        statement = insert(connection, worker).values(executor_id=executor_id, beat_at=now, started_at=now)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["executor_id"], set_={"beat_at": statement.excluded.beat_at}
            )
        )


def latest(connection: sa.Connection) -> dt.datetime | None:
    """The last sign of life of any worker."""
    # MAX() loses the column's type, so the newest row is read instead.
    return connection.execute(sa.select(worker.c.beat_at).order_by(worker.c.beat_at.desc()).limit(1)).scalar()


def is_beating(connection: sa.Connection, now: dt.datetime, *, within_s: float = 15) -> bool:
    """Whether some worker was alive within the last `within_s` seconds."""
    last = latest(connection)
    return last is not None and (now - last).total_seconds() <= within_s
