"""When `/readyz` says ready: with and without a console of its own."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from genaiops_core.api.app import create_app
from genaiops_core.clock import now
from genaiops_core.jobs import heartbeat
from genaiops_core.settings import Settings
from tests.scripted_server import ScriptedReply, run_scripted_server
from tests.waiting import LIMIT_S

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def api(engine: sa.Engine, **settings: object) -> Iterator[TestClient]:
    """The API on a database whose worker sends heartbeats."""
    heartbeat.beat(engine, "host:1:1", now())
    url = engine.url.render_as_string(hide_password=False)
    with TestClient(create_app(Settings(database_url=url, **settings))) as client:  # type: ignore[arg-type]
        yield client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_an_api_alone_waits_for_no_console(sqlite_engine: sa.Engine) -> None:
    with api(sqlite_engine, ui_port=free_port()) as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "checks": {"database": True, "schema": True, "worker": True}},
    )


def test_a_heartbeat_in_the_future_is_explained(sqlite_engine: sa.Engine) -> None:
    with api(sqlite_engine) as client:
        heartbeat.forget(sqlite_engine, "host:1:1")
        heartbeat.beat(sqlite_engine, "host:2:2", now() + dt.timedelta(hours=1))
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert not answer.json()["checks"]["worker"]
    assert "in the future" in answer.json()["error"]
    assert "clock" in answer.json()["error"]


def test_a_console_that_does_not_answer_is_not_ready(sqlite_engine: sa.Engine) -> None:
    with api(sqlite_engine, ready_with_ui=True, ui_port=free_port()) as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"], answer.json()["checks"]["ui"]) == (503, False, False)


@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (503, False)])
def test_a_console_is_ready_when_it_says_so(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, status: int, is_ready: bool
) -> None:
    # A proxy of the environment stands between no two processes of one machine.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with run_scripted_server() as console:
        console.script(ScriptedReply("ok", status=status))
        port = int(console.url.rpartition(":")[2])
        with api(sqlite_engine, ready_with_ui=True, ui_port=port) as client:
            answer = client.get("/readyz")
    assert answer.json()["checks"]["ui"] is is_ready
    assert answer.status_code == (200 if is_ready else 503)
    assert [request.path for request in console.received] == ["/_stcore/health"]


# In a process of its own: the framework's runtime is one a process and cannot be put away.
VISIT = """
import contextlib, json, sys
import streamlit as st
from starlette.testclient import TestClient
from pages.parts.serving import warm_up

@contextlib.asynccontextmanager
async def lifespan(_app):
    failed = await warm_up.visit_every_screen()
    modules = [name for name in sys.modules if name.startswith("pages.parts.")]
    print(json.dumps({"failed": failed, "modules": len(modules)}))
    yield

with TestClient(st.App(sys.argv[1], lifespan=lifespan)) as client:
    assert client.get("/_stcore/health").status_code == 200
"""


def visit(script: Path, database_url: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", VISIT, str(script)],
        cwd=ROOT,
        env={**os.environ, "GENAIOPS_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_every_screen_is_drawn_before_the_console_answers(database_url: str) -> None:
    visited = visit(ROOT / "Home.py", database_url)
    modules = [file for file in (ROOT / "pages" / "parts").rglob("*.py") if file.name != "__init__.py"]
    assert visited["failed"] == []
    assert isinstance(visited["modules"], int) and visited["modules"] >= len(modules)


def test_a_screen_that_fails_is_named_and_stops_nothing(tmp_path: Path) -> None:
    script = tmp_path / "Broken.py"
    script.write_text(
        "import streamlit as st\n"
        "def quality(): raise ValueError('broken')\n"
        "def home(): st.write('home')\n"
        "st.navigation([st.Page(home, default=True), st.Page(quality)]).run()\n"
    )
    assert visit(script, f"sqlite:///{tmp_path}/any.db")["failed"] == ["quality"]


COLD = """
import sys
import streamlit as st
from starlette.testclient import TestClient
from pages.parts.serving import warm_up

async def fail():
    raise AttributeError("another runtime")

warm_up.visit_every_screen = fail
with TestClient(st.App("Home.py", lifespan=warm_up.lifespan)) as client:
    print(client.get("/_stcore/health").status_code)
"""


def test_a_console_that_cannot_warm_up_is_served_cold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COLD], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.stdout.splitlines()[-1] == "200", done.stderr
    assert "The console starts cold" in done.stderr
    assert "another runtime" in done.stderr
