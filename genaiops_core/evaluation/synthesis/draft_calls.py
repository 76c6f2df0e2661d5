"""Calls to the model of a judge outside a run, for drafts of test cases: rate-limited, priced and budgeted as in a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.calls.prices import Prices
from genaiops_core.evaluation.calls.rate_limiter import RateLimiter
from genaiops_core.evaluation.calls.spend_budget import SpendLimitReached, UnlimitedBudget
from genaiops_core.evaluation.calls.unit import UnitKey
from genaiops_core.evaluation.calls.unit_calls import CallContext, UnitCalls
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.judges import JudgeOptions, create_judge
from genaiops_core.evaluation.judges.protocol import ANY_ANSWER, Answer, AnswerRules
from genaiops_core.evaluation.models.protocol import CallFailed, Model, Prompt
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.telemetry.figures import format_usd

_DRAFT = "draft"
# Seconds to wait at the end for calls in flight, which the provider charges in any case.
_DRAIN_S = 30.0


class LocalBudget:
    """A spend limit of this process alone."""

    def __init__(self, limit_nano_usd: int) -> None:
        self._limit = limit_nano_usd
        self._reserved = 0

    async def reserve(self, max_nano_usd: int | None) -> None:
        if max_nano_usd is None:
            raise SpendLimitReached(
                "The price of the model is unknown, so the spend limit cannot be enforced; import the price with "
                "genaiops import prices, or omit the limit."
            )
        if self._reserved + max_nano_usd > self._limit:
            raise SpendLimitReached(
                f"The next call may cost up to {format_usd(max_nano_usd)} USD, and only "
                f"{format_usd(self._limit - self._reserved)} USD of the spend limit remain."
            )
        self._reserved += max_nano_usd

    def settle(self, max_nano_usd: int | None, cost_nano_usd: int | None) -> None:
        # An unknown cost counts as the maximum, which stays reserved.
        if max_nano_usd is not None and cost_nano_usd is not None:
            self._reserved += cost_nano_usd - max_nano_usd


class DraftCalls:
    """Implements `judges.protocol.Calls` without a run: every prompt is a unit of its own."""

    def __init__(self, context: CallContext, model: Model, unit_timeout_s: float) -> None:
        self._context = context
        self._model = model
        self._timeout_s = unit_timeout_s
        self._numbers = count(1)
        self._unit_calls: list[UnitCalls] = []
        self._stop_reason = asyncio.get_running_loop().create_future()
        context.on_limit_reached = self._stop

    @property
    def cost_nano_usd(self) -> int | None:
        costs = [calls.cost_nano_usd for calls in self._unit_calls]
        known_costs = [cost for cost in costs if cost is not None]
        return sum(known_costs) if len(known_costs) == len(costs) else None

    async def ask(self, prompt: Prompt, answer: type[Answer], rules: AnswerRules = ANY_ANSWER) -> Answer:
        clock = UnitClock(self._timeout_s)
        calls = UnitCalls(self._context, self._model, UnitKey(next(self._numbers), 1, _DRAFT), clock)
        self._unit_calls.append(calls)

        async def ask_in_time() -> Answer:
            async with clock:
                return await calls.ask(prompt, answer, rules)

        task = asyncio.create_task(ask_in_time())
        # A call that the spend limit stops waits forever: outside a run the limit cannot be raised.
        await asyncio.wait({task, self._stop_reason}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            raise CallFailed(self._stop_reason.result())
        try:
            return task.result()
        except TimeoutError as error:
            raise CallFailed(f"The model took longer than {self._timeout_s:g} s.") from error

    async def embed(self, text: str) -> tuple[float, ...]:
        raise CallFailed("Drafts need no embeddings.")

    def _stop(self, problem: str) -> None:
        if not self._stop_reason.done():
            self._stop_reason.set_result(problem)


@asynccontextmanager
async def open_calls(
    engine: sa.Engine,
    name: str,
    *,
    options: JudgeOptions | None = None,
    rate_limits: RateLimits | None = None,
) -> AsyncIterator[DraftCalls]:
    """Open calls to the model of the judge `name`; the model's connections are closed at the end.

    Raises:
        BadInput: the judge does not exist, or it uses no model.
    """
    rate_limits = rate_limits or RateLimits(concurrency=4)
    model = create_judge(name, options or JudgeOptions()).model
    if model is None:
        raise BadInput(
            f"{name} uses no model; choose a judge such as bedrock:MODEL or openai:MODEL@BASE_URL."
        )
    with reading(engine) as connection:
        prices = Prices.load(connection)
    limit = rate_limits.spend_limit_nano_usd
    context = CallContext(
        limiter=RateLimiter(rate_limits),
        prices=prices,
        budget=UnlimitedBudget() if limit is None else LocalBudget(limit),
    )
    try:
        yield DraftCalls(context, model, rate_limits.unit_timeout_s)
    finally:
        await context.drain(_DRAIN_S)
        await model.close()
