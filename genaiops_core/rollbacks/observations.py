"""How one release did over the last minutes: the figures that policies judge and incidents keep."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from genaiops_core.rollbacks.mean_quality import MeanQuality, mean_quality
from genaiops_core.rollbacks.policy import Metric
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import queries
from genaiops_core.telemetry.traffic.request_quality import read_request_quality


@dataclass(frozen=True, kw_only=True)
class PolicyFigures:
    """The figures that triggers compare with their thresholds. A figure that was not measured is None."""

    requests: int
    error_rate: float | None  # failed requests / requests
    cost_per_request: float | None  # USD, of the calls that have a price
    p95_latency: float | None  # ms, of successful requests
    scores: int  # effective number: as many equally weighted ones would know as much
    avg_quality_score: float | None  # mean over all metrics, 0 to 1, of all requests where they were sampled

    def sample_of(self, metric: Metric) -> int:
        """How many measurements a figure rests on: scores for quality, else requests."""
        return self.scores if metric == "avg_quality_score" else self.requests


@dataclass(frozen=True, kw_only=True)
class Observation(PolicyFigures):
    """One release over one window."""

    application: str
    release: str
    variant: str  # canary or stable
    window_min: int

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
    figures = queries.read_summary(connection, filters)
    metrics = read_request_quality(connection, filters, figures.requests) if with_quality else []
    return Observation(
        application=application,
        release=release,
        variant=variant,
        window_min=window_min,
        **vars(policy_figures(figures, mean_quality(metrics))),
    )


def policy_figures(figures: Figures, quality: MeanQuality) -> PolicyFigures:
    """The figures of any traffic under the names and in the units of the policy."""
    cost_nano_usd = figures.cost_per_request_nano_usd
    return PolicyFigures(
        requests=figures.requests,
        error_rate=figures.error_rate,
        cost_per_request=None if cost_nano_usd is None else cost_nano_usd / 1e9,
        p95_latency=figures.latency_ms["p95"],
        scores=int(quality.effective_n),
        avg_quality_score=quality.mean,
    )
