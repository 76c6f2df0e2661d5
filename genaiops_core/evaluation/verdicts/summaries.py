"""One metric over the cases of a run: its mean, its interval, and how far what is missing could move them."""

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


class Unit(NamedTuple):
    """The score of one repetition of one case."""

    value: float | None
    reason: str = ""
    """Why there is no value."""
    is_failed: bool = False
    """No value because judge or target failed, not because the case lacks something."""


@dataclass(frozen=True, kw_only=True)
class MetricResult:
    """One metric over all cases of a run; `None` is unknown, never 0. Every figure is on the metric's own scale."""

    name: str
    title: str
    mean: float | None
    """Of the means of the cases that have a value."""
    low: float | None
    high: float | None
    n: int
    """Cases with a value."""
    undefined: int
    """Cases without one."""
    failed: int
    """Of the undefined cases, those whose judge or target failed."""
    values: int
    """Scores behind the mean: more than `n` when cases were answered repeatedly."""
    repetition_sd: float | None
    """Standard deviation between repetitions of one case; None where no case has two values."""
    low_bounded: float
    """Lower bound if everything undefined had scored the least of the scale."""
    high_bounded: float
    """Upper bound if everything undefined had scored the most."""
    method: str
    is_proxy: bool
    scale: Scale = field(default_factory=Scale)
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Why cases are undefined, the most frequent first."""

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
        """Read an entry of `metrics`, also one of an older version; raises KeyError or TypeError where it is none."""
        n, undefined = int(entry["n"]), int(entry.get("undefined") or 0)
        low, high = _optional(entry["low"]), _optional(entry["high"])
        least, most = entry.get("range") or (0.0, 1.0)
        scale = Scale(
            low=float(least), high=float(most), higher_is_better=entry.get("higher_is_better", True)
        )
        bounded = _bounded(scale, low, high, n, undefined)
        return cls(
            name=name,
            title=str(entry.get("title") or name),
            mean=_optional(entry["mean"]),
            low=low,
            high=high,
            n=n,
            undefined=undefined,
            failed=int(entry.get("failed") or 0),
            values=int(entry.get("values") or n),
            repetition_sd=_optional(entry.get("repetition_sd")),
            low_bounded=float(entry.get("low_bounded", bounded[0])),
            high_bounded=float(entry.get("high_bounded", bounded[1])),
            method=str(entry.get("method") or ""),
            is_proxy=bool(entry.get("is_proxy")),
            scale=scale,
            reasons=dict(entry.get("reasons") or {}),
        )


def summarise(
    name: str,
    cases: Iterable[Sequence[Unit]],
    *,
    entry: Metric | None = None,
    unscored: int = 0,
    repetitions: int = 1,
) -> MetricResult:
    """The interval of one metric.

    Repetitions of a case are averaged first: they tell how much an answer varies, not how good other cases are, so
    the interval is that of the cases' means.

    Args:
        name: of the metric.
        cases: for each case that was reached its units, one a repetition.
        entry: what is known of the metric; None looks for it among those that come with the product.
        unscored: cases that were never reached; they count as undefined.
        repetitions: how many units each case should have; what is missing of them is bounded like the undefined.
    """
    entry = entry or lookup_metric(name)
    scale = (
        Scale(low=entry.low, high=entry.high, higher_is_better=entry.higher_is_better) if entry else Scale()
    )
    shares: list[list[float]] = []
    known_parts: list[float] = []
    reasons: Counter[str] = Counter()
    failed = 0
    for units in cases:
        known = [unit.value for unit in units if unit.value is not None and scale.holds(unit.value)]
        if known:
            shares.append([scale.share(value) for value in known])
            known_parts.append(len(known) / max(repetitions, len(units)))
        else:
            reasons[_reason(units, scale)] += 1
            failed += any(unit.is_failed or unit.value is not None for unit in units)
    if unscored:
        reasons[NOT_SCORED] += unscored
    found = case_means(shares)
    interval = found.interval if found else None
    low, high = (scale.value(interval.low), scale.value(interval.high)) if interval else (None, None)
    undefined = sum(reasons.values())
    bounded = _bounded(scale, low, high, len(shares), undefined)
    if known_parts and min(known_parts) < 1:
        bounded = _bounded_within(scale, shares, known_parts, undefined)
    return MetricResult(
        name=name,
        title=entry.title if entry else name,
        mean=scale.value(interval.mean) if interval else None,
        low=low,
        high=high,
        n=len(shares),
        undefined=undefined,
        failed=failed,
        values=found.values if found else 0,
        repetition_sd=found.within_sd * scale.width if found and found.within_sd is not None else None,
        low_bounded=bounded[0],
        high_bounded=bounded[1],
        method=_method(found) if found else "",
        is_proxy=entry.is_proxy if entry else False,
        scale=scale,
        reasons=dict(reasons.most_common()),
    )


def _reason(units: Sequence[Unit], scale: Scale) -> str:
    for unit in units:
        if unit.value is not None:
            return f"the judge gave a value outside {scale.low:g} to {scale.high:g}"
    return next((unit.reason for unit in units if unit.reason), "unknown")


def _method(found: Repeated) -> str:
    return found.interval.method if found.values > found.interval.n else BETTING


def _bounded(
    scale: Scale, low: float | None, high: float | None, n: int, undefined: int
) -> tuple[float, float]:
    if low is None or high is None or n == 0:
        return scale.low, scale.high
    known = n / (n + undefined)
    return low * known + scale.low * (1 - known), high * known + scale.high * (1 - known)


def _bounded_within(
    scale: Scale, shares: Sequence[Sequence[float]], known_parts: Sequence[float], undefined: int
) -> tuple[float, float]:
    """Where some repetitions of a case are undefined, they too are taken at their worst and at their best."""
    cases = [(sum(values) / len(values), part) for values, part in zip(shares, known_parts, strict=True)]
    worst = betting([_unit(mean * part) for mean, part in cases])
    best = betting([_unit(mean * part + 1 - part) for mean, part in cases])
    low, high = (scale.value(worst.low), scale.value(best.high)) if worst and best else (None, None)
    return _bounded(scale, low, high, len(cases), undefined)


def _unit(value: float) -> float:
    # A mean of equal values may miss them by a rounding error, and so leave [0, 1].
    return min(1.0, max(0.0, value))


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)
