"""Quantiles of a sample with distribution-free intervals. Pure: values in, bounds out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genaiops_core.statistics.intervals import ALPHA

METHOD = "order statistics (binomial, distribution-free)"


@dataclass(frozen=True, kw_only=True)
class QuantileInterval:
    """A quantile of a sample with its two-sided interval; a bound is None where the sample is too small for one."""

    value: float
    """Nearest rank."""
    low: float | None
    high: float | None
    n: int
    method: str = METHOD


def quantile(
    values: Sequence[float] | npt.NDArray[np.float64], share: float, *, alpha: float = ALPHA
) -> QuantileInterval | None:
    """A quantile of whatever the values were drawn from.

    How many of n independent values lie below the true quantile is binomial(n, share), whatever their distribution;
    so the l-th smallest lies above it with probability P(B < l), and the u-th smallest below it with P(B >= u). The
    bounds are the closest ranks for which each of these is at most alpha / 2. Of 20 values no rank bounds a 95th
    percentile from above: the upper bound is then None, which is unknown and not infinite.

    Args:
        values: one an observation, in any unit.
        share: which quantile, in (0, 1); 0.95 is the 95th percentile.
        alpha: error rate, in (0, 1).

    Returns:
        The interval, or None when there is no value. With ties it holds at least as often as it says.

    Source:
        David & Nagaraja, Order Statistics, 3rd ed. 2003, section 7.1.
    """
    from scipy.special import bdtr

    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = ordered.size
    if n == 0:
        return None
    if not 0 < share < 1:
        raise ValueError("share must lie between 0 and 1")
    # below[k] is P(B <= k), k = 0 .. n - 1
    below = bdtr(np.arange(n), n, share)
    lower_ranks = np.flatnonzero(below <= alpha / 2)
    upper_ranks = np.flatnonzero(below >= 1 - alpha / 2)
    return QuantileInterval(
        # Rounding may put share * n just above an integer; the tolerance keeps that rank.
        value=float(ordered[max(1, math.ceil(share * n - 1e-9)) - 1]),
        low=float(ordered[lower_ranks[-1]]) if lower_ranks.size else None,
        high=float(ordered[upper_ranks[0]]) if upper_ranks.size else None,
        n=n,
    )
