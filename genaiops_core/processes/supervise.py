"""`genaiops up`: start the three processes, restart them after a crash, and stop them together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from rich.console import Console

from genaiops_core import output
from genaiops_core.errors import Misconfigured
from genaiops_core.processes import ui
from genaiops_core.processes.database import open_database
from genaiops_core.project import root
from genaiops_core.settings import Settings

_STOP_TIMEOUT_S = 10
_STEADY_AFTER_S = 30
_MAX_RESTARTS = 5


@dataclass
class Child:
    """A supervised process."""

    name: str
    arguments: list[str]
    folder: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0
    restarts: int = 0

    def start(self, environment: dict[str, str]) -> None:
        self.started_at = time.monotonic()
        # A session of its own: Ctrl-C reaches only the supervisor, which stops the children in order.
        self.process = subprocess.Popen(
            self.arguments, cwd=self.folder, env=environment, start_new_session=True, stdin=subprocess.DEVNULL
        )

    @property
    def exit_code(self) -> int | None:
        return self.process.poll() if self.process else None


@dataclass
class Supervisor:
    """Runs the children until `stopping` is set."""

    children: list[Child]
    environment: dict[str, str]
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        for child in self.children:
            child.start(self.environment)

    def watch(self) -> int:
        """Restart children that end; return the exit code: 0 after a stop, 1 when a child keeps failing."""
        while not self.stopping.wait(0.3):
            for child in self.children:
                if child.exit_code is not None and not self._restart(child):
                    return 1
        return 0

    def stop(self) -> None:
        for child in self.children:
            if child.process and child.exit_code is None:
                child.process.terminate()
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for child in self.children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    def _restart(self, child: Child) -> bool:
        lived_s = time.monotonic() - child.started_at
        # A child that ran for a while starts the count anew: only quick repeats are a defect.
        child.restarts = 0 if lived_s > _STEADY_AFTER_S else child.restarts + 1
        if child.restarts > _MAX_RESTARTS:
            sys.stderr.write(f"{child.name} ended {child.restarts} times in a row; stopping everything.\n")
            return False
        sys.stderr.write(f"{child.name} ended with code {child.exit_code}; starting it again.\n")
        # Waits on the event, so that Ctrl-C ends the pause at once.
        if self.stopping.wait(min(10.0, 0.5 * 2**child.restarts)):
            return True
        child.start(self.environment)
        return True


def run(settings: Settings, *, json: bool = False) -> int:
    """Migrate, run UI, API and worker, and wait for Ctrl-C.

    Returns:
        The exit code: 0 after a stop, 1 when a process keeps failing.

    Raises:
        Misconfigured: a port is in use.
    """
    for port, setting in ((settings.ui_port, "--ui-port"), (settings.api_port, "--api-port")):
        _require_free(settings.host, port, setting)
    # Once, before three processes start that would all migrate.
    open_database(settings.url)

    settings = settings.model_copy(update={"ready_with_ui": True})
    program = [sys.executable, "-m", "genaiops_core.cli.main"]
    supervisor = Supervisor(
        children=[
            Child("API", [*program, "api"]),
            Child("UI", ui.command(settings), folder=root()),
            Child("worker", [*program, "worker"]),
        ],
        environment={**os.environ, **settings.environment()},
    )

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        supervisor.stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask_to_stop)
    supervisor.start()
    _announce(settings, json=json)
    try:
        if settings.demo:
            _write_demo(program, supervisor)
        return supervisor.watch()
    finally:
        supervisor.stop()


def _write_demo(program: list[str], supervisor: Supervisor) -> None:
    """Write the demo in a separate process, so that its memory is released afterwards."""
    process = subprocess.Popen([*program, "demo"], env=supervisor.environment, stdin=subprocess.DEVNULL)
    while process.poll() is None:
        if supervisor.stopping.wait(0.1):
            process.terminate()
            process.wait()
            return
    if process.returncode != 0:
        sys.stderr.write("The demo could not be written (see above); the console runs without it.\n")


def _announce(settings: Settings, *, json: bool) -> None:
    console_url = f"http://{settings.host}:{settings.ui_port}"
    api_url = f"http://{settings.host}:{settings.api_port}"
    if json:
        output.print_json({"console": console_url, "api": api_url, "database": settings.display_url})
        sys.stdout.flush()
        return
    console = Console()
    console.print(f"[bold]Console[/]  {console_url}")
    console.print(f"[bold]API[/]      {api_url}  (OTLP /v1/traces, OFREP /ofrep/v1, docs /docs)")
    console.print(f"[dim]Data in {settings.display_url}. Ctrl-C stops everything.[/]")


def _require_free(host: str, port: int, option: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do: otherwise a port that was closed a moment ago counts as in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Misconfigured(f"Port {port} on {host} is in use; choose another with {option}.") from error
