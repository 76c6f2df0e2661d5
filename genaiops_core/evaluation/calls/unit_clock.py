"""The time that a unit may take: of its own calls, not of waiting for its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class UnitClock:
    """Raises TimeoutError in its block after `limit_s` seconds, those inside `stopped` not counted."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._timeout = asyncio.timeout(None)
        self._left_s = limit_s
        self._waits = 0

    async def __aenter__(self) -> UnitClock:
        await self._timeout.__aenter__()
        self._go()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._timeout.__aexit__(kind, error, trace)

    @property
    def expired(self) -> bool:
        """Whether the unit took too long."""
        return self._timeout.expired()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stand still; several calls of a unit may wait at once."""
        if self._waits == 0 and (at := self._timeout.when()) is not None:
            self._left_s = at - asyncio.get_running_loop().time()
            self._set(None)
        self._waits += 1
        try:
            yield
        finally:
            self._waits -= 1
            if self._waits == 0:
                self._go()

    def _go(self) -> None:
        self._set(asyncio.get_running_loop().time() + self._left_s)

    def _set(self, at: float | None) -> None:
        if not self._timeout.expired():
            try:
                self._timeout.reschedule(at)
            except RuntimeError:  # the block was left while a call of it still waited
                return
