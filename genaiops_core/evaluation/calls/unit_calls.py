"""The calls of one unit. Each is looked up in the cache, or reserved, rate limited, made, priced and stored, in this order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import orjson

from genaiops_core.clock import now
from genaiops_core.evaluation.calls.call_cache import CallCache, NoCache
from genaiops_core.evaluation.calls.prices import Prices, bound_prompt_tokens, bound_text_tokens
from genaiops_core.evaluation.calls.rate_limiter import RateLimiter, retry_throttled
from genaiops_core.evaluation.calls.records import CallRecord, pack_reply, unpack_reply, unpack_vector
from genaiops_core.evaluation.calls.spend_budget import SpendBudget, SpendLimitReached, UnlimitedBudget
from genaiops_core.evaluation.calls.unit import UnitKey, hash_call
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.judges.answers import MalformedAnswer, build_repair_prompt, parse_answer
from genaiops_core.evaluation.judges.protocol import ANY_ANSWER, Answer, AnswerRules
from genaiops_core.evaluation.models.protocol import (
    CallFailed,
    Embedding,
    Model,
    Prompt,
    Reply,
    Throttled,
    Usage,
)

ResultT = TypeVar("ResultT")
RecordT = TypeVar("RecordT")

FAILURE_KEY = "failed"
"""Key of a recorded reply that holds the message of a failed call."""

MAX_REPAIRS = 2
"""How often a malformed answer is sent back to the model."""


@dataclass(kw_only=True)
class CallContext:
    """What the units of a run share to make their calls."""

    limiter: RateLimiter
    prices: Prices
    budget: SpendBudget = field(default_factory=UnlimitedBudget)
    cache: CallCache = field(default_factory=NoCache)
    attempt: int = 1
    """The attempt of the run. Usable answers of earlier attempts are reused, malformed ones are not."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits between attempts of a throttled call."""
    on_outcome: Callable[[CallFailed | None], None] = lambda _: None
    """Called at the end of every attempt of a call; None means success."""
    on_limit_reached: Callable[[str], None] = lambda _: None
    """Called with the reason when no further call may begin; it stops the units."""
    is_stopping: Callable[[], bool] = lambda: False
    """Whether no further call may begin."""
    in_flight: set[asyncio.Task[Any]] = field(default_factory=set)
    """Calls that began: they are finished and stored even after their unit was cancelled."""

    def start(self, call: Coroutine[Any, Any, RecordT]) -> asyncio.Task[RecordT]:
        """Start a call that continues when its unit is cancelled."""
        task = asyncio.create_task(call)
        self.in_flight.add(task)
        task.add_done_callback(self._discard)
        return task

    def _discard(self, task: asyncio.Task[Any]) -> None:
        self.in_flight.discard(task)
        if not task.cancelled():
            # Marks the exception as retrieved: a cancelled unit no longer awaits its call.
            task.exception()

    async def drain(self, limit_s: float) -> None:
        """Wait for the calls in flight; cancel those that take longer than `limit_s`."""
        if self.in_flight:
            _, late = await asyncio.wait(set(self.in_flight), timeout=limit_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)


class UnitCalls:
    """The calls of one unit; implements `judges.protocol.Calls`."""

    def __init__(self, context: CallContext, model: Model, unit: UnitKey, clock: UnitClock) -> None:
        self._context = context
        self._model = model
        self._unit = unit
        self._clock = clock
        self._cost: int | None = 0
        self._occurrences: dict[bytes, int] = {}

    @property
    def cost_nano_usd(self) -> int | None:
        return self._cost

    async def ask(self, prompt: Prompt, answer: type[Answer], rules: AnswerRules = ANY_ANSWER) -> Answer:
        problem = ""
        occurrence = self._count_occurrence(prompt)
        # Earlier attempts are replayed from the cache: a repair prompt contains their replies, and so does
        # its key.
        for attempt in range(1, self._context.attempt + 1):
            current = prompt
            for _ in range(1 + MAX_REPAIRS):
                reply = await self._find_or_request_reply(current, f"{attempt}:{occurrence}", attempt)
                if reply is None:
                    break  # that attempt made no such call, or the call failed
                try:
                    return parse_answer(reply, answer, rules)
                except MalformedAnswer as error:
                    problem = str(error)
                    current = build_repair_prompt(current, reply, problem)
        raise CallFailed(f"The answer was malformed {1 + MAX_REPAIRS} times: {problem}.")

    async def embed(self, text: str) -> tuple[float, ...]:
        model = self._model
        content = [model.provider, model.embedding_name, text]
        # No attempt in the key: an embedding is never malformed, so every attempt reuses it.
        key = hash_call(self._unit, content, f"embed:{self._count_occurrence(text)}")
        record = self._find_cached(key)
        if record is None:
            tokens = bound_text_tokens(text)
            max_cost = self._context.prices.max_cost(model.provider, model.embedding_name, tokens)
            record = await self._request(key, model.embedding_name, max_cost, lambda: model.embed(text))
        return unpack_vector(record.reply)

    async def _find_or_request_reply(self, prompt: Prompt, occurrence: str, attempt: int) -> Reply | None:
        model = self._model
        key = hash_call(self._unit, [model.provider, model.name, prompt], occurrence)
        record = self._find_cached(key)
        if record is None and attempt == self._context.attempt:
            schema_bytes = len(orjson.dumps(prompt.schema)) if prompt.schema else 0
            max_cost = self._context.prices.max_cost(
                model.provider, model.name, bound_prompt_tokens(prompt, schema_bytes), prompt.max_tokens
            )
            record = await self._request(key, model.name, max_cost, lambda: model.ask(prompt))
        if record is not None and FAILURE_KEY in record.reply:
            # A failure of an earlier attempt is not final: this attempt makes the call again.
            if attempt < self._context.attempt:
                return None
            raise CallFailed(record.reply[FAILURE_KEY])
        return None if record is None else unpack_reply(record.reply, record.latency_ms)

    def _count_occurrence(self, content: Prompt | str) -> int:
        """How often this unit has sent this content, this time included."""
        key = orjson.dumps(content)
        self._occurrences[key] = self._occurrences.get(key, 0) + 1
        return self._occurrences[key]

    def _find_cached(self, key: str) -> CallRecord | None:
        record = self._context.cache.find(key)
        if record is not None:
            self._add_cost(record.cost_nano_usd)
        return record

    def _add_cost(self, cost: int | None) -> None:
        self._cost = None if cost is None or self._cost is None else self._cost + cost

    async def _request(
        self,
        key: str,
        model_name: str,
        max_cost: int | None,
        request: Callable[[], Awaitable[Reply | Embedding]],
    ) -> CallRecord:
        """Make a call that is not in the cache."""

        async def store(result: Reply | Embedding | CallFailed) -> tuple[CallRecord, int | None]:
            usage = result.usage or Usage()
            if isinstance(result, Embedding) and usage.output_tokens is None:
                usage = replace(
                    usage, output_tokens=0
                )  # an embedding has no output, which is not unknown output
            cost = self._context.prices.cost(self._model.provider, model_name, usage)
            self._add_cost(cost)
            record = CallRecord(
                unit=self._unit,
                call_sha256=key,
                reply={FAILURE_KEY: str(result)} if isinstance(result, CallFailed) else pack_reply(result),
                usage=usage,
                cost_nano_usd=cost,
                latency_ms=0.0 if isinstance(result, CallFailed) else result.latency_ms,
                called_at=now(),
            )
            await self._context.cache.store(record)
            return record, cost

        return await make_call(self._context, self._clock, max_cost, request, store)


async def make_call(
    context: CallContext,
    clock: UnitClock,
    max_cost_nano_usd: int | None,
    request: Callable[[], Awaitable[ResultT]],
    store: Callable[[ResultT | CallFailed], Awaitable[tuple[RecordT, int | None]]],
) -> RecordT:
    """Make one call: wait for budget and slot, send it, retry while it is throttled, and store its result.

    Args:
        context: of the run.
        clock: of the unit; it is paused while the call waits.
        max_cost_nano_usd: the most the call can cost; None when its price is unknown.
        request: makes one attempt.
        store: stores a result, or a failure that was billed; returns the record and its cost (None: unknown).

    Raises:
        CallFailed: the error of the last attempt, or the provider throttled the call for longer than a unit's timeout.
    """

    async def wait(seconds: float) -> None:
        with clock.pause(), context.limiter.wait_throttled(seconds):
            await context.sleep(seconds)

    max_wait_s = context.limiter.max_throttled_s
    try:
        async for attempt in retry_throttled(wait, max_wait_s):
            with attempt:
                release = await _acquire_turn(context, clock, max_cost_nano_usd)
                task = context.start(_request_and_store(context, max_cost_nano_usd, request, store, release))
                # Shielded: a call that began is billed, so it is stored even when its unit runs out of time.
                return await asyncio.shield(task)
    except Throttled as error:
        raise CallFailed(
            f"{str(error).rstrip('.')}; the call waited {max_wait_s:g} s, the timeout of a unit."
        ) from error
    raise AssertionError("the attempts end by returning or raising")


async def _acquire_turn(context: CallContext, clock: UnitClock, max_cost: int | None) -> Callable[[], None]:
    """Reserve the cost, then wait for a slot: a call that waits for budget must not block a slot."""
    with clock.pause():
        try:
            await context.budget.reserve(max_cost)
        except SpendLimitReached as error:
            context.on_limit_reached(str(error))
            await asyncio.Event().wait()  # until the unit is cancelled: it has not failed
        try:
            release = await context.limiter.acquire()
        except BaseException:
            context.budget.settle(max_cost, 0)
            raise
        if context.is_stopping():
            release()
            context.budget.settle(max_cost, 0)
            await asyncio.Event().wait()  # until the unit is cancelled
        return release


async def _request_and_store(
    context: CallContext,
    max_cost: int | None,
    request: Callable[[], Awaitable[ResultT]],
    store: Callable[[ResultT | CallFailed], Awaitable[tuple[RecordT, int | None]]],
    release: Callable[[], None],
) -> RecordT:
    # A failure without usage was not billed.
    cost: int | None = 0
    try:
        try:
            result = await request()
        except CallFailed as error:
            context.on_outcome(error)
            if error.usage is not None:
                _, cost = await store(error)
            raise
        finally:
            # Before the record is written: the slot serves the next call meanwhile.
            release()
        context.on_outcome(None)
        record, cost = await store(result)
        return record
    finally:
        # After the commit, which has reduced the reservation in the database by the cost.
        context.budget.settle(max_cost, cost)


class NoCalls:
    """For metrics that are computed without a model."""

    cost_nano_usd = 0

    async def ask(self, prompt: Prompt, answer: type[Answer], rules: AnswerRules = ANY_ANSWER) -> Answer:
        raise CallFailed("This judge calls no model.")

    async def embed(self, text: str) -> tuple[float, ...]:
        raise CallFailed("This judge calls no model.")
