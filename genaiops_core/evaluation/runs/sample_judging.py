"""Judging one sampled production request: all its metrics at once, through the same calls as a run's.

Nothing is journaled: a sample is small, and is judged at one go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.calls.prices import Prices
from genaiops_core.evaluation.calls.rate_limiter import RateLimiter
from genaiops_core.evaluation.calls.unit import Unit
from genaiops_core.evaluation.calls.unit_calls import Means, NoCalls, UnitCalls
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.trace_case import case_of
from genaiops_core.evaluation.judges.protocol import Judge, Judgement
from genaiops_core.evaluation.metrics import REGISTRY
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.evaluation.rate_limits import RateLimits

_CALLS_AT_ONCE = 16


def metrics_of(judge: Judge) -> tuple[str, ...]:
    """What `judge` can measure of production requests: nobody knows the right answer to those."""
    return tuple(
        name for name in judge.defaults if name not in REGISTRY or not REGISTRY[name].needs_reference
    )


def require_prices(engine: sa.Engine, judge: Judge, daily_budget_nano_usd: int) -> None:
    """Refuse a judge whose daily budget nobody could keep.

    Raises:
        BadInput: its model has no known price.
    """
    model = judge.model
    if model is None or daily_budget_nano_usd == 0:
        return
    with reading(engine) as connection:
        prices = Prices.load(connection)
    for name in (model.name, model.embedding_name):
        if name and not prices.knows(model.provider, name):
            raise BadInput(
                f"The judge of production requests cannot be kept within its daily budget: the price of {name} is not "
                "known. Import it with genaiops import prices, or choose another judge in GENAIOPS_SAMPLE_JUDGE."
            )


def means_of(connection: sa.Connection) -> Means:
    """What the calls of some samples share."""
    return Means(pacer=RateLimiter(RateLimits(concurrency=_CALLS_AT_ONCE)), prices=Prices.load(connection))


async def judged(engine: sa.Engine, judge: Judge, means: Means, trace_id: str) -> tuple[list[Judgement], str]:
    """Judgements of all metrics at once, undefined ones with the reason where the trace does not tell enough.

    Raises:
        CallFailed: the judge failed at all of them; the sample is tried again later.
    """
    with reading(engine) as connection:
        told = case_of(connection, trace_id)
    metrics = metrics_of(judge)
    if told.case is None or not told.case.answer:
        undefined = [
            Judgement(metric=name, value=None, reason=told.problem, cost_nano_usd=0, latency_ms=0.0)
            for name in metrics
        ]
        return undefined, told.problem
    case = told.case
    found = await asyncio.gather(*(_judgement(judge, means, case, name) for name in metrics))
    # What was paid is not paid again: only a sample that cost nothing is left for another time.
    if all(one.is_failed for one in found) and not cost_of(found):
        raise CallFailed(found[0].reason)
    return list(found), ""


async def _judgement(judge: Judge, means: Means, case: Case, metric: str) -> Judgement:
    """One metric; where the judge fails it is undefined, with the reason and what it cost."""
    if judge.model is None:
        return await judge.judge(case, metric, NoCalls())
    clock = UnitClock(RateLimits().unit_timeout_s)
    calls = UnitCalls(means, judge.model, Unit(0, 1, metric), clock)
    try:
        async with clock:
            found = await judge.judge(case, metric, calls)
    except (CallFailed, TimeoutError) as error:
        reason = str(error) or f"took longer than {RateLimits().unit_timeout_s:g} s"
        found = Judgement(
            metric=metric, value=None, reason=reason, cost_nano_usd=0, latency_ms=0.0, is_failed=True
        )
    return replace(found, cost_nano_usd=calls.cost_nano_usd)


def cost_of(judgements: Sequence[Judgement]) -> int:
    """What is known of it; `require_prices` saw to it that prices are."""
    return sum(one.cost_nano_usd or 0 for one in judgements)
