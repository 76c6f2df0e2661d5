"""What a run adds up to while it is under way: means so far, why units failed, and where the money went."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.evaluations import evaluation_score, judge_call


@dataclass(frozen=True, kw_only=True)
class MetricProgress:
    """One metric over the units that were scored; the mean says nothing of those that were not."""

    metric: str
    mean: float | None
    """None while no unit has a value."""
    n: int
    undefined: int
    """Without a value, failed ones included."""
    failed: int


@dataclass(frozen=True, kw_only=True)
class MetricSpend:
    """What measuring one metric took."""

    metric: str
    calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cost_nano_usd: int
    """A lower bound while `unpriced_calls` is above 0."""


def fetch_metric_progress(connection: sa.Connection, id: str) -> list[MetricProgress]:
    """Every metric of a run that has a unit, by name."""
    score = evaluation_score.c
    query = (
        sa.select(
            score.metric,
            sa.func.avg(score.value),
            sa.func.count(score.value),
            sa.func.count(),
            sa.func.sum(sa.case((score.is_failed, 1), else_=0)),
        )
        .where(score.evaluation_id == id)
        .group_by(score.metric)
        .order_by(score.metric)
    )
    return [
        MetricProgress(metric=metric, mean=mean, n=n, undefined=units - n, failed=int(failed))
        for metric, mean, n, units, failed in connection.execute(query)
    ]


def count_failures(connection: sa.Connection, id: str, limit: int = 3) -> list[tuple[str, int]]:
    """(reason, units), the most frequent first, of units whose judge or target failed."""
    score = evaluation_score.c
    units = sa.func.count().label("units")
    query = (
        sa.select(score.reason, units)
        .where(score.evaluation_id == id, score.is_failed)
        .group_by(score.reason)
        .order_by(units.desc(), score.reason)
        .limit(limit)
    )
    return [(row.reason, row.units) for row in connection.execute(query)]


def fetch_metric_spend(connection: sa.Connection, id: str) -> list[MetricSpend]:
    """Calls, tokens and cost of judging by metric, the dearest first; empty when the judge asks no model."""
    call = judge_call.c
    query = (
        sa.select(
            call.metric,
            sa.func.count(),
            sa.func.sum(sa.case((call.cost_nano_usd.is_(None), 1), else_=0)),
            sa.func.coalesce(sa.func.sum(call.input_tokens), 0),
            sa.func.coalesce(sa.func.sum(call.output_tokens), 0),
            sa.func.coalesce(sa.func.sum(call.cost_nano_usd), 0),
        )
        .where(call.evaluation_id == id)
        .group_by(call.metric)
    )
    spends = [
        # PostgreSQL adds big integers up to decimals.
        MetricSpend(
            metric=metric,
            calls=calls,
            unpriced_calls=int(unpriced),
            input_tokens=int(tokens_in),
            output_tokens=int(tokens_out),
            cost_nano_usd=int(cost),
        )
        for metric, calls, unpriced, tokens_in, tokens_out, cost in connection.execute(query)
    ]
    return sorted(spends, key=lambda one: (-one.cost_nano_usd, one.metric))
