"""Compares cost and latency of two releases by their traffic. A decider: samples in, differences out."""

from __future__ import annotations

from collections.abc import Sequence

from genaiops_core.evaluation.verdicts.compare import COST, LATENCIES, LATENCY, Difference, decide_difference
from genaiops_core.evaluation.verdicts.traffic import MIN_REQUESTS, WINDOW_DAYS, RequestSample
from genaiops_core.statistics import independent
from genaiops_core.statistics.intervals import Interval
from genaiops_core.statistics.quantiles import quantile

_LATENCY_SHARES = {name: LATENCIES[name] for name in ("latency_p50", "latency_p95")}


def compare_traffic(
    metrics: Sequence[str],
    before: RequestSample,
    after: RequestSample,
    max_degradation: float,
    *,
    alpha: float,
) -> list[Difference]:
    """Relative changes of mean cost and of latency percentiles between the traffic of two releases.

    Weaker evidence than generated answers: the releases answered different questions at different times.

    Args:
        metrics: of `cost`, `latency` (p50 and p95), `latency_p50|p95|p99`.
        before: requests of the baseline's release.
        after: requests of this one.
        max_degradation: the allowed relative increase; 0.05 is 5 %.
        alpha: error rate of each interval.
    """
    names: list[str] = []
    for metric in metrics:
        names += _LATENCY_SHARES if metric == LATENCY else [metric]
    return [_compare_metric(name, before, after, max_degradation, alpha) for name in dict.fromkeys(names)]


def _compare_metric(
    metric: str, before: RequestSample, after: RequestSample, max_degradation: float, alpha: float
) -> Difference:
    interval: Interval | None
    if metric == COST:
        sides = (before.costs_usd, after.costs_usd)
        interval = independent.change_of_mean(*sides, alpha=alpha)
        means = [sum(side) / len(side) if side else None for side in sides]
        unpriced = before.unpriced + after.unpriced
    else:
        sides = (before.latencies_ms, after.latencies_ms)
        share = LATENCIES[metric]
        interval = independent.change_of_quantile(*sides, share, alpha=alpha)
        means = [estimate.value if (estimate := quantile(side, share)) else None for side in sides]
        unpriced = 0
    missing = ""
    if unpriced:
        missing = f"{unpriced} requests of the two releases have calls without a price"
    elif min(map(len, sides)) < MIN_REQUESTS:
        missing = (
            f"no generated answers to compare, and of traffic in the last {WINDOW_DAYS} days only "
            f"{len(sides[0])} requests of the baseline and {len(sides[1])} of this release; {MIN_REQUESTS} are needed"
        )
    elif interval is None:
        missing = f"too few requests for an interval of {metric}"
    decided_interval = None if missing else interval
    verdict, why = decide_difference(decided_interval, max_degradation, False, missing, "{:+.1%}")
    if decided_interval is not None:
        why += f" (traffic of the last {WINDOW_DAYS} days: {len(sides[0]):,} and {len(sides[1]):,} requests)"
    return Difference(
        metric=metric,
        baseline_mean=means[0],
        current_mean=means[1],
        difference=decided_interval.mean if decided_interval else None,
        low=decided_interval.low if decided_interval else None,
        high=decided_interval.high if decided_interval else None,
        n=min(map(len, sides)),
        method=decided_interval.method if decided_interval else "",
        max_degradation=max_degradation,
        is_relative=True,
        higher_is_better=False,
        verdict=verdict,
        why=why,
    )
