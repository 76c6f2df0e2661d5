"""Databases contain prompts and answers: only their owner may read them, whatever the umask."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from genaiops_core.jobs.system import system_engine, system_url


def read_mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_databases_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    umask = os.umask(0o000)
    try:
        url = f"sqlite:///{tmp_path}/home/genaiops.db"
        engine = make_engine(url)
        upgrade(engine)
        jobs = system_engine(system_url(url))
        with engine.begin() as writing, jobs.begin() as jobs_writing:
            writing.execute(sa.text("create table probe (id integer)"))
            jobs_writing.execute(sa.text("create table probe (id integer)"))
        files = sorted(tmp_path.glob("home/*"))
        assert {"genaiops.db", "genaiops.db-wal", "genaiops.db-shm", "jobs.db"} <= {
            path.name for path in files
        }
        assert {path.name: read_mode(path) for path in files} == {path.name: 0o600 for path in files}
        assert read_mode(tmp_path / "home") == 0o700
        engine.dispose()
        jobs.dispose()
    finally:
        os.umask(umask)


def test_the_mode_of_an_existing_database_is_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "shared.db"
    file.touch()
    file.chmod(0o640)
    engine = make_engine(f"sqlite:///{file}")
    upgrade(engine)
    engine.dispose()
    assert read_mode(file) == 0o640
