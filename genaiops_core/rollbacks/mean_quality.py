"""The mean quality of requests over all metrics: one decider for the rollback policy, the screens, the API and health."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genaiops_core.evaluation.metrics import REGISTRY
from genaiops_core.telemetry.sampling import feedback_scores
from genaiops_core.telemetry.traffic.quality import MetricQuality

HUMAN = "human"
PROXIES = tuple(metric.name for metric in REGISTRY.values() if metric.is_proxy)
"""Word overlap is not a quality that a limit can be set for."""

SELF_SELECTED_JUDGES = (feedback_scores.JUDGE, HUMAN)
"""Users and reviewers choose what they rate, mostly bad answers. Their scores are shown but roll nothing back."""


@dataclass(frozen=True, kw_only=True)
class MeanQuality:
    """A mean over metrics, each weighted by the requests it represents."""

    mean: float | None
    """0 to 1; None when no metric counts or has a mean."""
    effective_n: float
    """Kish: as many equally weighted scores would know as much. Scores of one request count as independent."""


def mean_quality(metrics: Iterable[MetricQuality]) -> MeanQuality:
    """The mean that the rollback policy calls `avg_quality_score`.

    Proxies and self-selected judges do not count. Each metric has been weighted for its sampling rates before
    (`statistics.stratified`), so a request that was sampled at 2 % counts here as often as one that was always scored.
    """
    counted = [
        (metric.mean, metric.requests_represented, metric.effective_n)
        for metric in metrics
        if metric.mean is not None
        and metric.effective_n
        and metric.metric not in PROXIES
        and metric.judge not in SELF_SELECTED_JUDGES
    ]
    total = sum(weight for _, weight, _ in counted)
    if total <= 0:
        return MeanQuality(mean=None, effective_n=0.0)
    return MeanQuality(
        mean=sum(mean * weight for mean, weight, _ in counted) / total,
        effective_n=total**2 / sum(weight**2 / n for _, weight, n in counted if n),
    )
