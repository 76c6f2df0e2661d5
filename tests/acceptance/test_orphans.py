"""No process outlives the process that started it, and a port in use is named with its holder: real processes, kill -9."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import free_port
from tests.waiting import LIMIT_S, wait_for

GENAIOPS = [sys.executable, "-m", "genaiops_core.cli.main"]

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads processes from /proc")


def environment_of(home: Path, **settings: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GENAIOPS_")}
    return {**plain, "GENAIOPS_HOME": str(home), **settings}


@contextmanager
def running(*arguments: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*GENAIOPS, *arguments], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            # The processes of a failed test too.
            for pid in [*descendants(process.pid), process.pid]:
                kill(pid)
            process.wait()


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def read_parents() -> dict[int, int]:
    """The parent of every running process; a process that ended but was not waited for does not run."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    return parents


def descendants(pid: int) -> set[int]:
    parents = read_parents()
    family, size = {pid}, 0
    while len(family) > size:
        size = len(family)
        family |= {child for child, parent in parents.items() if parent in family}
    return family - {pid}


def all_ended(pids: set[int]) -> bool:
    return not pids & read_parents().keys()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=LIMIT_S).is_success
    except httpx.HTTPError:
        return False


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=LIMIT_S).is_success
    except httpx.HTTPError:
        return False


def test_a_killed_supervisor_takes_its_processes_along(tmp_path: Path) -> None:
    ui_port, api_port = free_port(), free_port()
    environment = environment_of(tmp_path)
    ports = ["--ui-port", str(ui_port), "--api-port", str(api_port)]
    with running("up", *ports, environment=environment, log=tmp_path / "first.log") as first:
        wait_for(lambda: is_ready(api_port))
        children = descendants(first.pid)
        assert len(children) >= 3
        first.kill()
        # At once, while the old processes stop.
        with running("up", *ports, environment=environment, log=tmp_path / "second.log") as second:
            wait_for(lambda: all_ended(children))

            def is_ready_again() -> bool:
                assert second.poll() is None, (tmp_path / "second.log").read_text()
                return is_ready(api_port)

            wait_for(is_ready_again)


def test_a_supervisor_killed_at_its_start_leaves_nothing(tmp_path: Path) -> None:
    ports = ["--ui-port", str(free_port()), "--api-port", str(free_port())]
    with running("up", *ports, environment=environment_of(tmp_path), log=tmp_path / "up.log") as process:
        # While they import.
        children = wait_for(lambda: len(descendants(process.pid)) >= 3 and descendants(process.pid))
        assert children
        process.kill()
        wait_for(lambda: all_ended(children))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_api_processes_end_with_their_parent(tmp_path: Path, database_url: str) -> None:
    port = free_port()
    environment = environment_of(tmp_path, GENAIOPS_DATABASE_URL=database_url, GENAIOPS_API_WORKERS="2")
    with running("api", "--port", str(port), environment=environment, log=tmp_path / "api.log") as process:
        wait_for(lambda: answers(port))
        children = descendants(process.pid)
        assert len(children) >= 2
        process.kill()
        wait_for(lambda: all_ended(children))
        assert not answers(port)


def test_a_killed_child_is_named_and_started_again(tmp_path: Path) -> None:
    api_port = free_port()
    log = tmp_path / "up.log"
    ports = ["--ui-port", str(free_port()), "--api-port", str(api_port)]
    with running("up", *ports, environment=environment_of(tmp_path), log=log):
        wait_for(lambda: answers(api_port))
        result = subprocess.run(
            [*GENAIOPS, "api", "--port", str(api_port)],
            env=environment_of(tmp_path), capture_output=True, text=True, timeout=LIMIT_S,
        )  # fmt: skip
        assert result.returncode == 2
        holder = re.search(
            rf"Port {api_port} .* in use by the API of genaiops up \(process (\d+)\)", result.stderr
        )
        assert holder, result.stderr
        kill(int(holder[1]))
        message = f"API (process {holder[1]}, port {api_port}) ended by signal 9; starting it again."
        wait_for(lambda: message in log.read_text())
        wait_for(lambda: answers(api_port))


@pytest.mark.parametrize("command", ["up", "ui", "api"])
def test_the_holder_of_a_port_is_named(command: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        option = {"up": "--api-port"}.get(command, "--port")
        result = subprocess.run(
            [*GENAIOPS, command, option, str(port)],
            env=environment_of(tmp_path, GENAIOPS_UI_PORT=str(free_port())),
            capture_output=True, text=True, timeout=LIMIT_S,
        )  # fmt: skip
    assert result.returncode == 2
    assert f"Port {port} on 127.0.0.1 is in use by" in result.stderr
    assert f"(process {os.getpid()})" in result.stderr
    assert option in result.stderr
