"""Cases with several answers: the variation between repetitions, and a mean over cases. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from genaiops_core.statistics.intervals import ALPHA, Interval, betting

METHOD = "betting (hedged capital) over case means"


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """A metric over cases that were answered one or more times each."""

    interval: Interval
    """Of the mean of the case means; its `n` counts cases, not values."""
    values: int
    """All of them, repetitions included."""
    within_sd: float | None
    """Standard deviation between repetitions of one case: "varies by +-x between repetitions". None when no case has
    two values."""
    between_sd: float | None
    """Standard deviation between the cases themselves, what repetitions vary taken out. None when it cannot be told
    from that: with one case, or when no case has two values."""


def case_means(
    values_by_case: Mapping[int, Sequence[float]] | Iterable[Sequence[float]], *, alpha: float = ALPHA
) -> Repeated | None:
    """Mean with an interval, and the spread within and between cases.

    Repetitions of a case are not independent: asked ten times, an easy case is easy ten times. So each case is
    averaged first, and the betting interval is taken over the case means, which are independent values in [0, 1]
    whatever happens within a case. Repetitions narrow it as far as they make the case means less noisy and no further;
    with one value a case it is `intervals.betting` of these. A case with fewer values (one failed) counts as much as
    the others.

    The spreads are the ANOVA estimates of the one-way random effects model: `within_sd` is the root of the mean
    square within cases; `between_sd` the root of what the mean square between cases has beyond it, over
    n0 = (N - sum k_i^2 / N) / (cases - 1), or 0 where it has nothing.

    Args:
        values_by_case: for each case its values, each in [0, 1]; cases without any are left out (bound those
            separately, they are not average). The order of the cases matters as little as in `betting`.
        alpha: error rate of the interval, in (0, 1).

    Returns:
        The figures, or None when there is no value.

    Raises:
        ValueError: a value lies outside [0, 1] or is NaN.

    Source:
        Miller, Adding error bars to evals, arXiv:2411.00640 (clustered questions, resampled answers);
        Waudby-Smith & Ramdas (`intervals.betting`); Searle, Casella & McCulloch, Variance components, 1992, chapter 3
        (ANOVA estimates with unequal numbers).
    """
    groups = values_by_case.values() if isinstance(values_by_case, Mapping) else values_by_case
    cases = [[float(value) for value in group] for group in groups if len(group)]
    if not all(0 <= value <= 1 for case in cases for value in case):
        raise ValueError("values must lie in [0, 1]")
    # A mean of equal values may miss them by a rounding error, and so leave [0, 1].
    means = [min(1.0, max(0.0, math.fsum(case) / len(case))) for case in cases]
    interval = betting(means, alpha=alpha)
    if interval is None:
        return None
    within = _mean_square_within(cases, means)
    return Repeated(
        interval=Interval(
            mean=interval.mean, low=interval.low, high=interval.high, n=interval.n, method=METHOD
        ),
        values=sum(map(len, cases)),
        within_sd=None if within is None else math.sqrt(within),
        between_sd=None if within is None else _between_sd(cases, means, within),
    )


def _mean_square_within(cases: Sequence[Sequence[float]], means: Sequence[float]) -> float | None:
    freedom = sum(len(case) - 1 for case in cases)
    if not freedom:
        return None
    return (
        math.fsum((value - mean) ** 2 for case, mean in zip(cases, means, strict=True) for value in case)
        / freedom
    )


def _between_sd(
    cases: Sequence[Sequence[float]], means: Sequence[float], mean_square_within: float
) -> float | None:
    if len(cases) < 2:
        return None
    sizes = [len(case) for case in cases]
    total = sum(sizes)
    grand = math.fsum(value for case in cases for value in case) / total
    mean_square_between = math.fsum(
        size * (mean - grand) ** 2 for size, mean in zip(sizes, means, strict=True)
    ) / (len(cases) - 1)
    effective_size = (total - sum(size * size for size in sizes) / total) / (len(cases) - 1)
    return math.sqrt(max(0.0, mean_square_between - mean_square_within) / effective_size)
