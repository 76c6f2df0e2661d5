"""`genaiops up` starts three processes, says when they are ready, and stops them all."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import free_port, start_console
from tests.waiting import LIMIT_S


def test_up_is_ready_with_an_empty_database_and_stops_everything(tmp_path: Path) -> None:
    console = start_console(tmp_path / "home", demo=False)
    running = next(console)
    assert httpx.get(f"{running.api_url}/readyz", timeout=LIMIT_S).json()["checks"] == {
        "database": True,
        "schema": True,
        "worker": True,
        "ui": True,
    }
    assert "genaiops_" in httpx.get(f"{running.api_url}/metrics", timeout=LIMIT_S).text
    assert "starts cold" not in (tmp_path / "home" / "up.log").read_text()
    console.close()
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{running.api_url}/healthz", timeout=LIMIT_S)
    with pytest.raises(httpx.HTTPError):
        httpx.get(running.url, timeout=LIMIT_S)


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "genaiops_core.cli.main", "up", "--ui-port", str(port), "--api-port", str(free_port())],
            env={**os.environ, "GENAIOPS_HOME": str(tmp_path)}, capture_output=True, text=True, timeout=LIMIT_S,
        )  # fmt: skip
    assert result.returncode == 2
    assert f"Port {port}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["up", "ui", "api"])
def test_other_machines_are_refused_without_authentication(command: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "genaiops_core.cli.main", command, "--host", "0.0.0.0"],
        env={**os.environ, "GENAIOPS_HOME": str(tmp_path)}, capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert result.returncode == 2
    assert "no authentication" in result.stderr
