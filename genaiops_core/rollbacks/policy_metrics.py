"""The metrics that a rollback policy can watch: their names, ranges and how they follow from traffic.

A new metric is a name in `Metric`, its highest threshold, a field of `PolicyFigures` and a line in `policy_figures`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from genaiops_core.telemetry.figures import Figures

if TYPE_CHECKING:
    from genaiops_core.rollbacks.mean_quality import MeanQuality

Metric = Literal["error_rate", "avg_quality_score", "cost_per_request", "p95_latency"]

HIGHEST_THRESHOLD: Mapping[Metric, float] = {
    "error_rate": 1.0,
    "avg_quality_score": 1.0,
    "cost_per_request": math.inf,
    "p95_latency": math.inf,
}


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

    def figures_json(self) -> dict[str, Any]:
        """The figures under the names that policies use."""
        return {name: getattr(self, name) for name in PolicyFigures.__dataclass_fields__}


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
