"""Processes of the console on a database of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from tests.waiting import LIMIT_S, wait_for

GENAIOPS = (sys.executable, "-m", "genaiops_core.cli.main")
POLL_S = 0.005
"""Interval of the polls of this benchmark: the resolution of what is polled."""


class Processes:
    """Starts processes of the console on one database; what still runs at the end is killed."""

    def __init__(self, database_url: str, home: Path) -> None:
        self._home = home
        self._started: list[subprocess.Popen[bytes]] = []
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("GENAIOPS_", "AWS_"))
        }
        self._environment = inherited | {"GENAIOPS_DATABASE_URL": database_url, "GENAIOPS_HOME": str(home)}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.kill()
            process.wait()

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start `genaiops` with these arguments; its output goes to a file."""
        with (self._home / f"{len(self._started)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*GENAIOPS, *arguments], env=self._environment | environment, stdout=log, stderr=log
            )
        self._started.append(process)
        return process

    def start_worker(self, api_key: str = "bench") -> subprocess.Popen[bytes]:
        """Start a worker and wait until it takes work; its judge receives `api_key`."""
        log = self._home / f"{len(self._started)}.log"
        process = self.start("worker", OPENAI_API_KEY=api_key)

        def has_started() -> bool:
            assert process.poll() is None, log.read_text()
            return "worker started" in log.read_text()

        wait_for(has_started)
        return process

    @contextmanager
    def open_api(self) -> Iterator[httpx.Client]:
        """Start an API process and yield a client of it."""
        port = find_free_port()
        process = self.start("api", "--port", str(port))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=LIMIT_S) as client:
            wait_for(lambda: responds(client, "/healthz", process))
            yield client
        process.terminate()
        process.wait()


@contextmanager
def create_database(server: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database without a schema: a file in `folder`, or a new database beside that of `server`."""
    name = f"genaiops_bench_{uuid.uuid4().hex[:8]}"
    if not server:
        yield f"sqlite:///{folder / name}.db"
        return
    admin = make_engine(server).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    try:
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"drop database {name} with (force)")
        admin.dispose()


@contextmanager
def open_console(server: str) -> Iterator[tuple[sa.Engine, Processes]]:
    """A migrated database without content, and its processes."""
    with tempfile.TemporaryDirectory() as folder, create_database(server, Path(folder)) as url:
        engine = make_engine(url)
        upgrade(engine)
        with Processes(url, Path(folder)) as processes:
            yield engine, processes
        engine.dispose()


def responds(client: httpx.Client, path: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether a GET is answered with success."""
    assert process.poll() is None, f"{process.args!r} ended with code {process.returncode}"
    with suppress(httpx.TransportError):
        return client.get(path).is_success
    return False


def stop(process: subprocess.Popen[bytes]) -> float:
    """Seconds from SIGTERM to the exit."""
    began = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    process.wait()
    seconds = time.perf_counter() - began
    assert process.returncode == 0, f"{process.args!r} ended with code {process.returncode}"
    return seconds


def measure_s(act: Callable[[], object]) -> float:
    """Seconds that `act` takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def find_free_port() -> int:
    """A port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
