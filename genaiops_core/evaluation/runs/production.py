"""Judging sampled production requests: in order of priority, within a budget a day, each once among all workers."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog

from db.tables.reviews import sample
from db.transaction import writing
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.trace_case import case_of
from genaiops_core.evaluation.judges.protocol import Judge, Judgement
from genaiops_core.evaluation.runs.sample_judging import cost_of, judged, means_of
from genaiops_core.telemetry.sampling.policy import build_queue_message
from genaiops_core.telemetry.scores import Score, record_scores

LEASE = dt.timedelta(minutes=5)
"""A sample claimed this long ago by a worker that has not finished it is free again."""

MOST_WAIT = dt.timedelta(days=2)
"""Samples that budget or failures held up longer are skipped: a trend of last week helps nobody."""

MOST_AT_ONCE = 50
MOST_PAID_AT_ONCE = 5
"""Of a judge that asks a model, so that all are done within the lease."""
_MINUTE = dt.timedelta(minutes=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much may be judged."""

    daily_budget_nano_usd: int
    """A day is one of UTC. The last judgement may exceed it; free judges are never stopped by it."""
    per_minute: int

    def __post_init__(self) -> None:
        if self.daily_budget_nano_usd < 0 or self.per_minute < 1:
            raise BadInput("A judge needs a budget of at least 0 USD a day and at least 1 sample a minute.")


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one round did."""

    scored: int
    skipped: int
    failed: int
    """To be tried again later."""
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
    """Judge the next samples; the scores and the end of each sample are written together.

    Samples are claimed for `LEASE`, so that several workers share them, and one that is killed loses none.

    Args:
        engine: of the product's database.
        judge: who measures.
        limits: how much may be judged.
        now: the time.
        is_stopping: asked before every sample.
        runner: whose event loop the judge's connections belong to; None uses one for this round.
    """
    if runner is None:
        with asyncio.Runner() as own:
            return score_round(engine, judge, limits, now, is_stopping=is_stopping, runner=own)
    is_free = judge.model is None
    with writing(engine) as connection:
        spent = spent_today(connection, now)
        is_out = limits.daily_budget_nano_usd > 0 and spent >= limits.daily_budget_nano_usd
        is_out = is_out or (limits.daily_budget_nano_usd == 0 and not is_free)
        if is_out:
            skipped = _skip_old(connection, now)
            return Round(scored=0, skipped=skipped, failed=0, cost_nano_usd=0, is_out_of_budget=True)
        most = MOST_AT_ONCE if is_free else MOST_PAID_AT_ONCE
        claimed = _claim(connection, min(most, _room(connection, limits, now)), now)
        means = means_of(connection)
    left = limits.daily_budget_nano_usd - spent
    cost = scored = failed = 0
    for number, row in enumerate(claimed):
        if is_stopping() or (cost > 0 and cost >= left):
            _release(engine, [one.id for one in claimed[number:]])
            break
        try:
            judgements, problem = runner.run(judged(engine, judge, means, row.trace_id))
        except Exception as error:
            failed += 1
            _failed(engine, row, error, now)
            continue
        spent_here = cost_of(judgements)
        scored += _finish(engine, row.id, judge.name, judgements, problem, now)
        cost += spent_here
    return Round(
        scored=scored,
        skipped=0,
        failed=failed,
        cost_nano_usd=cost,
        is_out_of_budget=cost > 0 and cost >= left,
    )


def spent_today(connection: sa.Connection, now: dt.datetime) -> int:
    """Nano-USD that judging production requests cost since midnight UTC."""
    midnight = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    query = sa.select(sa.func.sum(sample.c.cost_nano_usd)).where(sample.c.ended_at >= midnight)
    return int(connection.scalar(query) or 0)


def message(connection: sa.Connection, *, application: str, trace_id: str) -> dict[str, Any] | None:
    """A sample as a message for a queue of another system; None when it is no sample or tells no question."""
    row = connection.execute(
        sa.select(sample.c.priority, sample.c.reason).where(
            sample.c.trace_id == trace_id, sample.c.application == application
        )
    ).first()
    case = case_of(connection, trace_id).case if row is not None else None
    if row is None or case is None:
        return None
    return build_queue_message(
        trace_id=trace_id,
        query=case.input,
        response=case.answer,
        context=case.contexts,
        priority=row.priority,
        reason=row.reason,
    )


def _room(connection: sa.Connection, limits: Limits, now: dt.datetime) -> int:
    ended = sa.and_(sample.c.ended_at > now - _MINUTE, sample.c.state == "scored")
    under_way = sa.and_(sample.c.state == "queued", sample.c.claimed_until > now)
    count = sum(
        connection.scalar(sa.select(sa.func.count()).select_from(sample).where(which)) or 0
        for which in (ended, under_way)
    )
    return max(0, limits.per_minute - count)


def _claim(connection: sa.Connection, most: int, now: dt.datetime) -> Sequence[Any]:
    if most < 1:
        return []
    is_free = sa.or_(sample.c.claimed_until.is_(None), sample.c.claimed_until <= now)
    rows = connection.execute(
        sa.select(sample.c.id, sample.c.trace_id, sample.c.application, sample.c.selected_at)
        .where(sample.c.state == "queued", is_free)
        .order_by(sample.c.priority, sample.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    if rows:
        claimed = sample.c.id.in_([row.id for row in rows])
        connection.execute(sa.update(sample).where(claimed).values(claimed_until=now + LEASE))
    return rows


def _release(engine: sa.Engine, ids: Sequence[int]) -> None:
    with writing(engine) as connection:
        connection.execute(sa.update(sample).where(sample.c.id.in_(ids)).values(claimed_until=None))


def _finish(
    engine: sa.Engine, id: int, judge: str, judgements: Sequence[Judgement], problem: str, now: dt.datetime
) -> bool:
    """Keep the scores with the probability the sample has now; False when another worker was quicker."""
    with writing(engine) as connection:
        row = connection.execute(
            sa.select(sample).where(sample.c.id == id, sample.c.state == "queued").with_for_update()
        ).first()
        if row is None:
            return False
        record_scores(
            connection,
            [
                Score(
                    application=row.application,
                    trace_id=row.trace_id,
                    metric=one.metric,
                    judge=judge,
                    value=one.value,
                    reason=one.reason,
                    start_ns=row.start_ns,
                    environment=row.environment,
                    release=row.release,
                    rate_ppm=row.rate_ppm,
                )
                for one in judgements
            ],
        )
        connection.execute(
            sa.update(sample)
            .where(sample.c.id == id)
            .values(
                state="scored",
                ended_at=now,
                claimed_until=None,
                cost_nano_usd=cost_of(judgements),
                note=problem,
            )
        )
    return True


def _failed(engine: sa.Engine, row: Any, error: Exception, now: dt.datetime) -> None:
    """Leave it to be tried again when its claim runs out, but not for ever."""
    log.warning("a sample could not be judged", trace=row.trace_id, problem=str(error)[:300])
    if row.selected_at > now - MOST_WAIT:
        return
    with writing(engine) as connection:
        skipped = {"state": "skipped", "ended_at": now, "note": f"the judge failed: {str(error)[:300]}"}
        connection.execute(
            sa.update(sample).where(sample.c.id == row.id, sample.c.state == "queued").values(**skipped)
        )


def _skip_old(connection: sa.Connection, now: dt.datetime) -> int:
    old = sa.and_(sample.c.state == "queued", sample.c.selected_at < now - MOST_WAIT)
    return connection.execute(
        sa.update(sample)
        .where(old)
        .values(state="skipped", ended_at=now, note="the daily budget of the judge did not reach it")
    ).rowcount
