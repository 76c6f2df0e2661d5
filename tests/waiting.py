"""Waiting for states. No test waits for a time or asserts a duration: a slow host must not fail it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

LIMIT_S = 600
"""Far beyond what any host needs; it only ends a test that would wait forever."""

State = TypeVar("State")


def wait_for(state: Callable[[], State], *, interval_s: float = 0.05) -> State:
    """The first true answer of `state`."""
    deadline = time.monotonic() + LIMIT_S
    while not (answer := state()):
        assert time.monotonic() < deadline, f"not reached within {LIMIT_S} s: {state}"
        time.sleep(interval_s)
    return answer
