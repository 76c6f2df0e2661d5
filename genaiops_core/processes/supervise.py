"""`genaiops up`: start the three processes, restart them after a crash, and stop them together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from rich.console import Console

from genaiops_core import output
from genaiops_core.processes import ui
from genaiops_core.processes.database import open_database
from genaiops_core.processes.parent import ROLE_VARIABLE
from genaiops_core.processes.ports import require_free_port
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
    port: int | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0
    restarts: int = 0

    def start(self, environment: dict[str, str], pipe: int) -> None:
        """Start the process; it stops when the writing end of `pipe` is closed."""
        self.started_at = time.monotonic()
        # A session of its own: Ctrl-C reaches only the supervisor, which stops the children in order.
        self.process = subprocess.Popen(
            self.arguments,
            cwd=self.folder,
            env={**environment, ROLE_VARIABLE: self.name},
            start_new_session=True,
            stdin=pipe,
        )

    def __str__(self) -> str:
        process = f"process {self.process.pid}" if self.process else "not started"
        return (
            f"{self.name} ({process})" if self.port is None else f"{self.name} ({process}, port {self.port})"
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

    def __post_init__(self) -> None:
        # Children inherit only the reading end, as standard input. The system closes the writing end with this process.
        self.pipe, self._writing_end = os.pipe()

    def start(self) -> None:
        for child in self.children:
            child.start(self.environment, self.pipe)

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
        os.close(self._writing_end)
        os.close(self.pipe)

    def _restart(self, child: Child) -> bool:
        lived_s = time.monotonic() - child.started_at
        # A child that ran for a while starts the count anew: only quick repeats are a defect.
        child.restarts = 0 if lived_s > _STEADY_AFTER_S else child.restarts + 1
        if child.restarts > _MAX_RESTARTS:
            sys.stderr.write(
                f"{child} {_describe_end(child)}, {child.restarts} times in a row; stopping everything.\n"
            )
            return False
        sys.stderr.write(f"{child} {_describe_end(child)}; starting it again.\n")
        # Waits on the event, so that Ctrl-C ends the pause at once.
        if self.stopping.wait(min(10.0, 0.5 * 2**child.restarts)):
            return True
        child.start(self.environment, self.pipe)
        return True


def _describe_end(child: Child) -> str:
    code = child.exit_code or 0
    # Popen reports the number of a signal as a negative code.
    return f"ended by signal {-code}" if code < 0 else f"ended with code {code}"


def run(settings: Settings, *, json: bool = False) -> int:
    """Migrate, run UI, API and worker, and wait for Ctrl-C.

    Returns:
        The exit code: 0 after a stop, 1 when a process keeps failing.

    Raises:
        Misconfigured: a port is in use.
    """
    for port, setting in ((settings.ui_port, "--ui-port"), (settings.api_port, "--api-port")):
        require_free_port(settings.host, port, setting)
    # Once, before three processes start that would all migrate.
    open_database(settings.url)

    settings = settings.model_copy(update={"ready_with_ui": True})
    program = [sys.executable, "-m", "genaiops_core.cli.main"]
    supervisor = Supervisor(
        children=[
            Child("API", [*program, "api"], port=settings.api_port),
            Child("UI", ui.command(settings), folder=root(), port=settings.ui_port),
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
    environment = {**supervisor.environment, ROLE_VARIABLE: "demo"}
    process = subprocess.Popen([*program, "demo"], env=environment, stdin=supervisor.pipe)
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
