"""Association of two sets of values: rank correlation and the area under the ROC curve. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genaiops_core.statistics.intervals import ALPHA

Numbers = Sequence[float] | npt.NDArray[np.float64]
_Array = npt.NDArray[np.float64]

MIN_RANKED = 4
"""Fisher's transformation has a variance from four pairs on."""

_TINY = 1e-9


@dataclass(frozen=True, kw_only=True)
class Association:
    """A coefficient with its two-sided interval."""

    value: float
    low: float
    high: float
    n: int
    method: str


def spearman(first: Numbers, second: Numbers, *, alpha: float = ALPHA) -> Association | None:
    """Spearman's rank correlation: Pearson's of the ranks, equal values sharing the middle of theirs.

    The interval is that of Fisher's z, with the variance of Bonett and Wright, (1 + r^2 / 2) / (n - 3), or that of the
    delta method where it is larger: the first takes both sides for continuous and is too small where, say, judge and
    people only know yes and no. A correlation of 1 has no finite z and would claim certainty; there the interval is
    taken around the largest correlation below 1 that n ranks can have (one pair of neighbours swapped).

    Args:
        first: one value an item; any scale.
        second: as many, in the same order.
        alpha: error rate, in (0, 1).

    Returns:
        The correlation in [-1, 1], or None with fewer than four items or where one side never varies.

    Source:
        Bonett & Wright, Sample size requirements for estimating Pearson, Kendall and Spearman correlations,
        Psychometrika 65, 2000; Borkowf, Computing the nonnull asymptotic variance and the asymptotic relative
        efficiency of Spearman's rank correlation, Computational Statistics & Data Analysis 39, 2002.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    a, b = _as_pairs(first, second)
    n = a.size
    if n < MIN_RANKED or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    value, spread = _rank_correlation((rankdata(a) - 0.5) / n, (rankdata(b) - 0.5) / n, a, b)
    # One swapped pair of neighbours: sum of d^2 = 2 in 1 - 6 * sum(d^2) / (n * (n^2 - 1)).
    furthest = 1 - 12 / (n * (n * n - 1))
    centre = math.atanh(min(furthest, max(-furthest, value)))
    variance = (1 + value * value / 2) / (n - 3)
    if abs(value) < furthest:
        variance = max(variance, spread / n / (1 - value * value) ** 2)
    half = float(ndtri(1 - alpha / 2)) * math.sqrt(variance)
    return Association(
        value=value,
        low=min(value, math.tanh(centre - half)),
        high=max(value, math.tanh(centre + half)),
        n=n,
        method="Spearman's rank correlation, Fisher z interval",
    )


def auroc(scores: Numbers, is_positive: Sequence[bool], *, alpha: float = ALPHA) -> Association | None:
    """Area under the ROC curve: how often an item that is good scores above one that is not, ties counting half.

    The interval holds every area from which the one found lies no further than z standard errors, by Hanley and
    McNeil's variance at that area, with Newcombe's pseudo-frequencies. Other than that of DeLong it does not shrink
    to a point where the two kinds are told apart without fault, and it stays in [0, 1].

    Args:
        scores: one value an item; any scale.
        is_positive: whether the item is good, in the same order.
        alpha: error rate, in (0, 1).

    Returns:
        The area in [0, 1], 0.5 being chance; None unless both kinds are there.

    Source:
        Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2,
        Statistics in Medicine 25, 2006, method 5; Hanley & McNeil, The meaning and use of the area under a receiver
        operating characteristic (ROC) curve, Radiology 143, 1982.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    values, flags = _as_pairs(scores, np.asarray(is_positive, dtype=np.float64))
    good = flags > 0
    positives = int(good.sum())
    negatives = good.size - positives
    if not positives or not negatives:
        return None
    rank_sum = float(rankdata(values)[good].sum())
    area = (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)
    z = float(ndtri(1 - alpha / 2))
    return Association(
        value=area,
        low=_edge(area, z, positives, negatives, outside=0.0),
        high=_edge(area, z, positives, negatives, outside=1.0),
        n=good.size,
        method="AUROC, Newcombe interval (method 5, Hanley-McNeil variance)",
    )


def _rank_correlation(f: _Array, g: _Array, a: _Array, b: _Array) -> tuple[float, float]:
    """Correlation of the midranks f of a and g of b, brought to (0, 1), and n times its variance.

    One more item moves the correlation by what it adds itself and by moving the ranks of those above it.
    """
    f_above, g_above = _mean_above(a), _mean_above(b)
    covariance = float((f * g).mean()) - 0.25
    f_variance, g_variance = float((f * f).mean()) - 0.25, float((g * g).mean()) - 0.25
    scale = math.sqrt(f_variance * g_variance)
    value = min(1.0, max(-1.0, covariance / scale))
    moved = (f * g + f_above(g) + g_above(f)) / scale
    moved -= value / 2 * ((f * f + 2 * f_above(f)) / f_variance + (g * g + 2 * g_above(g)) / g_variance)
    return value, float(moved.var(ddof=1))


def _mean_above(values: _Array) -> Callable[[_Array], _Array]:
    """For each value the sum of something over the items above it, equal ones counting half, divided by n."""
    _, place = np.unique(values, return_inverse=True)

    def of(something: _Array) -> _Array:
        sums = np.bincount(place, weights=something)
        above = np.cumsum(sums[::-1])[::-1] - sums / 2
        means: _Array = above[place] / values.size
        return means

    return of


def _edge(area: float, z: float, positives: int, negatives: int, *, outside: float) -> float:
    """The area between `outside` and the one found that is just z standard errors away from it."""
    from scipy.optimize import brentq

    if area == outside:
        return outside

    def excess(candidate: float) -> float:
        return abs(area - candidate) - z * math.sqrt(_variance(candidate, positives, negatives))

    # The variance is 0 at 0 and 1, so `excess` is positive at `outside`, and negative next to an area of 0 or 1.
    inside = min(max(area, _TINY), 1 - _TINY)
    return float(brentq(excess, outside, inside, xtol=1e-10))


def _variance(area: float, positives: int, negatives: int) -> float:
    pseudo = (positives + negatives) / 2 - 1
    spread = 1 + pseudo * ((1 - area) / (2 - area) + area / (1 + area))
    return area * (1 - area) * spread / (positives * negatives)


def _as_pairs(first: Numbers, second: Numbers) -> tuple[_Array, _Array]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError("both sides must be lists of the same length")
    if not bool(np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("values must be finite numbers")
    return a, b
