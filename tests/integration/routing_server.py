"""An API server on a free port, and requests for the release of a user."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import httpx
import uvicorn

from genaiops_core.api.app import create_app
from genaiops_core.settings import Settings
from tests.integration.operating import APP
from tests.waiting import wait_for

ONE_FLAG = "/ofrep/v1/evaluate/flags/"


@contextlib.contextmanager
def run_server(database_url: str) -> Iterator[str]:
    """Yield the address of a server that runs until the block ends."""
    config = uvicorn.Config(
        create_app(Settings(database_url=database_url)), port=0, log_level="error", lifespan="on"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()

    def is_up() -> bool:
        assert thread.is_alive(), "the server did not start"
        return server.started

    wait_for(is_up)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def ask(
    client: httpx.Client, user: str | None, flag: str = "release", application: str = APP
) -> httpx.Response:
    context = {"application": application} | ({} if user is None else {"targetingKey": user})
    return client.post(ONE_FLAG + flag, json={"context": context})


def wait_until_routed(client: httpx.Client, version: int, *, application: str = APP) -> None:
    """Wait until the server answers by that routing version or a later one."""

    def is_routed() -> bool:
        answer = ask(client, "anybody", application=application)
        return answer.status_code == 200 and answer.json()["metadata"]["version"] >= version

    wait_for(is_routed)
