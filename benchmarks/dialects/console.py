"""A console with a new database, and what it says about the traces of an application."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

_START_S = 120
_WINDOW = {"start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}


class Console:
    """A running API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60)

    def is_ready(self) -> bool:
        try:
            return self._client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def read_summary(self, application: str) -> dict[str, Any]:
        """The figures of one application."""
        return self._read("/api/v1/summary", {**_WINDOW, "application": application})

    def read_trace(self, trace_id: str) -> dict[str, Any] | None:
        """One trace with its spans; None when no span of it arrived."""
        response = self._client.get(f"/api/v1/traces/{trace_id}")
        return None if response.status_code == 404 else dict(response.raise_for_status().json())

    def read_context(self, trace_id: str) -> dict[str, Any]:
        """The question and the answer of one trace."""
        return self._read(f"/api/v1/traces/{trace_id}/context", {})

    def _read(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        return dict(self._client.get(path, params=parameters).raise_for_status().json())


@contextmanager
def run_console(home: Path) -> Iterator[Console]:
    """Run the API on a new SQLite database in `home` until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GENAIOPS_")}
    environment |= {"GENAIOPS_HOME": str(home), "GENAIOPS_API_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "genaiops_core.cli.main", "api"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        console = Console(f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + _START_S
        while not console.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the console did not start; its error is above")
            time.sleep(0.2)
        yield console
    finally:
        process.terminate()
        process.wait(30)
