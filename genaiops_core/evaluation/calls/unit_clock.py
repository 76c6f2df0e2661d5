"""The time limit of a unit: it covers the unit's own calls, not the time that they wait for a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class UnitClock:
    """Raises TimeoutError in its block after `limit_s` seconds, without the seconds spent inside `pause`."""

    def __init__(self, limit_s: float) -> None:
        self._timeout = asyncio.timeout(None)
        self._remaining_s = limit_s
        self._pauses = 0

    async def __aenter__(self) -> UnitClock:
        await self._timeout.__aenter__()
        self._resume()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._timeout.__aexit__(kind, error, trace)

    @property
    def is_expired(self) -> bool:
        """Whether the unit exceeded its limit."""
        return self._timeout.expired()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Stop the clock; several calls of a unit may wait at once, the last one restarts it."""
        if self._pauses == 0 and (deadline := self._timeout.when()) is not None:
            self._remaining_s = deadline - asyncio.get_running_loop().time()
            self._reschedule(None)
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1
            if self._pauses == 0:
                self._resume()

    def _resume(self) -> None:
        self._reschedule(asyncio.get_running_loop().time() + self._remaining_s)

    def _reschedule(self, deadline: float | None) -> None:
        if not self._timeout.expired():
            try:
                self._timeout.reschedule(deadline)
            except RuntimeError:  # the block ended while one of its calls was still waiting
                return
