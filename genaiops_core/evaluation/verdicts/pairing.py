"""Matches the cases of two evaluations, and lists how much each improved or dropped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from genaiops_core.evaluation.verdicts.scales import Scale
from genaiops_core.pricing.rates import NANO


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """A case with its results in one evaluation."""

    key: str
    """Hash of the input and its occurrence, equal in every evaluation and every version of a dataset."""
    case: int
    input: str
    answer: str | None
    scores: Mapping[str, float]
    """Metric -> mean over repetitions; without undefined metrics."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    cost_usd: float | None = None
    """Cost of the generated answer; None when it was not generated or has no price."""
    latency_ms: float | None = None

    def value(self, metric: str) -> float | None:
        """A score, `cost` in USD, or a `latency...` in ms."""
        if metric == "cost":
            return self.cost_usd
        if metric.startswith("latency"):
            return self.latency_ms
        return self.scores.get(metric)


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The matched cases of two evaluations."""

    common: tuple[tuple[CaseResult, CaseResult], ...]
    """(baseline, current), in the order of the current evaluation."""
    only_baseline: tuple[CaseResult, ...]
    only_current: tuple[CaseResult, ...]

    def values(self, metric: str) -> tuple[list[float], list[float]]:
        """Baseline and current values of the cases that have both, in the order of their keys."""
        before: list[float] = []
        after: list[float] = []
        # By content and not in the order of the file, which must not change an interval.
        for baseline, current in sorted(self.common, key=lambda pair: pair[1].key):
            baseline_value, current_value = baseline.value(metric), current.value(metric)
            if baseline_value is not None and current_value is not None:
                before.append(baseline_value)
                after.append(current_value)
        return before, after


@dataclass(frozen=True, kw_only=True)
class CaseChange:
    """One metric of one case in both evaluations."""

    metric: str
    baseline: CaseResult
    current: CaseResult
    before: float
    after: float
    gain: float
    """Positive when the case improved, on the metric's own scale."""

    def as_json(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "case": self.current.case,
            "baseline_case": self.baseline.case,
            "input": self.current.input,
            "baseline": self.before,
            "current": self.after,
            "difference": self.after - self.before,
            "baseline_answer": self.baseline.answer,
            "current_answer": self.current.answer,
        }


def index_cases(details: Iterable[Mapping[str, Any]]) -> dict[str, CaseResult]:
    """The rows of a document's `details` by key.

    Equal inputs are numbered by occurrence, so the first is compared with the first.
    """
    occurrences: dict[str, int] = defaultdict(int)
    results: dict[str, CaseResult] = {}
    for row in details:
        digest = str(row["input_sha256"])
        # Not by case number, which changes between versions of a dataset.
        key = f"{digest}#{occurrences[digest]}"
        occurrences[digest] += 1
        cost = row.get("cost_nano_usd")
        results[key] = CaseResult(
            key=key,
            case=int(row["case"]),
            input=str(row.get("input") or ""),
            answer=row.get("answer"),
            scores={name: float(value) for name, value in row["scores"].items() if value is not None},
            reasons=row.get("reasons") or {},
            cost_usd=None if cost is None else float(cost) / NANO,
            latency_ms=row.get("latency_ms"),
        )
    return results


def pair_cases(baseline: Iterable[Mapping[str, Any]], current: Iterable[Mapping[str, Any]]) -> Pairs:
    """Match the cases of two evaluations by the hash of their input."""
    before, after = index_cases(baseline), index_cases(current)
    return Pairs(
        common=tuple((before[key], result) for key, result in after.items() if key in before),
        only_baseline=tuple(result for key, result in before.items() if key not in after),
        only_current=tuple(result for key, result in after.items() if key not in before),
    )


def list_changes(pairs: Pairs, metric: str, scale: Scale) -> list[CaseChange]:
    """Every case with a value in both evaluations, largest drop first, ties in the order of the current one."""
    sign = -1 if scale.higher_is_better is False else 1
    case_changes = []
    for baseline, current in pairs.common:
        before, after = baseline.value(metric), current.value(metric)
        if before is not None and after is not None:
            case_changes.append(
                CaseChange(
                    metric=metric,
                    baseline=baseline,
                    current=current,
                    before=before,
                    after=after,
                    gain=sign * (after - before),
                )
            )
    return sorted(case_changes, key=lambda case_change: case_change.gain)


def list_drops(pairs: Pairs, metrics: Mapping[str, Scale], *, min_change: float = 1e-9) -> list[CaseChange]:
    """Drops of all metrics together, the largest share of its metric's scale first."""
    drops = [
        change
        for metric, scale in metrics.items()
        for change in list_changes(pairs, metric, scale)
        if change.gain < -min_change
    ]
    return sorted(drops, key=lambda change: change.gain / metrics[change.metric].width)


def list_gains(pairs: Pairs, metrics: Mapping[str, Scale], *, min_change: float = 1e-9) -> list[CaseChange]:
    """Gains of all metrics together, the largest share of its metric's scale first."""
    gains = [
        change
        for metric, scale in metrics.items()
        for change in list_changes(pairs, metric, scale)
        if change.gain > min_change
    ]
    return sorted(gains, key=lambda change: -change.gain / metrics[change.metric].width)
