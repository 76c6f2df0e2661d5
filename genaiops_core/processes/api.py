"""The API process, or several sharing one socket."""

from __future__ import annotations

import os
import socket

import uvicorn
from uvicorn.supervisors import Multiprocess

from genaiops_core.errors import Misconfigured
from genaiops_core.settings import Settings

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
    # Worker processes read their settings from the environment.
    os.environ.update(settings.environment())
    listener = listen(settings.host, settings.api_port)
    config = uvicorn.Config(
        "genaiops_core.api.app:create_app",
        factory=True,
        workers=settings.api_workers,
        log_level=settings.log_level.lower(),
        access_log=False,
        server_header=False,
        # Shorter than the time after which the supervisor kills the process.
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    if settings.api_workers == 1:
        server.run(sockets=[listener])
    else:
        Multiprocess(config, sockets=[listener]).run()


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
        raise Misconfigured(
            f"Port {port} on {host} cannot be used: {error.strerror}. Choose another with --port."
        ) from error
    listener.listen(_BACKLOG)
    # Worker processes inherit the socket and share its queue.
    listener.set_inheritable(True)
    return listener
