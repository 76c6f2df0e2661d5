"""Two runs case by case: the paired difference of each metric, and whether it is within the allowed degradation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.verdicts import overall
from genaiops_core.statistics.paired import bootstrap

MIN_CASES = 10
"""Fewer common cases say nothing about a regression; the answer is then inconclusive."""

Scores = Mapping[str, Mapping[str, float]]
"""Metric -> {case: value}."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric in both runs; differences are current minus baseline on the metric's own scale."""

    metric: str
    baseline_mean: float | None
    current_mean: float | None
    difference: float | None
    low: float | None
    high: float | None
    n: int
    """Cases that both runs scored."""
    method: str
    max_degradation: float
    verdict: str
    why: str

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All metrics both runs share, and the verdict over them."""

    differences: tuple[Difference, ...]
    max_degradation: float
    verdict: str
    why: str = ""


def compare_documents(
    baseline: Mapping[str, Any], current: Mapping[str, Any], max_degradation: float
) -> Comparison:
    """Compare two results documents; cases are matched by the hash of their input."""
    before, after = scores_of(baseline), scores_of(current)
    metrics = [name for name in baseline["metrics"] if name in current["metrics"]]
    missing = [name for name in baseline["metrics"] if name not in current["metrics"]]
    differences = [
        difference(name, before.get(name, {}), after.get(name, {}), max_degradation) for name in metrics
    ]
    # A metric that the baseline has and the current run lost is missing evidence, not a pass.
    differences += [difference(name, before.get(name, {}), {}, max_degradation) for name in missing]
    why = "" if differences else "the two runs share no metric"
    return Comparison(
        differences=tuple(differences),
        max_degradation=max_degradation,
        verdict=overall([item.verdict for item in differences]),
        why=why,
    )


def difference(
    metric: str, baseline: Mapping[str, float], current: Mapping[str, float], max_degradation: float
) -> Difference:
    """The decider: passed when even the lower bound is above -max_degradation, failed when the upper is below."""
    common = sorted(baseline.keys() & current.keys())
    interval = (
        bootstrap([current[case] - baseline[case] for case in common]) if len(common) >= MIN_CASES else None
    )
    if interval is None:
        verdict = "inconclusive"
        why = f"{len(common)} cases in common; at least {MIN_CASES} are needed"
    elif interval.low >= -max_degradation:
        verdict, why = "passed", f"at worst {interval.low:+.3f}, {-max_degradation:+.3f} is allowed"
    elif interval.high < -max_degradation:
        verdict, why = "failed", f"at best {interval.high:+.3f}, {-max_degradation:+.3f} is allowed"
    else:
        verdict = "inconclusive"
        why = f"between {interval.low:+.3f} and {interval.high:+.3f}, {-max_degradation:+.3f} is allowed"
    return Difference(
        metric=metric,
        baseline_mean=_mean(baseline, common),
        current_mean=_mean(current, common),
        difference=interval.mean if interval else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        n=len(common),
        method=interval.method if interval else "",
        max_degradation=max_degradation,
        verdict=verdict,
        why=why,
    )


def scores_of(body: Mapping[str, Any]) -> Scores:
    """Metric -> {case: value} of a results document.

    A question asked twice is told apart by its occurrence, so that the first answers are compared with the first.
    """
    seen: dict[str, int] = defaultdict(int)
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    for row in body.get("details") or ():
        digest = str(row["input_sha256"])
        case = f"{digest}#{seen[digest]}"
        seen[digest] += 1
        for metric, value in row["scores"].items():
            if value is not None:
                scores[metric][case] = float(value)
    return scores


def _mean(scores: Mapping[str, float], common: list[str]) -> float | None:
    return sum(scores[case] for case in common) / len(common) if common else None
