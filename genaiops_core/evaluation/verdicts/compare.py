"""Comparison of two evaluations by case: the paired difference of each metric, and whether it is an allowed degradation.

Scores are compared by their difference, cost and latency by their relative change. One allowed degradation serves both:
0.05 is 0.05 of a score's scale, and 5 % of a cost or a latency. The intervals hold jointly (Bonferroni): with eight
separate 95 % intervals one would miss too often, and a build would fail by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.verdicts.pairing import Pairs, pair_cases
from genaiops_core.evaluation.verdicts.scales import Scale
from genaiops_core.evaluation.verdicts.summaries import MetricResult
from genaiops_core.evaluation.verdicts.verdict import combine_verdicts
from genaiops_core.statistics import multiplicity, relative
from genaiops_core.statistics.intervals import ALPHA, Interval
from genaiops_core.statistics.paired import bootstrap
from genaiops_core.statistics.sign_flips import sign_flips

MIN_CASES = 10
"""With fewer common cases the verdict is inconclusive."""

BOOTSTRAP, PERMUTATION = "bootstrap", "permutation"
METHODS = (BOOTSTRAP, PERMUTATION)

MAX_DEGRADATION = 0.05

COST = "cost"
LATENCY = "latency"
LATENCIES = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
RELATIVE = (COST, LATENCY, *LATENCIES)
"""Compared by relative change; lower is better."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric in both evaluations: current minus baseline on the metric's own scale, or the relative change."""

    metric: str
    baseline_mean: float | None
    """Mean of the common cases, or the percentile of a latency; in USD, ms, or on the metric's scale."""
    current_mean: float | None
    difference: float | None
    """With `is_relative`, 0.05 is an increase of 5 %."""
    low: float | None
    high: float | None
    n: int
    """Cases with a value in both evaluations."""
    method: str
    max_degradation: float
    is_relative: bool
    higher_is_better: bool | None
    verdict: str
    why: str
    p_value: float | None = None
    """p-value of the permutation test for no difference, adjusted for the other metrics (Holm)."""

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All metrics of both evaluations, and the combined verdict."""

    differences: tuple[Difference, ...]
    max_degradation: float
    verdict: str
    why: str = ""
    method: str = BOOTSTRAP
    alpha_each: float = ALPHA
    """Error rate of each interval; the joint error rate is at most 0.05."""
    pairs: Pairs = field(default_factory=lambda: pair_cases((), ()))

    def as_json(self) -> dict[str, Any]:
        """JSON without the cases; `pairing.list_drops` lists those."""
        return {
            "verdict": self.verdict,
            "why": self.why,
            "max_degradation": self.max_degradation,
            "method": self.method,
            "correction": multiplicity.BONFERRONI,
            "confidence": 1 - ALPHA,
            "confidence_each": 1 - self.alpha_each,
            "cases": len(self.pairs.common),
            "only_in_baseline": len(self.pairs.only_baseline),
            "only_in_current": len(self.pairs.only_current),
            "metrics": [item.as_json() for item in self.differences],
        }


def compare_documents(
    baseline: Mapping[str, Any],
    current: Mapping[str, Any],
    max_degradation: float,
    *,
    method: str = BOOTSTRAP,
    metrics: Sequence[str] | None = None,
) -> Comparison:
    """Compare two results documents; cases are matched by the hash of their input.

    Args:
        baseline, current: documents with `details`.
        max_degradation: the allowed degradation, between 0 and 1.
        method: `bootstrap` or `permutation` (of signs; for scores only).
        metrics: metrics to compare; None compares every metric that has values in the baseline, and cost and latency
            if both documents have them.

    Raises:
        BadInput: there is no such method.
    """
    if method not in METHODS:
        raise BadInput(f"There is no method '{method}'; give one of: {', '.join(METHODS)}.")
    pairs = pair_cases(baseline.get("details") or (), current.get("details") or ())
    baseline_metrics = {
        name: MetricResult.from_json(name, entry) for name, entry in baseline["metrics"].items()
    }
    scales = {name: result.scale for name, result in baseline_metrics.items()}
    if metrics is not None:
        names = expand_latency(metrics, pairs)
    else:
        # A metric without any value in the baseline cannot degrade.
        names = [name for name, result in baseline_metrics.items() if result.n]
        names += [name for name in expand_latency((COST, LATENCY), pairs) if pairs.values(name)[0]]
    # Counted before the verdicts: choosing the metrics by their result would void the error rate.
    alpha_each = multiplicity.each_alpha(len(names))
    judges = [str(body.get("judge") or "") for body in (baseline, current)]
    # Two judges may use different scales for a metric of the same name.
    obstacle = (
        f"the judges {judges[0]} and {judges[1]} differ, so their scores are not comparable"
        if all(judges) and judges[0] != judges[1]
        else ""
    )
    differences = [
        measure_change(name, pairs, max_degradation, alpha=alpha_each)
        if name in RELATIVE
        else measure_difference(
            name,
            pairs,
            max_degradation,
            scale=scales.get(name, Scale()),
            method=method,
            alpha=alpha_each,
            obstacle=obstacle,
        )
        for name in names
    ]
    return Comparison(
        differences=tuple(_adjust_p_values(differences)),
        max_degradation=max_degradation,
        verdict=combine_verdicts([item.verdict for item in differences]),
        why="" if differences else "the two evaluations share no metric",
        method=method,
        alpha_each=alpha_each,
        pairs=pairs,
    )


def expand_latency(metrics: Sequence[str], pairs: Pairs) -> list[str]:
    """`latency` becomes p50, and p95 with enough cases for its interval; other names stay."""
    names: list[str] = []
    for name in metrics:
        if name == LATENCY:
            names.append("latency_p50")
            # The tolerance keeps exactly enough cases from failing by a rounding error.
            if len(pairs.values("latency_p95")[0]) * (1 - 0.95) >= relative.BEYOND - 1e-9:
                names.append("latency_p95")
        else:
            names.append(name)
    return names


def measure_difference(
    metric: str,
    pairs: Pairs,
    max_degradation: float,
    *,
    scale: Scale,
    method: str = BOOTSTRAP,
    alpha: float = ALPHA,
    obstacle: str = "",
) -> Difference:
    """Decide a score: passed when the worse bound is an allowed degradation, failed when even the better bound is not.

    Args:
        metric: its name.
        pairs: the cases of both evaluations.
        max_degradation: as a share of the metric's scale.
        scale: of the metric.
        method: of the interval.
        alpha: error rate of this interval.
        obstacle: why the values cannot be compared; '' when they can.
    """
    before, after = pairs.values(metric)
    max_loss = max_degradation * scale.width
    differences = [current - previous for previous, current in zip(before, after, strict=True)]
    interval: Interval | None = None
    p_value = None
    if len(differences) >= MIN_CASES and not obstacle:
        if method == PERMUTATION:
            flips = sign_flips(differences, alpha=alpha)
            interval, p_value = (flips.interval, flips.p_value) if flips else (None, None)
        else:
            interval = bootstrap(differences, alpha=alpha)
    missing = obstacle or f"{len(differences)} cases in common; at least {MIN_CASES} are needed"
    verdict, why = decide_difference(interval, max_loss, scale.higher_is_better, missing, "{:+.3f}")
    return Difference(
        metric=metric,
        baseline_mean=_compute_mean(before),
        current_mean=_compute_mean(after),
        difference=interval.mean if interval else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        n=len(differences),
        method=interval.method if interval else "",
        max_degradation=max_degradation,
        is_relative=False,
        higher_is_better=scale.higher_is_better,
        verdict=verdict,
        why=why,
        p_value=p_value,
    )


def measure_change(metric: str, pairs: Pairs, max_degradation: float, *, alpha: float = ALPHA) -> Difference:
    """Decide cost or latency by the relative change over cases with a generated answer in both evaluations."""
    before, after = pairs.values(metric)
    if metric in LATENCIES:
        share = LATENCIES[metric]
        interval = relative.change_of_quantile(before, after, share, alpha=alpha)
        values = [_compute_quantile(side, share) for side in (before, after)]
        needed = round(relative.BEYOND / (1 - share))
    else:
        interval = relative.change_of_mean(before, after, alpha=alpha) if len(before) >= MIN_CASES else None
        values = [_compute_mean(before), _compute_mean(after)]
        needed = MIN_CASES
    missing = f"{len(before)} cases with a known {metric} of a generated answer in both evaluations; at least {needed} are needed"
    if len(before) >= needed and interval is None:
        missing = f"the baseline's {metric} is 0, so there is no relative change"
    verdict, why = decide_difference(interval, max_degradation, False, missing, "{:+.1%}")
    return Difference(
        metric=metric,
        baseline_mean=values[0],
        current_mean=values[1],
        difference=interval.mean if interval else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        n=len(before),
        method=interval.method if interval else "",
        max_degradation=max_degradation,
        is_relative=True,
        higher_is_better=False,
        verdict=verdict,
        why=why,
    )


def decide_difference(
    interval: Interval | None, allowed: float, higher_is_better: bool | None, missing: str, template: str
) -> tuple[str, str]:
    """The verdict by the interval of a difference, and its reason.

    Args:
        interval: of current minus baseline, if any.
        allowed: the allowed degradation, in the unit of the interval.
        higher_is_better: None when any change is a degradation.
        missing: the reason when there is no interval.
        template: format of a difference, such as `{:+.3f}`.
    """
    if interval is None:
        return "inconclusive", missing
    # A degradation is positive; the tolerance covers rounding errors at exactly the limit.
    low, high, tolerance = interval.low, interval.high, allowed + 1e-12
    if higher_is_better is None:
        limit = f"{template.format(allowed)} up or down"
        worst = max(low, high, key=abs)
        best = 0.0 if low <= 0 <= high else min(low, high, key=abs)
        is_passed, is_failed = abs(worst) <= tolerance, abs(best) > tolerance
    else:
        limit = template.format(-allowed if higher_is_better else allowed)
        worst, best = (low, high) if higher_is_better else (high, low)
        sign = -1 if higher_is_better else 1
        is_passed, is_failed = sign * worst <= tolerance, sign * best > tolerance
    if is_passed:
        return "passed", f"at worst {template.format(worst)}, {limit} is allowed"
    if is_failed:
        return "failed", f"at best {template.format(best)}, {limit} is allowed"
    return (
        "inconclusive",
        f"between {template.format(low)} and {template.format(high)}, {limit} is allowed; add cases",
    )


def _adjust_p_values(differences: Sequence[Difference]) -> list[Difference]:
    """Adjust p-values for several simultaneous tests (Holm)."""
    tested = [entry for entry in differences if entry.p_value is not None]
    adjusted = dict(
        zip(
            [entry.metric for entry in tested],
            multiplicity.holm([entry.p_value for entry in tested if entry.p_value is not None]),
            strict=True,
        )
    )
    return [
        Difference(**{**vars(entry), "p_value": adjusted.get(entry.metric, entry.p_value)})
        for entry in differences
    ]


def _compute_mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _compute_quantile(values: Sequence[float], share: float) -> float | None:
    from genaiops_core.statistics.quantiles import quantile

    estimate = quantile(values, share)
    return estimate.value if estimate else None
