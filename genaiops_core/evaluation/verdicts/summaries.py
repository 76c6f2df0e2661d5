"""Summary of one metric over the cases of an evaluation: mean, interval, and bounds that cover undefined cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from genaiops_core.evaluation.metrics import Metric, lookup_metric
from genaiops_core.evaluation.verdicts.scales import Scale
from genaiops_core.statistics.intervals import betting
from genaiops_core.statistics.repetitions import Repeated, case_means

NOT_SCORED = "not scored"
BETTING = "betting (hedged capital)"


class UnitResult(NamedTuple):
    """The score of one repetition of one case."""

    value: float | None
    reason: str = ""
    """Why there is no value."""
    is_failed: bool = False
    """No value because judge or target failed, not because the case lacks a field."""


@dataclass(frozen=True, kw_only=True)
class MetricResult:
    """One metric over all cases of an evaluation; None is unknown, never 0. All figures are on the metric's own scale."""

    name: str
    title: str
    mean: float | None
    """Mean of the means of the cases that have a value."""
    low: float | None
    high: float | None
    n: int
    """Cases with a value."""
    undefined: int
    """Cases without a value."""
    failed: int
    """Undefined cases whose judge or target failed."""
    values: int
    """Scores behind the mean: more than `n` when cases were answered repeatedly."""
    repetition_sd: float | None
    """Standard deviation between repetitions of one case; None where no case has two values."""
    low_bounded: float
    """Lower bound if all undefined values were the lowest of the scale."""
    high_bounded: float
    """Upper bound if all undefined values were the highest of the scale."""
    method: str
    is_proxy: bool
    scale: Scale = field(default_factory=Scale)
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Reason -> undefined cases, most frequent first."""

    def as_json(self) -> dict[str, Any]:
        fields = {name: value for name, value in vars(self).items() if name not in ("name", "scale")}
        return {
            **fields,
            "reasons": dict(self.reasons),
            "range": [self.scale.low, self.scale.high],
            "higher_is_better": self.scale.higher_is_better,
            "corrected": None,
        }

    @classmethod
    def from_json(cls, name: str, entry: Mapping[str, Any]) -> MetricResult:
        """Parse an entry of `metrics` of any schema version; raises KeyError or TypeError if it is none."""
        n, undefined = int(entry["n"]), int(entry.get("undefined") or 0)
        low, high = _to_float(entry["low"]), _to_float(entry["high"])
        # Documents of early versions have no range; all their metrics were from 0 to 1.
        least, greatest = entry.get("range") or (0.0, 1.0)
        scale = Scale(
            low=float(least), high=float(greatest), higher_is_better=entry.get("higher_is_better", True)
        )
        bounds = _bound(scale, low, high, n, undefined)
        return cls(
            name=name,
            title=str(entry.get("title") or name),
            mean=_to_float(entry["mean"]),
            low=low,
            high=high,
            n=n,
            undefined=undefined,
            failed=int(entry.get("failed") or 0),
            values=int(entry.get("values") or n),
            repetition_sd=_to_float(entry.get("repetition_sd")),
            low_bounded=float(entry.get("low_bounded", bounds[0])),
            high_bounded=float(entry.get("high_bounded", bounds[1])),
            method=str(entry.get("method") or ""),
            is_proxy=bool(entry.get("is_proxy")),
            scale=scale,
            reasons=dict(entry.get("reasons") or {}),
        )


def summarise(
    name: str,
    cases: Iterable[Sequence[UnitResult]],
    *,
    entry: Metric | None = None,
    unscored: int = 0,
    repetitions: int = 1,
) -> MetricResult:
    """Summarise one metric.

    Repetitions of a case are averaged first: they measure how much an answer varies, not the quality of other cases,
    so the interval is that of the cases' means.

    Args:
        name: of the metric.
        cases: the units of each scored case, one per repetition.
        entry: the metric; None looks it up in the registry.
        unscored: cases without any unit; they count as undefined.
        repetitions: the expected units per case; missing ones are bounded like undefined ones.
    """
    entry = entry or lookup_metric(name)
    scale = (
        Scale(low=entry.low, high=entry.high, higher_is_better=entry.higher_is_better) if entry else Scale()
    )
    # Values as shares of the scale: the interval methods require [0, 1].
    shares: list[list[float]] = []
    known_shares: list[float] = []
    reasons: Counter[str] = Counter()
    failed = 0
    for units in cases:
        # A value outside the scale is undefined: clipping it would invent a measurement.
        known_values = [unit.value for unit in units if unit.value is not None and scale.holds(unit.value)]
        if known_values:
            shares.append([scale.share(value) for value in known_values])
            known_shares.append(len(known_values) / max(repetitions, len(units)))
        else:
            reasons[_find_reason(units, scale)] += 1
            failed += any(unit.is_failed or unit.value is not None for unit in units)
    if unscored:
        reasons[NOT_SCORED] += unscored
    repeated = case_means(shares)
    interval = repeated.interval if repeated else None
    low, high = (scale.value(interval.low), scale.value(interval.high)) if interval else (None, None)
    undefined = sum(reasons.values())
    bounds = _bound(scale, low, high, len(shares), undefined)
    # A case with a missing repetition has a known mean of a part only.
    if known_shares and min(known_shares) < 1:
        bounds = _bound_repetitions(scale, shares, known_shares, undefined)
    return MetricResult(
        name=name,
        title=entry.title if entry else name,
        mean=scale.value(interval.mean) if interval else None,
        low=low,
        high=high,
        n=len(shares),
        undefined=undefined,
        failed=failed,
        values=repeated.values if repeated else 0,
        repetition_sd=repeated.within_sd * scale.width
        if repeated and repeated.within_sd is not None
        else None,
        low_bounded=bounds[0],
        high_bounded=bounds[1],
        method=_choose_method(repeated) if repeated else "",
        is_proxy=entry.is_proxy if entry else False,
        scale=scale,
        reasons=dict(reasons.most_common()),
    )


def _find_reason(units: Sequence[UnitResult], scale: Scale) -> str:
    for unit in units:
        if unit.value is not None:
            return f"the judge returned a value outside {scale.low:g} to {scale.high:g}"
    return next((unit.reason for unit in units if unit.reason), "unknown")


def _choose_method(repeated: Repeated) -> str:
    return repeated.interval.method if repeated.values > repeated.interval.n else BETTING


def _bound(
    scale: Scale, low: float | None, high: float | None, n: int, undefined: int
) -> tuple[float, float]:
    if low is None or high is None or n == 0:
        return scale.low, scale.high
    # Undefined cases at both ends of the scale: no values of theirs could give wider bounds.
    known = n / (n + undefined)
    return low * known + scale.low * (1 - known), high * known + scale.high * (1 - known)


def _bound_repetitions(
    scale: Scale, shares: Sequence[Sequence[float]], known_shares: Sequence[float], undefined: int
) -> tuple[float, float]:
    """Bounds that also take undefined repetitions of a case at their worst and best."""
    cases = [
        (sum(values) / len(values), known_share)
        for values, known_share in zip(shares, known_shares, strict=True)
    ]
    worst = betting([_clip(mean * known_share) for mean, known_share in cases])
    best = betting([_clip(mean * known_share + 1 - known_share) for mean, known_share in cases])
    low, high = (scale.value(worst.low), scale.value(best.high)) if worst and best else (None, None)
    return _bound(scale, low, high, len(cases), undefined)


def _clip(value: float) -> float:
    # Rounding may move the mean of equal values outside [0, 1].
    return min(1.0, max(0.0, value))


def _to_float(value: Any) -> float | None:
    return None if value is None else float(value)
