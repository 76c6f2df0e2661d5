"""The database stops, starts, fills up or is locked: 503 with Retry-After, one line in the log, and no lost batch."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from db.engine import make_engine
from db.migrate import upgrade
from db.outage import find_outage
from db.tables.telemetry import span
from db.transaction import reading, writing
from genaiops_core import outages
from genaiops_core.api.app import create_app
from genaiops_core.clock import now
from genaiops_core.jobs import heartbeat
from genaiops_core.settings import Settings
from tests.otlp_samples import body, call
from tests.own_postgresql import run_own_postgres
from tests.waiting import LIMIT_S, wait_for

JSON = {"content-type": "application/json"}
TRACE = "ab" * 16
FEEDBACK = {"trace_id": TRACE, "thumb": "up"}
READS = (
    "/readyz",
    "/api/v1/summary",
    "/api/v1/traces",
    "/api/v1/traces/export",
    f"/api/v1/traces/{TRACE}",
    "/api/v1/rollouts",
    "/api/v1/evaluations",
    "/api/v1/metrics",
    "/api/v1/users",
)


@pytest.fixture(autouse=True)
def no_outage() -> Iterator[None]:
    """An outage belongs to the process, so one test must not see that of another."""
    outages.process_log.clear(is_write=True)
    yield
    outages.process_log.clear(is_write=True)


@dataclass(frozen=True)
class Api:
    """A running API process."""

    url: str
    log: Path

    def count_lines(self, text: str) -> int:
        return sum(text in line for line in self.log.read_text().splitlines())


@contextmanager
def run_api(database_url: str, log: Path, **options: Any) -> Iterator[Api]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as stderr:
        server = subprocess.Popen(
            [sys.executable, "-m", "genaiops_core.cli.main", "api", "--port", str(port)],
            env={**os.environ, "GENAIOPS_DATABASE_URL": database_url},
            stderr=stderr,
            **options,
        )
    api = Api(f"http://127.0.0.1:{port}", log)

    def is_up() -> bool:
        assert server.poll() is None, log.read_text()
        try:
            return httpx.get(f"{api.url}/healthz", timeout=LIMIT_S).is_success
        except httpx.TransportError:
            return False

    try:
        wait_for(is_up)
        yield api
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(LIMIT_S)


def post_span(client: Any, number: int) -> httpx.Response:
    answer: httpx.Response = client.post("/v1/traces", content=body(call(number)), headers=JSON)
    return answer


def assert_unavailable(answer: httpx.Response, sentence: str) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    document = answer.json()
    assert sentence in (document.get("error") or document["message"])


def count_spans(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(span)).scalar_one())


def test_stopped_postgresql_is_503_and_nothing_is_lost(tmp_path: Path) -> None:
    with (
        run_own_postgres() as server,
        run_api(server.url, tmp_path / "api.log") as api,
        httpx.Client(base_url=api.url, timeout=LIMIT_S) as client,
        ThreadPoolExecutor(8) as senders,
    ):
        assert post_span(client, 1).status_code == 200
        server.stop()
        for answer in senders.map(partial(post_span, client), range(2, 202)):
            assert_unavailable(answer, "The database does not answer")
        assert_unavailable(client.post("/v1/feedback", json=FEEDBACK), "The database does not answer")
        for path in READS:
            assert_unavailable(client.get(path), "The database does not answer")
        assert client.get("/readyz").json()["checks"] == {"database": False}
        assert client.get("/healthz").status_code == 200
        server.start()
        # What a sender that follows the OTLP specification does with its batches.
        wait_for(lambda: post_span(client, 2).status_code == 200)
        for answer in senders.map(partial(post_span, client), range(3, 202)):
            assert answer.status_code == 200
        engine = make_engine(server.url)
        assert count_spans(engine) == 201
        engine.dispose()
        wait_for(lambda: api.count_lines("available again"))
        assert api.count_lines("does not answer") == 1
        assert api.count_lines("Traceback") == 0
        # What uvicorn says at its start, the two lines of this outage, and that the tables are refreshed again.
        assert len(api.log.read_text().splitlines()) < 20


def test_full_sqlite_is_503_until_there_is_space(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(database_url=f"sqlite:///{tmp_path}/full.db"))) as client:
        engine: sa.Engine = client.app.state.engine  # type: ignore[attr-defined]
        heartbeat.beat(engine, "host:1:1", now())
        assert client.get("/readyz").status_code == 200

        def limit_pages(connection: Any, *_: Any) -> None:
            connection.execute("PRAGMA max_page_count=1")  # the file may not grow

        sa.event.listen(engine, "connect", limit_pages)
        engine.dispose()
        answers = [post_span(client, number) for number in range(1, 60)]
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused, "the file never filled up"
        for answer in refused:
            assert_unavailable(answer, "The disk of the database is full")
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert (ready.json()["checks"]["database"], "disk" in ready.json()["error"]) == (False, True)
        sa.event.remove(engine, "connect", limit_pages)
        engine.dispose()
        assert [post_span(client, number).status_code for number in range(1, 60)] == [200] * 59
        assert count_spans(engine) == 59
        assert client.get("/readyz").status_code == 200


def test_file_that_may_not_grow_is_503(tmp_path: Path) -> None:
    """The limit of the process on file sizes stands for a disk without space: writes of the file fail."""
    url = f"sqlite:///{tmp_path}/limited.db"
    engine = make_engine(url)
    upgrade(engine)
    limit_bytes = max(2_000_000, (tmp_path / "limited.db").stat().st_size)

    def limit_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    with run_api(url, tmp_path / "api.log", preexec_fn=limit_files) as api:
        acknowledged = 0
        with httpx.Client(base_url=api.url, timeout=LIMIT_S) as client:
            for number in range(1, 40):
                spans = [call(number * 1000 + index, gen_ai__prompt="word " * 200) for index in range(100)]
                answer = client.post("/v1/traces", content=body(*spans), headers=JSON)
                if answer.status_code != 200:
                    assert_unavailable(answer, "The d")
                    break
                acknowledged += 100
            else:
                pytest.fail("the file never reached its limit")
        assert count_spans(engine) == acknowledged
        assert api.count_lines("Traceback") == 0
    engine.dispose()


def test_locked_sqlite_is_503_on_every_route(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.SQLITE_BUSY_TIMEOUT_MS", 100)
    with TestClient(create_app(Settings(database_url=f"sqlite:///{tmp_path}/held.db"))) as client:
        engine: sa.Engine = client.app.state.engine  # type: ignore[attr-defined]
        with writing(engine):
            assert_unavailable(post_span(client, 1), "The database is busy")
            assert_unavailable(client.post("/v1/feedback", json=FEEDBACK), "The database is busy")
            answer = client.post("/api/v1/rollouts/a/rollback", json={"reason": "bad answers"})
            assert_unavailable(answer, "The database is busy")
        assert post_span(client, 1).status_code == 200


def test_lost_tables_are_503_and_named(sqlite_engine: sa.Engine) -> None:
    url = sqlite_engine.url.render_as_string()
    with TestClient(create_app(Settings(database_url=url))) as client:
        with sqlite_engine.begin() as connection:
            connection.exec_driver_sql("drop table span")
        assert_unavailable(post_span(client, 1), "has no tables of this program")


def test_outage_begins_and_ends_once_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    log = outages.OutageLog()
    error = sa.exc.OperationalError("select secret", {}, Exception("database is locked"))
    outage = find_outage(error)
    assert outage is not None
    for _ in range(1000):
        log.report(outage)
        log.clear(is_write=False)  # a read does not end an outage of writes
    log.clear(is_write=True)
    log.clear(is_write=True)
    lines = capsys.readouterr().err.splitlines()
    assert ["is busy" in line for line in lines] == [True, False]
    assert "available again" in lines[1] and "failures=1000" in lines[1]
    assert "secret" not in "".join(lines)
