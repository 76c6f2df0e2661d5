"""How fast calls may follow each other in this process: so many under way, so many begun in a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import anyio
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from genaiops_core.evaluation.judges.protocol import Throttled
from genaiops_core.evaluation.rate_limits import RateLimits

MOST_ATTEMPTS = 10
"""Of one call that is throttled; with the waits between them about two minutes."""

_LONGEST_WAIT_S = 60.0
_backoff = wait_exponential_jitter(multiplier=0.25, max=30, jitter=0.5)


def share_of(total: int, workers: int, place: int) -> int:
    """What one of several workers may take of a limit: at least 1, or its part of the run would stand still.

    Args:
        total: the limit of the run.
        workers: how many share it, at least 1.
        place: which of them asks, from 0; the first ones take what does not divide.
    """
    whole, rest = divmod(total, workers)
    return max(1, whole + (1 if place < rest else 0))


class RateLimiter:
    """Slots for calls under way, and the times at which calls may begin."""

    def __init__(self, pace: RateLimits) -> None:
        self._pace = pace
        self._slots = anyio.CapacityLimiter(pace.concurrency)
        self._calls_per_minute = pace.calls_per_minute
        self._next_at = 0.0

    @property
    def slots(self) -> int:
        """Calls that may be under way in this process."""
        return int(self._slots.total_tokens)

    def share(self, workers: int, place: int) -> None:
        """Take this process's part of the limits."""
        self._slots.total_tokens = share_of(self._pace.concurrency, workers, place)
        if self._pace.calls_per_minute is not None:
            self._calls_per_minute = share_of(self._pace.calls_per_minute, workers, place)

    async def take(self) -> Callable[[], None]:
        """Wait for a turn; returns what gives the slot back."""
        holder = object()
        await self._slots.acquire_on_behalf_of(holder)
        try:
            await self._turn()
        except BaseException:
            self._slots.release_on_behalf_of(holder)
            raise
        return lambda: self._slots.release_on_behalf_of(holder)

    async def _turn(self) -> None:
        """Calls begin evenly: a burst is what providers throttle."""
        if self._calls_per_minute is None:
            return
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_at)
        self._next_at = at + 60.0 / self._calls_per_minute
        if at > now:
            await asyncio.sleep(at - now)


def retrying(sleep: Callable[[float], Awaitable[None]]) -> AsyncRetrying:
    """Attempts of one call: another one only where the provider asks for it, after the time it names."""
    return AsyncRetrying(
        retry=retry_if_exception_type(Throttled),
        stop=stop_after_attempt(MOST_ATTEMPTS),
        wait=_wait_s,
        sleep=sleep,
        reraise=True,
    )


def _wait_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, Throttled) else None
    # A provider may say 0: the growing wait keeps everybody from coming back at once.
    return min(_LONGEST_WAIT_S, max(asked or 0.0, _backoff(state)))
