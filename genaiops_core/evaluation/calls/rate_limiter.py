"""Limits the calls of this process: how many are in flight, and how many begin in a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import anyio
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter

from genaiops_core.evaluation.models.protocol import Throttled
from genaiops_core.evaluation.rate_limits import RateLimits

_MAX_WAIT_S = 60.0
# With jitter, calls that were throttled together do not return together.
_backoff = wait_exponential_jitter(multiplier=0.25, max=30, jitter=0.5)


def share_limit(total: int, workers: int, place: int) -> int:
    """The part of a limit that one of several workers may use; at least 1, or its batches would never advance.

    Args:
        total: the limit of the run.
        workers: the number of workers that share it, at least 1.
        place: index of this worker from 0; the first workers get the remainder of the division.
    """
    share, remainder = divmod(total, workers)
    return max(1, share + (1 if place < remainder else 0))


class RateLimiter:
    """Slots for calls in flight, and the times at which calls may begin."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._slots = anyio.CapacityLimiter(limits.concurrency)
        self._calls_per_minute = limits.calls_per_minute
        self._next_at = 0.0
        self._throttled_until: list[float] = []

    @property
    def max_throttled_s(self) -> float:
        """How long one call may wait for a provider that throttles it."""
        return self._limits.unit_timeout_s

    @property
    def throttled_s(self) -> float:
        """Seconds until the last of the calls that the provider throttles tries again; 0 when none waits."""
        return max(0.0, max(self._throttled_until, default=0.0) - asyncio.get_running_loop().time())

    @contextmanager
    def wait_throttled(self, seconds: float) -> Iterator[None]:
        """Count a call as throttled while it waits in the block."""
        until = asyncio.get_running_loop().time() + seconds
        self._throttled_until.append(until)
        try:
            yield
        finally:
            self._throttled_until.remove(until)

    @property
    def slots(self) -> int:
        """The number of calls that may be in flight in this process."""
        return int(self._slots.total_tokens)

    def share(self, workers: int, place: int) -> None:
        """Reduce the limits to this process's share; see `share_limit`."""
        self._slots.total_tokens = share_limit(self._limits.concurrency, workers, place)
        if self._limits.calls_per_minute is not None:
            self._calls_per_minute = share_limit(self._limits.calls_per_minute, workers, place)

    async def acquire(self) -> Callable[[], None]:
        """Wait for a slot and a start time; returns the function that releases the slot."""
        # anyio binds a slot to the task that acquires it; another task releases this one, so it gets a
        # holder.
        holder = object()
        await self._slots.acquire_on_behalf_of(holder)
        try:
            await self._wait_turn()
        except BaseException:
            self._slots.release_on_behalf_of(holder)
            raise
        return lambda: self._slots.release_on_behalf_of(holder)

    async def _wait_turn(self) -> None:
        """Space the starts of calls evenly: providers throttle bursts."""
        if self._calls_per_minute is None:
            return
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_at)
        # No await before this line: two callers would get the same start.
        self._next_at = start + 60.0 / self._calls_per_minute
        if start > now:
            await asyncio.sleep(start - now)


def retry_throttled(sleep: Callable[[float], Awaitable[None]], max_wait_s: float) -> AsyncRetrying:
    """The attempts of one call: another attempt follows only a throttled one, after the wait that the provider names.

    Args:
        sleep: waits.
        max_wait_s: the sum of all waits. The last wait is cut to it, so that one more attempt is made at its end.
    """

    def compute_wait_s(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        requested_s = error.retry_after_s if isinstance(error, Throttled) else None
        # A provider may name 0 s: the growing backoff keeps all callers from returning at once.
        wait_s = min(_MAX_WAIT_S, max(requested_s or 0.0, _backoff(state)))
        return max(0.0, min(wait_s, max_wait_s - state.idle_for))

    return AsyncRetrying(
        retry=retry_if_exception_type(Throttled),
        stop=lambda state: state.idle_for >= max_wait_s,
        wait=compute_wait_s,
        sleep=sleep,
        reraise=True,
    )
