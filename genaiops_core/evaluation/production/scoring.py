"""Scores sampled production requests: in order of priority, within a daily budget, each sample once across all workers."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.transaction import reading, writing
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.trace_case import read_trace_case
from genaiops_core.evaluation.judges.protocol import Judge, Judgement
from genaiops_core.evaluation.production.judging import create_context, judge_sample, sum_cost
from genaiops_core.logs import get_logger
from genaiops_core.telemetry.sampling import sample_queue, samples
from genaiops_core.telemetry.sampling.policy import build_queue_message
from genaiops_core.telemetry.scores import Score, record_scores

LEASE = dt.timedelta(minutes=5)
"""A sample is free again when the worker that claimed it has not finished it within this time."""

MAX_WAIT = dt.timedelta(days=2)
"""Samples that waited longer for budget or for a failing judge are skipped: newer requests matter more."""

MAX_SAMPLES_PER_ROUND = 50
MAX_PAID_SAMPLES_PER_ROUND = 5
"""For a judge that calls a model, so that all samples of a round finish within the lease."""

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much may be judged."""

    daily_budget_nano_usd: int
    """Per day of UTC. The last judgement may exceed it; it never stops a judge without cost."""
    per_minute: int

    def __post_init__(self) -> None:
        if self.daily_budget_nano_usd < 0 or self.per_minute < 1:
            raise BadInput(
                "The daily budget of a judge must be at least 0 USD, and its rate at least 1 sample per minute."
            )


@dataclass(frozen=True, kw_only=True)
class Round:
    """The result of one round."""

    scored: int
    skipped: int
    failed: int
    """Samples to be judged again later."""
    cost_nano_usd: int
    is_out_of_budget: bool


def score_round(
    engine: sa.Engine,
    judge: Judge,
    limits: Limits,
    now: dt.datetime,
    *,
    is_stopping: Callable[[], bool] = lambda: False,
    runner: asyncio.Runner | None = None,
) -> Round:
    """Judge the next samples; the scores and the state of each sample are written in one transaction.

    Samples are claimed for `LEASE`, so that several workers share them, and a killed worker loses none.

    Args:
        engine: of the product's database.
        judge: the judge that scores them.
        limits: how much may be judged.
        now: the time.
        is_stopping: called before every sample.
        runner: the event loop of the judge's connections; None creates one for this round.
    """
    if runner is None:
        with asyncio.Runner() as new_runner:
            return score_round(engine, judge, limits, now, is_stopping=is_stopping, runner=new_runner)
    is_free = judge.model is None
    with writing(engine) as connection:
        spent = fetch_spent_today(connection, now)
        is_out = limits.daily_budget_nano_usd > 0 and spent >= limits.daily_budget_nano_usd
        # A budget of 0 switches judges with a cost off; a free judge goes on.
        is_out = is_out or (limits.daily_budget_nano_usd == 0 and not is_free)
        if is_out:
            skipped = sample_queue.skip_older_than(
                connection, now - MAX_WAIT, at=now, note="the daily budget of the judge was spent"
            )
            return Round(scored=0, skipped=skipped, failed=0, cost_nano_usd=0, is_out_of_budget=True)
        max_samples = MAX_SAMPLES_PER_ROUND if is_free else MAX_PAID_SAMPLES_PER_ROUND
        allowed = limits.per_minute - sample_queue.count_last_minute(connection, now)
        claimed = sample_queue.claim(connection, min(max_samples, allowed), now, LEASE)
        context = create_context(connection)
    remaining = limits.daily_budget_nano_usd - spent
    cost = scored = failed = 0
    for position, row in enumerate(claimed):
        # `cost > 0` lets a free judge go on when the budget is 0.
        if is_stopping() or (cost > 0 and cost >= remaining):
            with writing(engine) as connection:
                sample_queue.release(connection, [unjudged.id for unjudged in claimed[position:]])
            break
        try:
            judgements, problem = runner.run(judge_sample(engine, judge, context, row.trace_id))
        except Exception as error:
            failed += 1
            _handle_failure(engine, row, error, now)
            continue
        scored += _finish(engine, row.id, judge.name, judgements, problem, now)
        cost += sum_cost(judgements)
    return Round(
        scored=scored,
        skipped=0,
        failed=failed,
        cost_nano_usd=cost,
        is_out_of_budget=cost > 0 and cost >= remaining,
    )


def has_queued(engine: sa.Engine) -> bool:
    """Whether any sample waits to be judged."""
    with reading(engine) as connection:
        return sample_queue.has_queued(connection)


def fetch_spent_today(connection: sa.Connection, now: dt.datetime) -> int:
    """Cost in nano-USD of production sampling since midnight UTC."""
    midnight = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return sample_queue.fetch_spent_since(connection, midnight)


def read_queue_message(
    connection: sa.Connection, *, application: str, trace_id: str
) -> dict[str, Any] | None:
    """A sample as a message for the queue of another system; None when it is no sample or its trace has no question."""
    sample = samples.get_sample(connection, application, trace_id)
    case = read_trace_case(connection, trace_id).case if sample is not None else None
    if sample is None or case is None:
        return None
    return build_queue_message(
        trace_id=trace_id,
        query=case.input,
        response=case.answer,
        context=case.contexts,
        priority=sample.priority,
        reason=sample.reason,
    )


def _finish(
    engine: sa.Engine, id: int, judge: str, judgements: Sequence[Judgement], problem: str, now: dt.datetime
) -> bool:
    """Store the scores with the sample's current rate; False when another worker finished it first."""
    with writing(engine) as connection:
        # The lease may have expired during a slow call, and another worker may have finished the sample.
        row = sample_queue.lock_queued(connection, id)
        if row is None:
            return False
        record_scores(
            connection,
            [
                Score(
                    application=row.application,
                    trace_id=row.trace_id,
                    metric=judgement.metric,
                    judge=judge,
                    value=judgement.value,
                    reason=judgement.reason,
                    start_ns=row.start_ns,
                    environment=row.environment,
                    release=row.release,
                    rate_ppm=row.rate_ppm,
                )
                for judgement in judgements
            ],
        )
        sample_queue.finish(connection, id, at=now, cost_nano_usd=sum_cost(judgements), note=problem)
    return True


def _handle_failure(engine: sa.Engine, row: Any, error: Exception, now: dt.datetime) -> None:
    """Keep the sample queued until its claim expires, or skip it when it has waited for `MAX_WAIT`."""
    log.warning("a sample could not be judged", trace=row.trace_id, problem=str(error)[:300])
    if row.selected_at > now - MAX_WAIT:
        return
    with writing(engine) as connection:
        sample_queue.skip(connection, row.id, at=now, note=f"the judge failed: {str(error)[:300]}")
