"""The group-commit writer: neighbours survive a bad batch, busy is told as busy, and stopping writes what waits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from db.tables.telemetry import span
from db.transaction import reading, writing
from genaiops_core.errors import Unavailable
from genaiops_core.telemetry.ingest.ingest import Ingestor
from genaiops_core.telemetry.ingest.writer import Writer
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.spans import Batch, prepare_spans
from tests.otlp_samples import body, call
from tests.waiting import LIMIT_S


def batch(number: int) -> Batch:
    return prepare_spans(decode_json(body(call(number, name=f"batch {number}"))))


def fetch_span_names(engine: sa.Engine) -> list[str]:
    with reading(engine) as connection:
        return sorted(connection.execute(sa.select(span.c.name)).scalars())


class RecordingIngestor(Ingestor):
    """The real ingestor, with a note of every group it was given and orders to fail."""

    def __init__(self, fail: dict[str, list[Exception]] | None = None) -> None:
        super().__init__()
        self.fail = fail or {}
        self.groups: list[int] = []

    def write(self, engine: sa.Engine, batches: Sequence[Batch]) -> int:
        self.groups.append(len(batches))
        for item in batches:
            errors = self.fail.get(item.spans[0].name)
            if errors:
                raise errors.pop(0)
        return super().write(engine, batches)


def build_lock_error() -> Exception:
    return sa.exc.OperationalError("INSERT", {}, Exception("database is locked"))


def build_deadlock_error() -> Exception:
    cause = Exception("deadlock detected")
    cause.sqlstate = "40P01"  # type: ignore[attr-defined]
    return sa.exc.OperationalError("INSERT", {}, cause)


def test_waiting_batches_share_a_transaction(engine: sa.Engine) -> None:
    ingestor = RecordingIngestor()
    writer = Writer(engine, ingestor, queue_batches=8)
    futures = [writer.submit(batch(n)) for n in range(1, 5)]
    writer.start()
    assert [future.result(LIMIT_S) for future in futures] == [1, 1, 1, 1]
    assert ingestor.groups == [4]
    assert len(fetch_span_names(engine)) == 4
    writer.stop()


def test_bad_batch_fails_alone(engine: sa.Engine) -> None:
    ingestor = RecordingIngestor(fail={"batch 2": [ValueError("bad"), ValueError("bad")]})
    writer = Writer(engine, ingestor, queue_batches=8)
    futures = [writer.submit(batch(n)) for n in range(1, 4)]
    writer.start()
    assert futures[0].result(LIMIT_S) == futures[2].result(LIMIT_S) == 1
    with pytest.raises(ValueError, match="bad"):
        futures[1].result(LIMIT_S)
    assert fetch_span_names(engine) == ["batch 1", "batch 3"]
    writer.stop()


def test_busy_database_fails_fast_and_writer_recovers(sqlite_engine: sa.Engine) -> None:
    ingestor = RecordingIngestor(fail={"batch 1": [build_lock_error()]})
    writer = Writer(sqlite_engine, ingestor, queue_batches=8)
    writer.start()
    with pytest.raises(Unavailable, match="busy"):
        writer.submit(batch(1)).result(LIMIT_S)
    assert writer.submit(batch(1)).result(LIMIT_S) == 1
    assert fetch_span_names(sqlite_engine) == ["batch 1"]
    writer.stop()


def test_database_locked_by_another_process_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.SQLITE_BUSY_TIMEOUT_MS", 200)
    engine = make_engine(f"sqlite:///{tmp_path}/held.db")
    upgrade(engine)
    writer = Writer(engine, Ingestor(), queue_batches=8)
    writer.start()
    with writing(engine), pytest.raises(Unavailable, match="busy"):
        writer.submit(batch(1)).result(LIMIT_S)
    assert writer.submit(batch(1)).result(LIMIT_S) == 1
    assert fetch_span_names(engine) == ["batch 1"]
    writer.stop()
    engine.dispose()


def test_deadlock_victim_is_retried(engine: sa.Engine) -> None:
    ingestor = RecordingIngestor(
        fail={
            "batch 1": [build_deadlock_error(), build_deadlock_error()],
            "batch 2": [build_deadlock_error() for _ in range(9)],
        }
    )
    writer = Writer(engine, ingestor, queue_batches=8)
    writer.start()
    assert writer.submit(batch(1)).result(LIMIT_S) == 1
    with pytest.raises(Unavailable, match="busy"):
        writer.submit(batch(2)).result(LIMIT_S)
    assert fetch_span_names(engine) == ["batch 1"]
    writer.stop()


def test_cancelled_sender_does_not_stop_the_writer(sqlite_engine: sa.Engine) -> None:
    writer = Writer(sqlite_engine, Ingestor(), queue_batches=8)
    gone, staying = writer.submit(batch(1)), writer.submit(batch(2))
    assert gone.cancel()
    writer.start()
    assert staying.result(LIMIT_S) == 1
    assert fetch_span_names(sqlite_engine) == ["batch 2"]
    writer.stop()


def test_stop_writes_waiting_batches_and_accepts_no_more(sqlite_engine: sa.Engine) -> None:
    writer = Writer(sqlite_engine, Ingestor(), queue_batches=8)
    futures = [writer.submit(batch(n)) for n in range(1, 4)]
    writer.start()
    writer.stop()
    assert [future.result(0) for future in futures] == [1, 1, 1]
    with pytest.raises(Unavailable):
        writer.reserve()


def test_queue_slots_are_limited_and_released(sqlite_engine: sa.Engine) -> None:
    writer = Writer(sqlite_engine, Ingestor(), queue_batches=1)
    writer.reserve()
    with pytest.raises(Unavailable, match="1 batches are waiting"):
        writer.reserve()
    writer.release()
    writer.reserve()
