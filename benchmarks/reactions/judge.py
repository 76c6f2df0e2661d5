"""The loopback judge of the tests, with the arrival of every call."""

from __future__ import annotations

import threading
import time
from collections.abc import MutableMapping
from typing import Any

import uvicorn

from benchmarks.reactions.processes import find_free_port
from tests import judge_server
from tests.waiting import wait_for


class LoopbackJudge:
    """The judge of the tests, served by Uvicorn in a thread, with the arrival of every call.

    In this process, so that arrivals and reactions are read from the same clock.
    """

    def __init__(self) -> None:
        self.arrivals: list[tuple[float, str]] = []
        """`time.perf_counter()` and API key of each call, in order."""
        port = find_free_port()
        self.url = f"http://127.0.0.1:{port}"
        # Uvicorn does not recognise a bound method as ASGI 3.
        config = uvicorn.Config(
            self._serve, interface="asgi3", host="127.0.0.1", port=port, log_level="critical"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> LoopbackJudge:
        self._thread.start()
        wait_for(lambda: self._server.started)
        return self

    def __exit__(self, *_: object) -> None:
        # Without it the server waits for calls whose answer is withheld.
        self._server.force_exit = self._server.should_exit = True
        self._thread.join()

    def reset(self, *, delay_s: float) -> None:
        """Forget all calls; each later call is answered after `delay_s`."""
        judge_server.NOW = judge_server.Behaviour()
        judge_server.NOW.delay_s = delay_s
        self.arrivals = []

    def set_delay(self, delay_s: float) -> None:
        """Answer each later call after `delay_s`."""
        judge_server.NOW.delay_s = delay_s

    @property
    def in_flight(self) -> int:
        """Calls that wait for their answer, also those whose caller no longer exists."""
        return judge_server.NOW.in_flight

    def find_arrival(self, api_key: str) -> float | None:
        """When the first call with this API key arrived; None before."""
        return next((at for at, key in self.arrivals if key == api_key), None)

    def count_repeated(self) -> int:
        """Answers to a call that was answered before."""
        return sum(count - 1 for count in judge_server.NOW.answered.values())

    async def _serve(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            authorization = dict(scope["headers"]).get(b"authorization", b"").decode()
            self.arrivals.append((time.perf_counter(), authorization.removeprefix("Bearer ")))
        await judge_server.app(scope, receive, send)
