"""The schema: migrations from zero equal the tables, and six processes may start at once."""

from __future__ import annotations

import subprocess
import sys
import uuid

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from db.engine import make_engine
from db.migrate import status, upgrade
from db.tables import metadata
from db.transaction import writing
from tests.waiting import LIMIT_S

START = "import sys; from db.engine import make_engine; from db.migrate import upgrade; upgrade(make_engine(sys.argv[1]))"


def test_migrating_from_zero_gives_exactly_the_tables(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_upgrade_is_idempotent(engine: sa.Engine) -> None:
    assert upgrade(engine).is_current
    assert upgrade(engine) == status(engine)


def start_six(url: str) -> list[int]:
    processes = [subprocess.Popen([sys.executable, "-c", START, url]) for _ in range(6)]
    return [process.wait(LIMIT_S) for process in processes]


def test_six_processes_migrate_one_sqlite_file(tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    assert start_six(url) == [0] * 6
    assert status(make_engine(url)).is_current


def test_six_processes_migrate_one_postgresql(postgres_server: sa.URL) -> None:
    name = "m" + uuid.uuid4().hex[:12]
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    admin.dispose()
    url = postgres_server.set(database=name).render_as_string(hide_password=False)
    assert start_six(url) == [0] * 6
    engine = make_engine(url)
    assert status(engine).is_current
    engine.dispose()


def test_scores_and_runs_of_the_first_schema_are_kept(tmp_path, postgres_server: sa.URL) -> None:
    name = "m" + uuid.uuid4().hex[:12]
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    admin.dispose()
    for url in (f"sqlite:///{tmp_path}/old.db", postgres_server.set(database=name)):
        engine = make_engine(url)
        upgrade(engine, to="0001")
        with writing(engine) as connection:
            connection.exec_driver_sql(
                "insert into evaluation (id, application, release, dataset, version, judge, metrics, config, state,"
                " units, units_done, units_undefined, cost_nano_usd, problem, created_by, created_at, is_demo)"
                " values ('a', '', '', 'd', 1, 'offline', '[]', '{}', 'finished', 1, 1, 0, 0, '', 'ada',"
                " '2026-01-01 00:00:00', false)"
            )
            connection.exec_driver_sql("insert into evaluation_score values ('a', 7, 'm', 0.5, '', 3, 1.5)")
        assert upgrade(engine).is_current
        with engine.connect() as connection:
            score = connection.execute(sa.select(metadata.tables["evaluation_score"])).one()
            run = connection.execute(sa.select(metadata.tables["evaluation"])).one()
        assert tuple(score) == ("a", 7, 1, "m", 0.5, "", False, 3, 1.5)
        assert (run.attempt, run.judge_calls, run.resumed_at) == (1, 0, None)
        engine.dispose()
