"""No log line of a failing write holds anything of the spans, in one API process or in several."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from db.engine import make_engine
from genaiops_core import logs
from genaiops_core.errors import BadInput
from tests.otlp_samples import body, call
from tests.waiting import LIMIT_S, wait_for

ROOT = Path(__file__).resolve().parents[2]
JSON = {"content-type": "application/json"}
SECRETS = ("my secret prompt", "ada.lovelace", "secret chat name", "secret-session")
CHECK = "CHECK (name <> 'secret chat name')"


@contextmanager
def run_api(database_url: str, log: Path, *, workers: int, **environment: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = {"GENAIOPS_DATABASE_URL": database_url, "GENAIOPS_API_WORKERS": str(workers), **environment}
    with log.open("wb") as stderr:
        server = subprocess.Popen(
            [sys.executable, "-m", "genaiops_core.cli.main", "api", "--port", str(port)],
            env={**os.environ, **settings},
            stdout=stderr,
            stderr=stderr,
        )

    def is_up() -> bool:
        assert server.poll() is None, log.read_text()
        try:
            return httpx.get(f"{url}/healthz", timeout=LIMIT_S).is_success
        except httpx.TransportError:
            return False

    try:
        wait_for(is_up)
        yield url
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(LIMIT_S)


def refuse_secret_names(url: str) -> None:
    """Let the database refuse a span by its name; PostgreSQL quotes the whole row in its message."""
    engine = make_engine(url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"ALTER TABLE span ADD CONSTRAINT no_secret {CHECK}")
        else:
            connection.exec_driver_sql(
                "CREATE TRIGGER no_secret BEFORE INSERT ON span WHEN new.name = 'secret chat name' "
                "BEGIN SELECT RAISE(ABORT, 'my secret prompt'); END"
            )
    engine.dispose()


@pytest.mark.parametrize(
    ("database_url", "workers"),
    [("sqlite", 1), ("postgresql", 1), ("postgresql", 2)],
    indirect=["database_url"],
)
def test_failing_write_logs_no_contents(database_url: str, tmp_path: Path, workers: int) -> None:
    refuse_secret_names(database_url)
    log = tmp_path / "api.log"
    with run_api(database_url, log, workers=workers) as url:
        for number in range(1, 21):
            spans = [
                call(
                    number * 100 + index,
                    trace=0xABCDEF00 + number,
                    name=SECRETS[2],
                    gen_ai__prompt=SECRETS[0],
                    enduser__id=SECRETS[1],
                    session__id=SECRETS[3],
                )
                for index in range(50)
            ]
            assert (
                httpx.post(
                    f"{url}/v1/traces", content=body(*spans), headers=JSON, timeout=LIMIT_S
                ).status_code
                == 500
            )
        assert (
            httpx.post(f"{url}/v1/traces", content=body(call(1)), headers=JSON, timeout=LIMIT_S).status_code
            == 200
        )
    text = log.read_text()
    assert "batches were not stored" in text and "Traceback" in text
    for secret in (*SECRETS, "abcdef0", f"{0xABCDEF01:032x}"[-12:]):
        assert secret not in text
    # Two lines for each batch, and one traceback for each process.
    assert len(text.splitlines()) < 60 + 100 * workers


def test_slow_start_of_processes_is_no_hang(postgres_server: sa.URL, tmp_path: Path) -> None:
    """Each worker sleeps before it imports anything, for longer than the server's usual health check."""
    name = "slow_start"
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"create database {name} template template_genaiops")
    admin.dispose()
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\nif any('multiprocessing' in argument for argument in sys.orig_argv): time.sleep(8)\n"
    )
    log = tmp_path / "api.log"
    path = os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")])
    url = postgres_server.set(database=name).render_as_string(hide_password=False)
    with run_api(url, log, workers=2, PYTHONPATH=path):
        wait_for(lambda: log.read_text().count("Application startup complete") == 2)
    assert " died" not in log.read_text()


def test_messages_that_may_quote_data_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log = logs.get_logger("test")
    for error in (
        ValueError("my secret prompt"),
        KeyError("my secret prompt"),
        BadInput("The field x is wrong."),
    ):
        try:
            try:
                raise error
            except Exception as caught:
                raise RuntimeError("secret too") from caught
        except RuntimeError as caught:
            log.error("failed", exc_info=caught)
            log.exception("failed")
    text = capsys.readouterr().err
    assert "secret" not in text.replace("test_messages_that", "")
    assert "builtins.ValueError\n" in text and "genaiops_core.errors.BadInput: The field x is wrong." in text
    assert "test_log_contents.py:" in text and text.count("which led to:") == 6


def test_records_of_libraries_have_the_same_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logs.configure("INFO")
    handler = logging.getLogger().handlers[0]
    try:
        raise ValueError("my secret prompt")
    except ValueError:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
    text = handler.format(record)
    assert "secret" not in text and "builtins.ValueError" in text and "[ERROR   ] failed" in text
