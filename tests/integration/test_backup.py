"""A backup restores everywhere, refuses what it cannot restore, and leaves nothing half-done."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.backup import BackupError, backup, restore
from db.engine import make_engine
from db.migrate import upgrade
from db.tables import metadata, telemetry
from db.tables.rollouts import incident
from db.transaction import reading, writing
from genaiops_core.access import audit


def fill(engine: sa.Engine) -> None:
    now = dt.datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=dt.UTC)
    with writing(engine) as connection:
        connection.execute(
            sa.insert(telemetry.application).values(application="bot", is_demo=False, first_seen_at=now)
        )
        connection.execute(
            sa.insert(telemetry.payload).values(
                application="bot", trace_id="ab" * 16, spans_zstd=b"\x00\xff\x01", start_ns=0
            )
        )
        connection.execute(
            sa.insert(incident).values(
                application="bot",
                title="über",
                severity="high",
                state="open",
                opened_by="ada",
                opened_at=now,
                resolution="",
                trigger="manual",
                metrics={},
                steps=[],
            )
        )
        audit.record(connection, actor="ada", action="test", subject="bot", before=None, after={"a": 1})


def contents(engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
    with reading(engine) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table))]
            for table in metadata.sorted_tables
        }


def test_round_trip_into_both_databases(engine: sa.Engine, tmp_path: Path, postgres_server: sa.URL) -> None:
    fill(engine)
    file = tmp_path / "saved.zst"
    report = backup(engine, file)
    target = make_engine(f"sqlite:///{tmp_path}/target.db")
    upgrade(target)
    assert restore(target, file).rows == report.rows == 5
    assert contents(target) == contents(engine)
    assert audit.verify(target).is_intact
    target.dispose()


def test_new_rows_get_new_ids_after_a_restore(
    sqlite_engine: sa.Engine, engine: sa.Engine, tmp_path: Path
) -> None:
    fill(sqlite_engine)
    backup(sqlite_engine, tmp_path / "saved.zst")
    restore(engine, tmp_path / "saved.zst")
    with writing(engine) as connection:
        connection.execute(
            sa.insert(telemetry.payload).values(
                application="bot", trace_id="cd" * 16, spans_zstd=b"", start_ns=0
            )
        )
        assert sorted(connection.execute(sa.select(telemetry.payload.c.id)).scalars()) == [1, 2]


def test_a_database_with_rows_is_not_overwritten(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    fill(sqlite_engine)
    backup(sqlite_engine, tmp_path / "saved.zst")
    with pytest.raises(BackupError, match="not empty"):
        restore(sqlite_engine, tmp_path / "saved.zst")


def test_a_cut_file_restores_nothing(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    fill(sqlite_engine)
    backup(sqlite_engine, tmp_path / "saved.zst")
    whole = (tmp_path / "saved.zst").read_bytes()
    (tmp_path / "cut.zst").write_bytes(whole[: len(whole) - 20])
    target = make_engine(f"sqlite:///{tmp_path}/target.db")
    upgrade(target)
    with pytest.raises(BackupError):
        restore(target, tmp_path / "cut.zst")
    assert not any(contents(target).values())
    target.dispose()


def test_another_file_is_refused_with_a_sentence(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("hello")
    with pytest.raises(BackupError, match="not a backup"):
        restore(sqlite_engine, tmp_path / "other")
