"""The API process, or several sharing one socket."""

from __future__ import annotations

import os
import socket
import time

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from genaiops_core import logs
from genaiops_core.errors import Misconfigured
from genaiops_core.processes.database import open_database
from genaiops_core.processes.parent import watch_parent_process
from genaiops_core.processes.ports import port_error
from genaiops_core.settings import Settings

START_S = 120
"""Time that API processes have to start before health checks count."""
HEALTH_CHECK_S = 30
"""Time that an API process has to answer a health check; a large export takes the interpreter for seconds."""
_BACKLOG = 2048


def run(settings: Settings) -> None:
    """Serve until the process is stopped.

    Raises:
        Misconfigured: the port is in use, or several workers are configured on SQLite.
    """
    if settings.api_workers > 1 and settings.url.startswith("sqlite"):
        raise Misconfigured(
            f"GENAIOPS_API_WORKERS is {settings.api_workers}, but SQLite has one writer; "
            "set GENAIOPS_DATABASE_URL to a PostgreSQL database first."
        )
    logs.configure(settings.log_level)
    # An unusable database is one sentence of the command; in the server it would be a traceback of each process.
    open_database(settings.url)
    # Worker processes read their settings from the environment.
    os.environ.update(settings.environment())
    listener = listen(settings.host, settings.api_port)
    config = uvicorn.Config(
        "genaiops_core.processes.api:create_app",
        factory=True,
        workers=settings.api_workers,
        # The server's own log lines go through `logs` too.
        log_config=None,
        log_level=settings.log_level.lower(),
        access_log=False,
        server_header=False,
        timeout_worker_healthcheck=HEALTH_CHECK_S,
        # Shorter than the time after which the supervisor kills the process.
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    if settings.api_workers == 1:
        server.run(sockets=[listener])
    else:
        _Workers(config, sockets=[listener]).run()


def create_app() -> FastAPI:
    """Create the application of one API process, which ends with the process that started it."""
    # Before the imports of the application, which take seconds.
    watch_parent_process("API")
    from genaiops_core.api import app

    return app.create_app()


class _Workers(Multiprocess):
    """Several API processes; a process that is still starting is not taken for one that hangs.

    A process answers health checks only between its imports, which take a minute on a busy host.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self._pids: set[int | None] = set()
        self._starting_until = 0.0

    def keep_subprocess_alive(self) -> None:
        """Replace processes that ended or hang."""
        pids = {process.pid for process in self.processes}
        if pids != self._pids:
            self._pids, self._starting_until = pids, time.monotonic() + START_S
        is_starting = time.monotonic() < self._starting_until
        if is_starting and all(process.process.is_alive() for process in self.processes):
            return
        super().keep_subprocess_alive()


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket with TCP_NODELAY, without which a keep-alive response waits up to 40 ms.

    Raises:
        Misconfigured: the port is in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise port_error(host, port, "--port", error) from error
    listener.listen(_BACKLOG)
    # Worker processes inherit the socket and share its queue.
    listener.set_inheritable(True)
    return listener
