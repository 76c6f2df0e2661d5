"""Two runs case by case: the paired difference of each metric, and whether it is within the allowed degradation.

Scores are compared by their difference, cost and latency by their relative change. One allowed degradation serves both:
0.05 is 0.05 of a score's scale, and 5 % of a cost or a latency. Intervals hold together (Bonferroni): looking at eight
metrics at once, one of eight intervals of 95 % would miss too often, and a build would fail by chance.
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
"""Fewer common cases say nothing about a regression; the answer is then inconclusive."""

BOOTSTRAP, PERMUTATION = "bootstrap", "permutation"
METHODS = (BOOTSTRAP, PERMUTATION)

MAX_DEGRADATION = 0.05

COST = "cost"
LATENCY = "latency"
LATENCIES = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
RELATIVE = (COST, LATENCY, *LATENCIES)
"""Compared by relative change; less is better."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric in both runs: current minus baseline on the metric's own scale, or the relative change."""

    metric: str
    baseline_mean: float | None
    """Over the common cases; the percentile for latencies. USD, ms, or the metric's scale."""
    current_mean: float | None
    difference: float | None
    """0.05 is 5 % more where `is_relative`."""
    low: float | None
    high: float | None
    n: int
    """Cases that both runs have a value for."""
    method: str
    max_degradation: float
    is_relative: bool
    higher_is_better: bool | None
    verdict: str
    why: str
    p_value: float | None = None
    """By permutation, of no difference at all, adjusted for the other metrics (Holm)."""

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All metrics both runs share, and the verdict over them."""

    differences: tuple[Difference, ...]
    max_degradation: float
    verdict: str
    why: str = ""
    method: str = BOOTSTRAP
    alpha_each: float = ALPHA
    """Error rate of each interval; all together err with 0.05 at most."""
    pairs: Pairs = field(default_factory=lambda: pair_cases((), ()))

    def as_json(self) -> dict[str, Any]:
        """Without the cases; these are listed by `regressions`."""
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
        max_degradation: the most that may be lost, between 0 and 1.
        method: `bootstrap` or `permutation` (of signs; for scores only).
        metrics: what to compare; None is every metric that the baseline has values of, and cost and latency where
            both have them.

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
        # Where the baseline has no value at all there is nothing to lose.
        names = [name for name, result in baseline_metrics.items() if result.n]
        names += [name for name in expand_latency((COST, LATENCY), pairs) if pairs.values(name)[0]]
    alpha_each = multiplicity.each_alpha(len(names))
    judges = [str(body.get("judge") or "") for body in (baseline, current)]
    obstacle = (
        f"judged by {judges[0]} and by {judges[1]}, which do not measure alike"
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
        why="" if differences else "the two runs share no metric",
        method=method,
        alpha_each=alpha_each,
        pairs=pairs,
    )


def expand_latency(metrics: Sequence[str], pairs: Pairs) -> list[str]:
    """`latency` is p50, and p95 as well where there are cases enough to tell it; others are themselves."""
    names: list[str] = []
    for name in metrics:
        if name == LATENCY:
            names.append("latency_p50")
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
    """The decider for a score: passed when even the worse bound is within the allowance, failed when not even the better.

    Args:
        metric: its name.
        pairs: the cases of both runs.
        max_degradation: as a share of the metric's scale.
        scale: of the metric.
        method: how the interval comes about.
        alpha: error rate of this interval.
        obstacle: why the values may not be compared at all.
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
    """The decider for cost and latency, by relative change over cases that both runs generated an answer for."""
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
    missing = f"{len(before)} cases with a known {metric} of a generated answer in both runs; at least {needed} are needed"
    if len(before) >= needed and interval is None:
        missing = f"the baseline's {metric} is 0, and nothing can be told relative to it"
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
    """Passed, failed or inconclusive by the interval of a difference, and why.

    Args:
        interval: of current minus baseline; None where there is none.
        allowed: the most that may be lost, in the unit of the interval.
        higher_is_better: None where any change is a loss.
        missing: why there is no interval.
        form: how a difference is written.
    """
    if interval is None:
        return "inconclusive", missing
    # A loss is positive; sums of decimals miss a limit they reach exactly by a rounding error.
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
        f"between {template.format(low)} and {template.format(high)}, {limit} is allowed; more cases would tell",
    )


def _adjust_p_values(differences: Sequence[Difference]) -> list[Difference]:
    """P-values as several looks at once deserve them."""
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
