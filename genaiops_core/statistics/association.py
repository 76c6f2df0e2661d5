"""How well one set of numbers orders what another says: rank correlation and the area under the ROC curve. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genaiops_core.statistics.intervals import ALPHA

Numbers = Sequence[float] | npt.NDArray[np.float64]

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

    The interval is that of Fisher's z with the variance (1 + r^2 / 2) / (n - 3). A correlation of 1 has no finite z
    and would claim certainty; there the interval is taken around the largest correlation below 1 that n ranks can
    have (one pair of neighbours swapped), and reaches up to 1. With many ties it holds the true value as often as it
    says or more often (simulated with labels of two and three values).

    Args:
        first: one value an item; any scale.
        second: as many, in the same order.
        alpha: error rate, in (0, 1).

    Returns:
        The correlation in [-1, 1], or None with fewer than four items or where one side never varies.

    Source:
        Bonett & Wright, Sample size requirements for estimating Pearson, Kendall and Spearman correlations,
        Psychometrika 65, 2000; Spearman, The proof and measurement of association between two things, 1904.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    a, b = _paired(first, second)
    n = a.size
    if n < MIN_RANKED or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    value = float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
    value = min(1.0, max(-1.0, value))
    furthest = 1 - 12 / (n * (n * n - 1))
    centre = math.atanh(min(furthest, max(-furthest, value)))
    half = float(ndtri(1 - alpha / 2)) * math.sqrt((1 + value * value / 2) / (n - 3))
    return Association(
        value=value,
        low=min(value, math.tanh(centre - half)),
        high=max(value, math.tanh(centre + half)),
        n=n,
        method="Spearman's rank correlation, Fisher z interval (Bonett-Wright)",
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

    values, flags = _paired(scores, np.asarray(is_positive, dtype=np.float64))
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


def _paired(first: Numbers, second: Numbers) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError("both sides must be lists of the same length")
    if not bool(np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("values must be finite numbers")
    return a, b
