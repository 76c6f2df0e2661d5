"""Periodic tasks, each in its own thread: a slow or failing task does not delay the others."""

from __future__ import annotations

import threading
from collections.abc import Callable

from genaiops_core import outages
from genaiops_core.logs import get_logger

log = get_logger()


class Periodic:
    """Runs `action` every `every_s` seconds, counted from the end of the last run, until stopped."""

    def __init__(self, name: str, every_s: float, action: Callable[[], object]) -> None:
        self._name = name
        self._every_s = every_s
        self._action = action
        self._stopping = threading.Event()
        # A daemon: a task in a slow query must not keep a stopped worker alive.
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Stop the task and wait up to `timeout_s` for a running action."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _loop(self) -> None:
        problem = ""
        while not self._stopping.is_set():
            try:
                self._action()
                problem = ""
            except Exception as error:
                # Logged once while the error stays the same, not at every run; an outage once for all tasks.
                if outages.find_unavailable(error) is None and str(error) != problem:
                    log.exception("task failed; it is tried again", task=self._name, every_s=self._every_s)
                problem = str(error)
            self._stopping.wait(self._every_s)
