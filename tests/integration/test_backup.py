"""A backup restores everywhere, refuses what it cannot restore, and leaves nothing half-done."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
import zstandard
from typer.testing import CliRunner

from db import backup_file
from db.backup import BackupError, backup, restore
from db.backup_file import read_lines
from db.engine import make_engine
from db.migrate import upgrade
from db.tables import metadata, telemetry
from db.tables.rollouts import incident
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.cli.main import app
from genaiops_core.errors import BadInput
from genaiops_core.rollouts import routing_store
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import quality, queries


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


def figures(engine: sa.Engine) -> dict[str, object]:
    """What screens show: traffic, money and quality by application, and the routing tables."""
    filters = Filters(
        start=dt.datetime(2000, 1, 1, tzinfo=dt.UTC), end=dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    )
    with reading(engine) as connection:
        return {
            "summary": queries.read_summary(connection, filters),
            "breakdown": queries.read_breakdown(connection, filters, ("application", "model")),
            # The order of rows, and with it the last digit of a sum, belongs to the database.
            "quality": [
                {
                    name: round(value, 9) if isinstance(value, float) else value
                    for name, value in dataclasses.asdict(metric).items()
                }
                for metric in quality.read_quality(connection, filters)
            ],
            "routing": routing_store.load(connection),
        }


@pytest.fixture
def empty_target(engine: sa.Engine, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty database of each kind, to which every refused file is restored."""
    yield engine
    assert not any(contents(engine).values())


def write_first_format(file: Path, lines: list[Any]) -> None:
    """A backup without checksums, as older versions wrote it."""
    text = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
    file.write_bytes(zstandard.ZstdCompressor(level=6).compress(text))


@pytest.fixture
def demo_backup(demo_file: Path, tmp_path: Path) -> Path:
    source = make_engine(f"sqlite:///{demo_file}")
    backup(source, tmp_path / "demo.zst")
    source.dispose()
    return tmp_path / "demo.zst"


def test_every_changed_bit_is_refused(empty_target: sa.Engine, demo_backup: Path, tmp_path: Path) -> None:
    whole = demo_backup.read_bytes()
    damaged = tmp_path / "damaged.zst"
    draw = random.Random(10)
    # Every bit of the beginning and of the end, which contain the fixed fields, and bits of the contents.
    edges = [*range(8 * 64), *range(8 * (len(whole) - 48), 8 * len(whole))]
    for bit in edges[::7] + draw.sample(range(8 * len(whole)), 60):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        damaged.write_bytes(changed)
        with pytest.raises(BackupError, match=r"byte|part|not a backup"):
            restore(empty_target, damaged)


@pytest.mark.parametrize("change", ["cut", "doubled", "exchanged", "repeated", "missing", "longer", "empty"])
def test_a_changed_order_or_length_is_refused(
    change: str, empty_target: sa.Engine, sqlite_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(backup_file, "CHUNK_BYTES", 200)
    source = make_engine(f"sqlite:///{tmp_path}/source.db")
    upgrade(source)
    fill(source)
    backup(source, tmp_path / "saved.zst")
    source.dispose()
    whole = (tmp_path / "saved.zst").read_bytes()
    start, size = len(backup_file.MAGIC), 200 + 36
    first, second = whole[start : start + size], whole[start + size : start + 2 * size]
    head, rest = whole[:start], whole[start + 2 * size :]
    assert rest
    content = {
        "cut": whole[:-20],
        "doubled": whole * 2,
        "exchanged": head + second + first + rest,
        "repeated": head + first + first + second + rest,
        "missing": head + second + rest,
        "longer": whole + b"x",
        "empty": b"",
    }[change]
    (tmp_path / "changed.zst").write_bytes(content)
    with pytest.raises(BackupError, match="damaged"):
        restore(empty_target, tmp_path / "changed.zst")


def test_a_backup_without_checksums_says_so(
    sqlite_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sqlite_engine)
    backup(sqlite_engine, tmp_path / "saved.zst")
    header, *rest = read_lines(tmp_path / "saved.zst")
    write_first_format(tmp_path / "older.zst", [{**header, "format": 1}, *rest])
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", f"sqlite:///{tmp_path}/target.db")
    result = CliRunner().invoke(app, ["db", "restore", str(tmp_path / "older.zst"), "--json"])
    assert result.exit_code == 0
    assert "no checksums" in result.stderr
    assert "cannot be detected" in result.stderr
    assert not orjson.loads(result.stdout)["has_checksum"]
    target = make_engine(f"sqlite:///{tmp_path}/target.db")
    assert contents(target) == contents(sqlite_engine)
    target.dispose()


FIRST_FORMAT_FAULTS = {
    "unknown table": lambda lines: [*lines[:1], {"table": "nothing", "columns": []}, *lines[1:]],
    "doubled": lambda lines: [*lines, *lines],
    "table twice": lambda lines: [*lines[:-1], lines[1], lines[-1]],
    "table missing": lambda lines: [lines[0], *lines[2:]],
    "other columns": lambda lines: [lines[0], {**lines[1], "columns": ["x"]}, *lines[2:]],
    "no columns": lambda lines: [lines[0], {"table": lines[1]["table"]}, *lines[2:]],
    "row before tables": lambda lines: [lines[0], [1], *lines[1:]],
    "short row": lambda lines: [*lines[:-1], [1], lines[-1]],
    "other value": lambda lines: [*lines[:-1], 5, lines[-1]],
    "empty object": lambda lines: [*lines[:-1], {}, lines[-1]],
    "end without rows": lambda lines: [*lines[:-1], {"end": True}],
    "other number of rows": lambda lines: [*lines[:-1], {"end": True, "rows": 1}],
    "without end": lambda lines: lines[:-1],
    "header only": lambda lines: lines[:1],
    "without header": lambda lines: lines[1:],
    "header of another format": lambda lines: [{**lines[0], "format": 2}, *lines[1:]],
}


@pytest.mark.parametrize("fault", FIRST_FORMAT_FAULTS)
def test_faults_of_the_first_format_are_named(fault: str, sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    source = make_engine(f"sqlite:///{tmp_path}/source.db")
    upgrade(source)
    fill(source)
    backup(source, tmp_path / "saved.zst")
    source.dispose()
    header, *rest = read_lines(tmp_path / "saved.zst")
    lines = [{**header, "format": 1}, *rest]
    write_first_format(tmp_path / "older.zst", FIRST_FORMAT_FAULTS[fault](lines))
    with pytest.raises(BackupError, match=r"line|truncated"):
        restore(sqlite_engine, tmp_path / "older.zst")
    assert not any(contents(sqlite_engine).values())


def test_a_damaged_first_format_never_ends_in_a_bug(empty_target: sa.Engine, tmp_path: Path) -> None:
    source = make_engine(f"sqlite:///{tmp_path}/source.db")
    upgrade(source)
    fill(source)
    backup(source, tmp_path / "saved.zst")
    source.dispose()
    header, *rest = read_lines(tmp_path / "saved.zst")
    lines = [{**header, "format": 1}, *rest]
    text = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
    row_at = text.index(b'["bot"')
    draw = random.Random(4)
    for _ in range(150):
        changed = bytearray(text)
        changed[draw.randrange(row_at, len(text))] ^= 1 << draw.randrange(8)
        (tmp_path / "older.zst").write_bytes(zstandard.ZstdCompressor().compress(bytes(changed)))
        try:
            restore(empty_target, tmp_path / "older.zst")
        except BackupError:
            continue
        # Without checksums another character of a text cannot be detected; the database is emptied for the next file.
        with writing(empty_target) as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))


def test_a_value_that_the_database_refuses_is_named(empty_target: sa.Engine, tmp_path: Path) -> None:
    source = make_engine(f"sqlite:///{tmp_path}/source.db")
    upgrade(source)
    fill(source)
    backup(source, tmp_path / "saved.zst")
    source.dispose()
    header, *rest = read_lines(tmp_path / "saved.zst")
    at = next(i for i, line in enumerate(rest) if isinstance(line, dict) and line.get("table") == "payload")
    columns = rest[at]["columns"]
    rest[at + 1][columns.index("start_ns")] = 2**63
    write_first_format(tmp_path / "older.zst", [{**header, "format": 1}, *rest])
    with pytest.raises(BackupError, match="table payload"):
        restore(empty_target, tmp_path / "older.zst")


def test_a_refused_file_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", f"sqlite:///{tmp_path}/target.db")
    file = tmp_path / "saved.zst"
    runner = CliRunner()
    assert runner.invoke(app, ["db", "backup", str(file)]).exit_code == 0
    file.write_bytes(file.read_bytes()[:-1])
    result = runner.invoke(app, ["db", "restore", str(file)])
    assert isinstance(result.exception, BadInput)
    assert "Use another copy of the backup." in str(result.exception)


def test_a_backup_is_readable_by_its_owner_only(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "saved.zst"
    for leftover in (file, tmp_path / "saved.zst.part"):
        leftover.write_text("of an earlier attempt")
        leftover.chmod(0o644)
    backup(sqlite_engine, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*.zst*")] == ["saved.zst"]


def test_a_restore_drill_gives_the_same_figures(
    engine: sa.Engine, demo_backup: Path, demo_file: Path
) -> None:
    source = make_engine(f"sqlite:///{demo_file}")
    restore(engine, demo_backup)
    assert figures(engine) == figures(source)
    assert audit.verify(engine).is_intact
    source.dispose()
