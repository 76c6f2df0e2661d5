"""Relative change of cost or latency between two independent samples. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genaiops_core.statistics.intervals import ALPHA, Interval
from genaiops_core.statistics.quantiles import quantile

MEAN_METHOD = "log ratio of means (delta method, normal)"
QUANTILE_METHOD = "ratio of order-statistic bounds (binomial, conservative)"

_Values = Sequence[float] | npt.NDArray[np.float64]


def change_of_mean(before: _Values, after: _Values, *, alpha: float = ALPHA) -> Interval | None:
    """The relative change of the mean of non-negative values: 0.05 is 5 % more.

    The logarithm of a ratio of two means is nearly normal; its variance is the sum of the squared relative standard
    errors. For large samples (50 and more of each).

    Returns:
        None with fewer than two values on either side, or where a mean is 0.

    Source:
        Delta method: van der Vaart, Asymptotic Statistics, 1998, chapter 3.
    """
    from scipy.special import ndtri

    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if min(first.size, second.size) < 2 or first.mean() <= 0 or second.mean() <= 0:
        return None
    error = math.sqrt(
        sum(float(sample.var(ddof=1)) / sample.size / float(sample.mean()) ** 2 for sample in (first, second))
    )
    centre = math.log(float(second.mean()) / float(first.mean()))
    reach = float(ndtri(1 - alpha / 2)) * error
    return Interval(
        mean=math.expm1(centre),
        low=math.expm1(centre - reach),
        high=math.expm1(centre + reach),
        n=min(first.size, second.size),
        method=MEAN_METHOD,
    )


def change_of_quantile(
    before: _Values, after: _Values, share: float, *, alpha: float = ALPHA
) -> Interval | None:
    """The relative change of a quantile of positive values.

    Each quantile has an interval at half of the error rate; the ratios of their opposite ends bound the change,
    whatever the distributions.

    Returns:
        None where a sample is too small for a bound, or its lower bound is 0.
    """
    first, second = (quantile(side, share, alpha=alpha / 2) for side in (before, after))
    if first is None or second is None:
        return None
    if first.low is None or first.high is None or second.low is None or second.high is None or first.low <= 0:
        return None
    return Interval(
        mean=second.value / first.value - 1,
        low=second.low / first.high - 1,
        high=second.high / first.low - 1,
        n=min(first.n, second.n),
        method=QUANTILE_METHOD,
    )
