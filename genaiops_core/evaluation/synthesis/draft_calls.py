"""The model of a judge, asked outside a run: for drafts of test cases. Paced, priced and bounded as in a run."""

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
from genaiops_core.evaluation.calls.spend_budget import OpenPurse, SpendLimitReached
from genaiops_core.evaluation.calls.unit import Unit
from genaiops_core.evaluation.calls.unit_calls import Means, UnitCalls
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.judges import JudgeOptions, judge
from genaiops_core.evaluation.judges.protocol import Answer
from genaiops_core.evaluation.models.protocol import CallFailed, Model, Prompt
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.telemetry.figures import format_usd

_DRAFT = "draft"
_DRAIN_S = 30.0


class LocalPurse:
    """A spend limit that this process keeps by itself."""

    def __init__(self, limit_nano_usd: int) -> None:
        self._limit = limit_nano_usd
        self._taken = 0

    async def reserve(self, most_nano_usd: int | None) -> None:
        if most_nano_usd is None:
            raise SpendLimitReached(
                "The price of the model is not known, so the spend limit cannot be kept; import it with genaiops "
                "import prices, or leave the limit out."
            )
        if self._taken + most_nano_usd > self._limit:
            raise SpendLimitReached(
                f"The next call may cost up to {format_usd(most_nano_usd)} USD and {format_usd(self._limit - self._taken)} USD of "
                "the spend limit is left."
            )
        self._taken += most_nano_usd

    def settle(self, most_nano_usd: int | None, cost_nano_usd: int | None) -> None:
        if most_nano_usd is not None and cost_nano_usd is not None:
            self._taken += cost_nano_usd - most_nano_usd


class DraftCalls:
    """`judges.protocol.Calls` for work without a run: every question is a unit of its own."""

    def __init__(self, means: Means, model: Model, unit_timeout_s: float) -> None:
        self._means = means
        self._model = model
        self._timeout_s = unit_timeout_s
        self._numbers = count(1)
        self._made: list[UnitCalls] = []
        self._stopped = asyncio.get_running_loop().create_future()
        means.limit_reached = self._stop

    @property
    def cost_nano_usd(self) -> int | None:
        costs = [one.cost_nano_usd for one in self._made]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    async def ask(self, prompt: Prompt, answer: type[Answer]) -> Answer:
        clock = UnitClock(self._timeout_s)
        calls = UnitCalls(self._means, self._model, Unit(next(self._numbers), 1, _DRAFT), clock)
        self._made.append(calls)

        async def asked() -> Answer:
            async with clock:
                return await calls.ask(prompt, answer)

        task = asyncio.create_task(asked())
        # A call that the spend limit holds back waits for ever: nobody raises the limit here.
        await asyncio.wait({task, self._stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            raise CallFailed(self._stopped.result())
        try:
            return task.result()
        except TimeoutError as error:
            raise CallFailed(f"It took longer than {self._timeout_s:g} s.") from error

    async def embed(self, text: str) -> tuple[float, ...]:
        raise CallFailed("Drafts need no vectors.")

    def _stop(self, problem: str) -> None:
        if not self._stopped.done():
            self._stopped.set_result(problem)


@asynccontextmanager
async def open_calls(
    engine: sa.Engine, name: str, *, options: JudgeOptions | None = None, pace: RateLimits | None = None
) -> AsyncIterator[DraftCalls]:
    """Calls to the model of the judge `name`; its connections are closed at the end.

    Raises:
        BadInput: there is no such judge, or it asks no model.
    """
    pace = pace or RateLimits(concurrency=4)
    model = judge(name, options or JudgeOptions()).model
    if model is None:
        raise BadInput(f"{name} asks no model; give a judge such as bedrock:MODEL or openai:MODEL@BASE_URL.")
    with reading(engine) as connection:
        prices = Prices.load(connection)
    limit = pace.spend_limit_nano_usd
    means = Means(pacer=RateLimiter(pace), prices=prices, purse=OpenPurse() if limit is None else LocalPurse(limit))
    try:
        yield DraftCalls(means, model, pace.unit_timeout_s)
    finally:
        await means.drain(_DRAIN_S)
        await model.close()
