"""The calls of one unit: found in the journal, or set aside for, paced, made, priced and kept, in this order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import orjson

from genaiops_core.clock import now
from genaiops_core.evaluation.calls.call_cache import Journal, NoJournal
from genaiops_core.evaluation.calls.prices import Prices, most_tokens, text_tokens
from genaiops_core.evaluation.calls.rate_limiter import RateLimiter, retrying
from genaiops_core.evaluation.calls.records import KeptCall, packed, reply_of, vector_of
from genaiops_core.evaluation.calls.spend_budget import OpenPurse, Purse, SpendLimitReached
from genaiops_core.evaluation.calls.unit import Unit, call_sha256
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.judges.answers import Malformed, parse, repair
from genaiops_core.evaluation.judges.protocol import Answer
from genaiops_core.evaluation.models.protocol import CallFailed, Embedding, Model, Prompt, Reply, Usage

Answered = TypeVar("Answered")
Kept = TypeVar("Kept")

FAILED = "failed"
"""In the reply of a kept call: why it brought nothing."""

MOST_REPAIRS = 2
"""How often a malformed answer is sent back."""


@dataclass(kw_only=True)
class Means:
    """What the units of a run share to make their calls."""

    pacer: RateLimiter
    prices: Prices
    purse: Purse = field(default_factory=OpenPurse)
    journal: Journal = field(default_factory=NoJournal)
    attempt: int = 1
    """Of the run. Malformed answers of earlier ones are passed over, their good answers used."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """How to wait where a provider throttles."""
    outcome: Callable[[CallFailed | None], None] = lambda _: None
    """Told of every call that ended: None when it went well."""
    limit_reached: Callable[[str], None] = lambda _: None
    """Told that no call may begin any more, and why; it stops the units."""
    is_stopping: Callable[[], bool] = lambda: False
    """Whether no call may begin any more."""
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)
    """Calls that were begun: they are finished and kept even when nobody waits for them any more."""

    def begin(self, call: Coroutine[Any, Any, Kept]) -> asyncio.Task[Kept]:
        """Start a call that goes on whatever becomes of its unit."""
        task = asyncio.create_task(call)
        self.under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.under_way.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits sees it too; when nobody does it is no news

    async def drain(self, limit_s: float) -> None:
        """Wait for the calls under way; those that take longer are given up."""
        if self.under_way:
            _, late = await asyncio.wait(set(self.under_way), timeout=limit_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)


class UnitCalls:
    """The calls of one unit; see `judges.protocol.Calls`."""

    def __init__(self, means: Means, model: Model, unit: Unit, clock: UnitClock) -> None:
        self._means = means
        self._model = model
        self._unit = unit
        self._clock = clock
        self._cost: int | None = 0
        self._seen: dict[bytes, int] = {}

    @property
    def cost_nano_usd(self) -> int | None:
        return self._cost

    async def ask(self, prompt: Prompt, answer: type[Answer]) -> Answer:
        problem = ""
        occurrence = self._occurrence(prompt)
        for attempt in range(1, self._means.attempt + 1):
            asked = prompt
            for _ in range(1 + MOST_REPAIRS):
                reply = await self._reply(asked, f"{attempt}:{occurrence}", attempt)
                if reply is None:
                    break  # not asked in that attempt, or it failed then
                try:
                    return parse(reply, answer)
                except Malformed as error:
                    problem = str(error)
                    asked = repair(asked, reply, problem)
        raise CallFailed(f"The answer was malformed {1 + MOST_REPAIRS} times: {problem}.")

    async def embed(self, text: str) -> tuple[float, ...]:
        model = self._model
        content = [model.provider, model.embedding_name, text]
        sha = call_sha256(self._unit, content, f"embed:{self._occurrence(text)}")
        kept = self._found(sha)
        if kept is None:
            most = self._means.prices.most(model.provider, model.embedding_name, text_tokens(text))
            kept = await self._made(sha, model.embedding_name, most, lambda: model.embed(text))
        return vector_of(kept.reply)

    async def _reply(self, prompt: Prompt, occurrence: str, attempt: int) -> Reply | None:
        model = self._model
        sha = call_sha256(self._unit, [model.provider, model.name, prompt], occurrence)
        kept = self._found(sha)
        if kept is None and attempt == self._means.attempt:
            tokens = most_tokens(prompt, len(orjson.dumps(prompt.schema)) if prompt.schema else 0)
            most = self._means.prices.most(model.provider, model.name, tokens, prompt.max_tokens)
            kept = await self._made(sha, model.name, most, lambda: model.ask(prompt))
        if kept is not None and FAILED in kept.reply:
            if attempt < self._means.attempt:
                return None
            raise CallFailed(kept.reply[FAILED])
        return None if kept is None else reply_of(kept.reply, kept.latency_ms)

    def _occurrence(self, content: Prompt | str) -> int:
        """How often this unit has asked the same before."""
        key = orjson.dumps(content)
        self._seen[key] = self._seen.get(key, 0) + 1
        return self._seen[key]

    def _found(self, sha: str) -> KeptCall | None:
        kept = self._means.journal.find(sha)
        if kept is not None:
            self._add(kept.cost_nano_usd)
        return kept

    def _add(self, cost: int | None) -> None:
        self._cost = None if cost is None or self._cost is None else self._cost + cost

    async def _made(
        self, sha: str, name: str, most: int | None, call: Callable[[], Awaitable[Reply | Embedding]]
    ) -> KeptCall:
        """Make a call that was not made before."""

        async def keep(came: Reply | Embedding | CallFailed) -> tuple[KeptCall, int | None]:
            usage = came.usage or Usage()
            if isinstance(came, Embedding) and usage.output_tokens is None:
                usage = replace(usage, output_tokens=0)  # an embedding has no output: none is not unknown
            cost = self._means.prices.cost(self._model.provider, name, usage)
            self._add(cost)
            kept = KeptCall(
                unit=self._unit,
                call_sha256=sha,
                reply={FAILED: str(came)} if isinstance(came, CallFailed) else packed(came),
                usage=usage,
                cost_nano_usd=cost,
                latency_ms=0.0 if isinstance(came, CallFailed) else came.latency_ms,
                called_at=now(),
            )
            await self._means.journal.keep(kept)
            return kept, cost

        return await made(self._means, self._clock, most, call, keep)


async def made(
    means: Means,
    clock: UnitClock,
    most_nano_usd: int | None,
    call: Callable[[], Awaitable[Answered]],
    keep: Callable[[Answered | CallFailed], Awaitable[tuple[Kept, int | None]]],
) -> Kept:
    """Make one call: wait for its turn, make it, again as long as it is throttled, and keep what it brought.

    Args:
        means: of the run.
        clock: of the unit; it stands still while the call waits for its turn.
        most_nano_usd: what the call may cost; None when its price is not known.
        call: makes one attempt.
        keep: keeps what came, and says what it cost; also a failure that was paid.

    Raises:
        CallFailed: what the last attempt raised.
    """

    async def pause(seconds: float) -> None:
        with clock.stopped():
            await means.sleep(seconds)

    async for attempt in retrying(pause):
        with attempt:
            give_back = await _turn(means, clock, most_nano_usd)
            task = means.begin(_paid(means, most_nano_usd, call, keep, give_back))
            # Shielded: a call that was begun is paid, so it is kept even when its unit runs out of time.
            return await asyncio.shield(task)
    raise AssertionError("the attempts end by returning or raising")


async def _turn(means: Means, clock: UnitClock, most: int | None) -> Callable[[], None]:
    with clock.stopped():
        try:
            await means.purse.reserve(most)
        except SpendLimitReached as reached:
            means.limit_reached(str(reached))
            await asyncio.Event().wait()  # until the unit is stopped: it has not failed
        try:
            give_back = await means.pacer.take()
        except BaseException:
            means.purse.settle(most, 0)
            raise
        if means.is_stopping():
            give_back()
            means.purse.settle(most, 0)
            await asyncio.Event().wait()
        return give_back


async def _paid(
    means: Means,
    most: int | None,
    call: Callable[[], Awaitable[Answered]],
    keep: Callable[[Answered | CallFailed], Awaitable[tuple[Kept, int | None]]],
    give_back: Callable[[], None],
) -> Kept:
    cost: int | None = 0
    try:
        try:
            answered = await call()
        except CallFailed as error:
            means.outcome(error)
            if error.usage is not None:
                _, cost = await keep(error)
            raise
        finally:
            give_back()
        means.outcome(None)
        kept, cost = await keep(answered)
        return kept
    finally:
        means.purse.settle(most, cost)


class NoCalls:
    """For metrics that are computed."""

    cost_nano_usd = 0

    async def ask(self, prompt: Prompt, answer: type[Answer]) -> Answer:
        raise CallFailed("This judge asks no model.")

    async def embed(self, text: str) -> tuple[float, ...]:
        raise CallFailed("This judge asks no model.")
