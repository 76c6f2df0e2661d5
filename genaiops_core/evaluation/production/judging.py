"""Judges one sampled production request: all metrics at once, through the same calls as an evaluation.

Calls are not cached: a sample is small and is judged as a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.calls.prices import Prices, list_called_models
from genaiops_core.evaluation.calls.rate_limiter import RateLimiter
from genaiops_core.evaluation.calls.unit import UnitKey
from genaiops_core.evaluation.calls.unit_calls import CallContext, NoCalls, UnitCalls
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.trace_case import read_trace_case
from genaiops_core.evaluation.judges.protocol import Judge, Judgement
from genaiops_core.evaluation.metrics import REGISTRY, libraries
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.evaluation.rate_limits import RateLimits

_CALLS_AT_ONCE = 16


def list_metrics(judge: Judge) -> tuple[str, ...]:
    """The default metrics of `judge` that need no reference, since production requests have none."""
    return tuple(
        name for name in judge.defaults if name not in REGISTRY or not REGISTRY[name].needs_reference
    )


def require_usable(engine: sa.Engine, judge: Judge, daily_budget_nano_usd: int) -> None:
    """Reject a judge that cannot measure on this host, or whose daily budget cannot be enforced.

    Raises:
        BadInput: a library of its metrics is not installed, or its model has no known price.
    """
    libraries.require_installed(list_metrics(judge))
    require_prices(engine, judge, daily_budget_nano_usd)


def require_prices(engine: sa.Engine, judge: Judge, daily_budget_nano_usd: int) -> None:
    """Reject a judge whose daily budget cannot be enforced.

    Raises:
        BadInput: its model has no known price.
    """
    model = judge.model
    if model is None or daily_budget_nano_usd == 0:
        return
    with reading(engine) as connection:
        prices = Prices.load(connection)
    for name in list_called_models(judge, list_metrics(judge)):
        if not prices.has_price(model.provider, name):
            raise BadInput(
                f"The price of {name} is unknown, so the daily budget of production sampling cannot be enforced. "
                "Import it with genaiops import prices, or choose another judge in GENAIOPS_SAMPLE_JUDGE."
            )


def create_context(connection: sa.Connection) -> CallContext:
    """What the calls of several samples share."""
    # No spend limit: `scoring.score_round` checks the daily budget between samples.
    limiter = RateLimiter(RateLimits(concurrency=_CALLS_AT_ONCE))
    return CallContext(limiter=limiter, prices=Prices.load(connection))


async def judge_sample(
    engine: sa.Engine, judge: Judge, context: CallContext, trace_id: str
) -> tuple[list[Judgement], str]:
    """Judgements of all metrics, and why they are undefined when the trace has no question and answer.

    Raises:
        CallFailed: every metric failed and nothing was billed; the sample can be judged again later.
    """
    with reading(engine) as connection:
        trace_case = read_trace_case(connection, trace_id)
    metrics = list_metrics(judge)
    if trace_case.case is None or not trace_case.case.answer:
        undefined = [
            Judgement(metric=name, value=None, reason=trace_case.problem, cost_nano_usd=0, latency_ms=0.0)
            for name in metrics
        ]
        return undefined, trace_case.problem
    case = trace_case.case
    judgements = await asyncio.gather(*(_judge_metric(judge, context, case, name) for name in metrics))
    # A sample that was billed is not judged again, so that it is not paid twice.
    if all(judgement.is_failed for judgement in judgements) and not sum_cost(judgements):
        raise CallFailed(judgements[0].reason)
    return list(judgements), ""


def sum_cost(judgements: Sequence[Judgement]) -> int:
    """Cost in nano-USD; `require_prices` has ensured that the prices are known."""
    return sum(judgement.cost_nano_usd or 0 for judgement in judgements)


async def _judge_metric(judge: Judge, context: CallContext, case: Case, metric: str) -> Judgement:
    """One metric; if the judge fails it is undefined, with the reason and the cost."""
    if judge.model is None:
        return await judge.judge(case, metric, NoCalls())
    timeout_s = RateLimits().unit_timeout_s
    clock = UnitClock(timeout_s)
    # The key identifies nothing, since these calls are not cached.
    calls = UnitCalls(context, judge.model, UnitKey(0, 1, metric), clock)
    try:
        async with clock:
            judgement = await judge.judge(case, metric, calls)
    except (CallFailed, TimeoutError) as error:
        reason = str(error) or f"took longer than {timeout_s:g} s"
        judgement = Judgement(
            metric=metric, value=None, reason=reason, cost_nano_usd=0, latency_ms=0.0, is_failed=True
        )
    # Also of a failed metric: its calls count against the daily budget.
    return replace(judgement, cost_nano_usd=calls.cost_nano_usd)
