"""Quality of production requests: mean scores with 95 % intervals, weighted by the inverse of the sampling probability."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.reviews import sample_rollup_hour
from db.tables.telemetry import score_rollup_hour
from genaiops_core.errors import BadInput
from genaiops_core.statistics.stratified import Estimate, Stratum, estimate
from genaiops_core.telemetry.rollups.cells import fetch_applications
from genaiops_core.telemetry.rollups.plan import MINUTES_PER_DAY, MINUTES_PER_HOUR
from genaiops_core.telemetry.sampling.policy import PPM
from genaiops_core.telemetry.scores import SUMS
from genaiops_core.telemetry.time_window import Filters, from_minute

STEPS: Mapping[str, int] = {"1h": MINUTES_PER_HOUR, "6h": 6 * MINUTES_PER_HOUR, "1d": MINUTES_PER_DAY}
"""Steps of a series by name, in minutes; scores roll up by the hour, so an hour is the shortest step."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean of values in [0, 1] with a 95 % confidence interval."""

    mean: float | None
    """None when nothing was scored."""
    low: float | None
    """None with fewer than two values, because their spread is then unknown."""
    high: float | None
    method: str
    """Method of the interval, for a footnote."""


@dataclass(frozen=True, kw_only=True)
class MetricQuality:
    """One metric by one judge over a window."""

    metric: str
    judge: str
    mean: float | None
    """Estimate for the whole traffic, also when only a sample was scored; None when too little was scored."""
    low: float | None
    high: float | None
    method: str
    scored: int
    """Requests with a value."""
    undefined: int
    """Requests that were judged but have no value."""
    effective_n: float | None = None
    """Effective sample size of the interval: the number of equally weighted values with the same variance (Kish)."""
    is_sampled: bool = False
    """Whether the scored requests were sampled and are weighted by the inverse of their probability."""
    population: int | None = None
    """Requests that the scores stand for; None when they were not sampled."""
    requests_represented: float = 0.0
    """Requests that the mean stands for, the weight of this metric in a mean over metrics: each scored request for
    itself where it was not sampled, else all requests considered, less the share for which the metric is undefined."""
    unscored_share: float = 0.0
    """Share of the population in strata without any score; the interval covers every value it may have."""


@dataclass(frozen=True, kw_only=True)
class QualityPoint:
    """One metric by one judge in one step of a series."""

    start: dt.datetime
    key: str | None
    """The value of the dimension `by`; None for a missing value, or without `by`."""
    quality: MetricQuality


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Sums over the scores of requests with the same sampling probability."""

    scored: int
    undefined: int
    value_sum: float
    square_sum: float


def read_quality(connection: sa.Connection, filters: Filters) -> list[MetricQuality]:
    """Each metric by each judge over the window, in order of name.

    The window is widened to whole hours. Scores belong to requests, not to models: `filters.model` is not used.
    """
    return [quality for _, _, quality in _read_qualities(connection, filters, by=None, step_minutes=None)]


def read_quality_by(
    connection: sa.Connection, filters: Filters, by: str
) -> list[tuple[str | None, MetricQuality]]:
    """Each metric by each judge for each value of application, environment or release.

    Raises:
        BadInput: another dimension.
    """
    return [
        (key, quality) for _, key, quality in _read_qualities(connection, filters, by=by, step_minutes=None)
    ]


def read_quality_series(
    connection: sa.Connection, filters: Filters, step: str | None = None, by: str | None = None
) -> list[QualityPoint]:
    """Each metric by each judge over time; steps without scores have no point.

    Args:
        connection: best a `reading` snapshot.
        filters: the window, widened to whole hours.
        step: one of `STEPS`; None for an hour up to 8 days and a day beyond.
        by: application, environment or release, for a series each.

    Raises:
        BadInput: an unknown step or dimension.
    """
    step = step or ("1h" if filters.end - filters.start <= dt.timedelta(days=8) else "1d")
    if step not in STEPS:
        raise BadInput(f"'{step}' is not a valid step for quality; use one of {', '.join(STEPS)}.")
    rows = _read_qualities(connection, filters, by=by, step_minutes=STEPS[step])
    return [
        QualityPoint(start=from_minute(number * STEPS[step]), key=key, quality=quality)
        for number, key, quality in rows
    ]


def estimate_interval(n: int, value_sum: float, square_sum: float) -> Interval:
    """The plain mean of n values in [0, 1] and its 95 % interval, from their sums; see `statistics.stratified`."""
    estimated = estimate([Stratum(population=n, n=n, value_sum=value_sum, square_sum=square_sum)])
    return Interval(mean=estimated.mean, low=estimated.low, high=estimated.high, method=estimated.method)


def build_strata(scores: Mapping[int, Sums], considered: Mapping[int, int]) -> list[Stratum]:
    """The strata of the traffic, one for each sampling probability.

    Args:
        scores: by rate in millionths; rate 0 has the scores of requests that were not sampled, which represent only
            themselves.
        considered: requests by rate. A rate without any score is a stratum with an unknown mean. For a rate without
            a count, the population is estimated from the rate.
    """
    # Without sampled scores nothing is estimated for the traffic as a whole.
    rates = set(scores) | (set(considered) if any(scores) else set())
    strata: list[Stratum] = []
    for rate in sorted(rates):
        sums = scores.get(rate) or Sums(scored=0, undefined=0, value_sum=0.0, square_sum=0.0)
        judged_requests = sums.scored + sums.undefined
        population = (
            estimate_population(rate, sums, considered) if judged_requests else float(considered.get(rate, 0))
        )
        strata.append(
            Stratum(
                population=population, n=sums.scored, value_sum=sums.value_sum, square_sum=sums.square_sum
            )
        )
    return strata


def estimate_population(rate_ppm: int, sums: Sums, considered: Mapping[int, int]) -> float:
    """Number of requests that the judged requests of a rate represent, without those for which the metric is undefined."""
    judged_requests = sums.scored + sums.undefined
    if rate_ppm == 0 or not judged_requests:
        return float(sums.scored)
    # The share of requests with an undefined metric is assumed to be the same among judged and other requests.
    requests_at_rate = max(considered.get(rate_ppm, judged_requests * PPM / rate_ppm), judged_requests)
    return requests_at_rate * sums.scored / judged_requests


def read_sums_by_rate(
    connection: sa.Connection, filters: Filters
) -> tuple[dict[tuple[str, str], dict[int, Sums]], dict[int, int]]:
    """Scores of the window by (metric, judge) and sampling rate in millionths, and the requests considered by rate."""
    scores, considered = _read_sums(connection, filters, by=None, step_minutes=None)
    by_judge = {(metric, judge): by_rate for (_, metric, judge), by_rate in scores.items()}
    return by_judge, dict(considered.get((0, ""), {}))


_Cell = tuple[int, str]
"""Step number (0 without steps) and value of the dimension."""


def _read_qualities(
    connection: sa.Connection, filters: Filters, *, by: str | None, step_minutes: int | None
) -> list[tuple[int, str | None, MetricQuality]]:
    """(step number or 0, key, quality), in that order."""
    scores, considered = _read_sums(connection, filters, by=by, step_minutes=step_minutes)
    qualities = [
        (cell[0], cell[1] or None, estimate_metric(metric, judge, by_rate, considered.get(cell, {})))
        for (cell, metric, judge), by_rate in scores.items()
    ]
    return sorted(
        qualities, key=lambda row: (row[0], row[1] is None, row[1] or "", row[2].metric, row[2].judge)
    )


def _read_sums(
    connection: sa.Connection, filters: Filters, *, by: str | None, step_minutes: int | None
) -> tuple[dict[tuple[_Cell, str, str], dict[int, Sums]], dict[_Cell, dict[int, int]]]:
    """Scores of each rate by (cell, metric, judge), and the requests considered at each rate by cell."""
    if by is not None and by not in ("application", "environment", "release"):
        raise BadInput(f"Scores cannot be split by '{by}'; use application, environment or release.")
    rollup = score_rollup_hour.c
    columns = (rollup.metric, rollup.judge, rollup.rate_ppm)
    sums = [sa.func.sum(rollup[name]) for name in SUMS]
    scores: dict[tuple[_Cell, str, str], dict[int, Sums]] = defaultdict(dict)
    query = _build_query(connection, score_rollup_hour, filters, by, step_minutes, columns, sums)
    for step, key, metric, judge, rate, scored, undefined, value_sum, square_sum in connection.execute(query):
        if scored or undefined:
            scores[(step, key), metric, judge][rate] = Sums(
                scored=int(scored), undefined=int(undefined), value_sum=value_sum, square_sum=square_sum
            )
    considered: dict[_Cell, dict[int, int]] = defaultdict(dict)
    # Scores from outside have rate 0 and stand for themselves, so no counts are needed.
    if any(rate for by_rate in scores.values() for rate in by_rate):
        columns_of_rate = (sample_rollup_hour.c.rate_ppm,)
        requests = [sa.func.sum(sample_rollup_hour.c.requests)]
        query = _build_query(
            connection, sample_rollup_hour, filters, by, step_minutes, columns_of_rate, requests
        )
        for step, key, rate, count in connection.execute(query):
            considered[step, key][rate] = int(count)
    return scores, considered


def _build_query(
    connection: sa.Connection,
    table: sa.Table,
    filters: Filters,
    by: str | None,
    step_minutes: int | None,
    columns: tuple[sa.ColumnElement[Any], ...],
    sums: list[Any],
) -> sa.Select[Any]:
    """Sums of an hourly rollup table, grouped by step, key and `columns`."""
    rollup = table.c
    step: sa.ColumnElement[int] = sa.literal_column("0", sa.Integer)
    if step_minutes is not None:
        step = rollup.bucket // sa.literal_column(str(step_minutes // MINUTES_PER_HOUR), sa.Integer)
    key = rollup[by] if by else sa.literal_column("''", sa.String)
    names = [filters.application] if filters.application is not None else fetch_applications(connection)
    dimensions = {"environment": filters.environment, "release": filters.release}
    return (
        sa.select(step.label("step"), key.label("split"), *columns, *sums)
        .where(
            rollup.application.in_(names),
            rollup.bucket >= filters.start_minute // MINUTES_PER_HOUR,
            rollup.bucket < -(-filters.end_minute // MINUTES_PER_HOUR),
            *[rollup[name] == value for name, value in dimensions.items() if value is not None],
        )
        # By position: step and key may be literals, which a GROUP BY cannot name.
        .group_by(sa.text("1"), sa.text("2"), *columns)
    )


def estimate_metric(
    metric: str, judge: str, by_rate: Mapping[int, Sums], considered: Mapping[int, int]
) -> MetricQuality:
    """The quality by one metric and judge, from sums of scores and numbers of considered requests by sampling rate."""
    is_sampled = any(by_rate)
    strata = build_strata(by_rate, considered)
    estimated: Estimate = estimate(strata)
    return MetricQuality(
        metric=metric,
        judge=judge,
        mean=estimated.mean,
        low=estimated.low,
        high=estimated.high,
        method=estimated.method,
        scored=sum(sums.scored for sums in by_rate.values()),
        undefined=sum(sums.undefined for sums in by_rate.values()),
        effective_n=estimated.effective_n,
        is_sampled=is_sampled,
        population=sum(considered.values()) if is_sampled else None,
        requests_represented=sum(part.population for part in strata),
        unscored_share=estimated.unknown_share if is_sampled else 0.0,
    )
