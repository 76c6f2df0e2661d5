"""Closing while ingest writes, and two workers closing at once: nothing is lost, nothing counted twice."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from db.tables.telemetry import application, dirty_hour
from db.transaction import reading, writing
from genaiops_core.telemetry.rollups import closing
from genaiops_core.telemetry.rollups.closing import close_hours
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import queries
from tests.integration.traffic import DAY, Call, write_calls
from tests.waiting import LIMIT_S

HOUR = dt.timedelta(hours=1)
LATER = DAY + dt.timedelta(days=3)
WINDOW = Filters(start=DAY, end=DAY + dt.timedelta(days=1))


def test_concurrent_writers_and_closers_lose_nothing(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(
            application.insert(), {"application": "shop", "is_demo": False, "first_seen_at": DAY}
        )
    stop = threading.Event()

    def write(shard: int) -> int:
        written = 0
        for turn in range(40):
            calls = [Call(at=DAY + ((turn + step) % 6) * HOUR) for step in range(3)]
            with writing(engine) as connection:
                write_calls(connection, sorted(calls, key=lambda call: call.at), shard=shard)
            written += 3
        return written

    def close() -> None:
        while not stop.is_set():
            close_hours(engine, LATER)
            with reading(engine) as connection:
                seen.append(queries.read_summary(connection, WINDOW).calls)

    seen: list[int] = []
    with ThreadPoolExecutor(4) as pool:
        closers = [pool.submit(close) for _ in range(2)]
        writers = [pool.submit(write, shard) for shard in range(2)]
        written = sum(writer.result(timeout=LIMIT_S) for writer in writers)
        stop.set()
        for closer in closers:
            closer.result(timeout=LIMIT_S)
    assert max(seen) <= written
    close_hours(engine, LATER)
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(dirty_hour)) == 0
        assert queries.read_summary(connection, WINDOW).calls == written


def test_batch_committed_during_closing_leaves_a_correct_hour(engine: sa.Engine) -> None:
    """On PostgreSQL the closer waits for the open batch; on SQLite it cannot begin before the batch ends."""
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY)])
    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            write_calls(connection, [Call(at=DAY)])
            closing_now = pool.submit(close_hours, engine, LATER)
            assert not closing_now.done()
        closing_now.result(timeout=LIMIT_S)
    with reading(engine) as connection:
        assert queries.read_summary(connection, WINDOW).calls == 2
    close_hours(engine, LATER)
    with reading(engine) as connection:
        assert queries.read_summary(connection, WINDOW).calls == 2


def test_second_closer_does_nothing(engine: sa.Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # writers take turns there
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY)])
    with writing(engine) as connection:
        assert closing.try_lock(connection, closing._ADVISORY_LOCK)
        assert close_hours(engine, LATER).hours == 0
    assert close_hours(engine, LATER).hours == 1
