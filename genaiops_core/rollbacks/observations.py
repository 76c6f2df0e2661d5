"""How one release did over the last minutes: the figures that policies judge and incidents keep."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.reviews import sample
from db.tables.telemetry import request, score
from genaiops_core.evaluation.metrics import REGISTRY
from genaiops_core.statistics.stratified import estimate
from genaiops_core.telemetry.sampling import feedback_scores
from genaiops_core.telemetry.sampling.policy import PPM
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import quality, queries

HUMAN = "human"
PROXIES = tuple(metric.name for metric in REGISTRY.values() if metric.is_proxy)
"""Words in common are no quality that a limit could be set for."""

OF_THEIR_OWN_ACCORD = (feedback_scores.JUDGE, HUMAN)
"""Judges who choose what they judge: mostly what is bad. They are shown, but do not roll anything back."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One release over one window. A figure that nothing was measured for is None."""

    application: str
    release: str
    variant: str  # canary or stable
    window_min: int
    requests: int
    error_rate: float | None  # failed requests / requests
    cost_per_request: float | None  # USD, of the calls that have a price
    p95_latency: float | None  # ms, of successful requests
    scores: int  # effective number: as many equally weighted ones would know as much
    avg_quality_score: float | None  # mean over all metrics, 0 to 1, of all requests where they were sampled

    def as_json(self) -> dict[str, Any]:
        """The figures under the names policies use."""
        return {
            "release": self.release,
            "requests": self.requests,
            "error_rate": self.error_rate,
            "cost_per_request": self.cost_per_request,
            "p95_latency": self.p95_latency,
            "scores": self.scores,
            "avg_quality_score": self.avg_quality_score,
        }


def observe(
    connection: sa.Connection,
    *,
    application: str,
    release: str,
    variant: str,
    now: dt.datetime,
    window_min: int,
    with_quality: bool = True,
) -> Observation:
    """Measure `release` over the `window_min` minutes before `now`, widened to whole minutes.

    Scores are counted by way of the requests they judge, which costs more than the rest together: a caller that does
    not need them leaves them out with `with_quality`.
    """
    filters = Filters(
        start=now - dt.timedelta(minutes=window_min), end=now, application=application, release=release
    )
    figures = queries.summary(connection, filters)
    cost = figures.cost_per_request_nano_usd
    scores, mean = _quality(connection, filters, figures.requests) if with_quality else (0, None)
    return Observation(
        application=application,
        release=release,
        variant=variant,
        window_min=window_min,
        requests=figures.requests,
        error_rate=figures.error_rate,
        cost_per_request=None if cost is None else cost / 1e9,
        p95_latency=figures.latency_ms["p95"],
        scores=scores,
        avg_quality_score=mean,
    )


def _quality(connection: sa.Connection, filters: Filters, requests: int) -> tuple[int, float | None]:
    """How many scores the requests of the window have, and their mean: found by way of the requests' index.

    Requests that are slow, dear or disliked are always judged, the others rarely: each score counts for as many
    requests as it stands for, and scores are counted by what they are worth together (effective n).
    """
    of_window = (
        request.c.application == filters.application,
        request.c.release == filters.release,
        request.c.start_ns >= filters.start_ns,
        request.c.start_ns < filters.end_ns,
    )
    judged = sa.and_(score.c.trace_id == request.c.trace_id, score.c.application == request.c.application)
    values = connection.execute(
        sa.select(
            score.c.rate_ppm,
            sa.func.count(),
            sa.func.count(score.c.trace_id.distinct()),
            sa.func.count(score.c.value),
            sa.func.sum(score.c.value),
            sa.func.sum(score.c.value * score.c.value),
        )
        .select_from(request)
        .join(score, judged)
        .where(*of_window, score.c.judge.not_in(OF_THEIR_OWN_ACCORD), score.c.metric.not_in(PROXIES))
        .group_by(score.c.rate_ppm)
    ).all()
    sums = {
        rate: quality.Sums(
            scored=scored,
            undefined=count - scored,
            value_sum=float(value_sum or 0),
            square_sum=float(square_sum or 0),
        )
        for rate, count, _, scored, value_sum, square_sum in values
    }
    considered: dict[int, int] = {}
    if any(sums):
        # A request has a score of every metric, so it stands for as many.
        each = sum(row[1] for row in values if row[0]) / sum(row[2] for row in values if row[0])
        chosen = sa.and_(
            sample.c.trace_id == request.c.trace_id, sample.c.application == request.c.application
        )
        rows = connection.execute(
            sa.select(sample.c.rate_ppm, sa.func.count())
            .select_from(request)
            .join(sample, chosen)
            .where(*of_window, sample.c.rate_ppm > 0)
            .group_by(sample.c.rate_ppm)
        )
        sampled = {rate: int(count) for rate, count in rows}
        always = min(requests, sampled.get(PPM, 0))
        base = max((rate for rate in {*sampled, *sums} if 0 < rate < PPM), default=0)
        considered = {PPM: round(always * each), base: round((requests - always) * each)}
    found = estimate(quality.strata(sums, considered))
    return int(found.effective_n or 0), found.mean
