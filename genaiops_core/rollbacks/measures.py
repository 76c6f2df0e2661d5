"""How one release did over the last minutes: the figures that policies judge and incidents keep."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import request, score
from genaiops_core.telemetry import queries
from genaiops_core.telemetry.filters import Filters


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
    scores: int
    avg_quality_score: float | None  # mean of `scores` values of all metrics, 0 to 1

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
    scores, quality = _quality(connection, filters) if with_quality else (0, None)
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
        avg_quality_score=quality,
    )


def _quality(connection: sa.Connection, filters: Filters) -> tuple[int, float | None]:
    """How many scores the requests of the window have, and their mean: found by way of the requests' index."""
    query = (
        sa.select(sa.func.count(score.c.value), sa.func.avg(score.c.value))
        .select_from(request)
        .join(
            score,
            sa.and_(score.c.trace_id == request.c.trace_id, score.c.application == request.c.application),
        )
        .where(
            request.c.application == filters.application,
            request.c.release == filters.release,
            request.c.start_ns >= filters.start_ns,
            request.c.start_ns < filters.end_ns,
        )
    )
    scored, mean = connection.execute(query).one()
    return int(scored), None if mean is None else float(mean)
