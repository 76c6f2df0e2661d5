"""Relative change of cost or latency between two runs over the same cases. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from genaiops_core.statistics.intervals import ALPHA, Interval
from genaiops_core.statistics.paired import RESAMPLES, draw_resamples, tail_share
from genaiops_core.statistics.paired import bootstrap as _bootstrap

MEAN_METHOD = "bootstrap (expanded percentile, 5,000 resamples, seeded)"
CHANGE_METHOD = "paired bootstrap of cases (expanded percentile, 5,000 resamples, seeded)"

BEYOND = 5
"""Observations that must lie beyond a quantile before a bootstrap of it means anything."""

_Values = Sequence[float] | npt.NDArray[np.float64]


def mean(values: _Values, *, alpha: float = ALPHA) -> Interval | None:
    """Interval for the mean of values without an upper limit, such as costs.

    A mean of unbounded values has no interval that holds for every distribution at a finite n; this one relies on the
    sample having seen the tail. For log-normal costs with sigma 1 it held the mean in 90 of 100 at n = 50.

    Returns:
        None with fewer than two values.
    """
    bootstrapped = _bootstrap(values, alpha=alpha)
    if bootstrapped is None:
        return None
    return Interval(
        mean=bootstrapped.mean,
        low=bootstrapped.low,
        high=bootstrapped.high,
        n=bootstrapped.n,
        method=MEAN_METHOD,
    )


def change_of_mean(before: _Values, after: _Values, *, alpha: float = ALPHA) -> Interval | None:
    """The relative change of the mean: 0.05 is 5 % more. Cases are drawn in pairs, which removes their difficulty.

    Args:
        before, after: non-negative, one a case, in the same order.
        alpha: error rate, in (0, 1).

    Returns:
        None with fewer than two cases, or when the mean before is 0.
    """
    return _change(before, after, lambda drawn: drawn.mean(axis=1), alpha)


def change_of_quantile(
    before: _Values, after: _Values, share: float, *, alpha: float = ALPHA
) -> Interval | None:
    """The relative change of a quantile, such as 0.95 for p95; drawn in pairs.

    Resampled quantiles jump from one observation to the next, so the interval is rather too wide: it held the change
    in 98 of 100 for log-normal latencies at n = 100.

    Returns:
        None when fewer than `BEYOND` cases lie beyond the quantile (10 cases for p50, 100 for p95, 500 for p99):
        resampling then only repeats the largest few.
    """
    n = len(after)
    if n * min(share, 1 - share) < BEYOND - 1e-9:
        return None
    rank = max(1, math.ceil(share * n - 1e-9)) - 1

    def nearest_rank(drawn: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        ranked: npt.NDArray[np.float64] = np.partition(drawn, rank, axis=1)[:, rank]
        return ranked

    return _change(before, after, nearest_rank, alpha)


def _change(
    before: _Values,
    after: _Values,
    statistic: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    alpha: float,
) -> Interval | None:
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError("before and after must pair up")
    n = first.size
    base = float(statistic(first[None, :])[0]) if n else 0.0
    if n < 2 or base <= 0:
        return None
    changes = np.concatenate(
        # The same cases are drawn on both sides, which is what makes the comparison paired.
        [_ratio(statistic(first[drawn]), statistic(second[drawn])) for drawn in draw_resamples(n, RESAMPLES)]
    )
    tail = tail_share(n, alpha)
    low, high = np.quantile(changes, [tail, 1 - tail])
    change = float(statistic(second[None, :])[0]) / base - 1
    return Interval(
        mean=change, low=min(float(low), change), high=max(float(high), change), n=n, method=CHANGE_METHOD
    )


def _ratio(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # A draw whose base is 0 gives no ratio; it counts as the largest change.
    safe = np.where(before > 0, before, 1.0)
    return np.where(before > 0, after / safe - 1, np.inf)
