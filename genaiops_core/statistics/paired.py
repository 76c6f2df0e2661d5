"""Differences between two runs over the same cases. Pairing removes how hard each case is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genaiops_core.statistics.intervals import ALPHA, Interval

RESAMPLES = 5_000
_SEED = 20_240_502
_CHUNK_CELLS = 2_000_000
"""Cells drawn at once: 16 MB, whatever the number of cases."""

METHOD = "paired bootstrap (expanded percentile, 5,000 resamples, seeded)"


def bootstrap(
    differences: Sequence[float] | npt.NDArray[np.float64],
    *,
    alpha: float = ALPHA,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """Interval for the mean of paired differences.

    Cases are drawn with replacement; the interval is read off the percentiles of the resampled means. Plain
    percentiles are too narrow for few cases, so they are taken further out, by the factor by which Student's
    interval exceeds the normal one that the bootstrap imitates.

    Args:
        differences: current minus baseline, one a case.
        alpha: error rate, in (0, 1).
        resamples: how many times all cases are drawn.

    Returns:
        The interval, or None with fewer than two differences. The same differences give the same interval.

    Source:
        Hesterberg, What teachers should know about the bootstrap, The American Statistician 2015, section 4.1.2
        ("expanded percentile").
    """
    from scipy.special import ndtr, stdtrit

    values = np.asarray(differences, dtype=np.float64)
    n = values.size
    if n < 2:
        return None
    generator = np.random.default_rng(_SEED)
    means = np.empty(resamples)
    step = max(1, _CHUNK_CELLS // n)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        means[start : start + size] = values[generator.integers(0, n, size=(size, n))].mean(axis=1)
    tail = float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, alpha / 2)))
    low, high = np.quantile(means, [tail, 1 - tail])
    mean = float(values.mean())
    return Interval(mean=mean, low=min(float(low), mean), high=max(float(high), mean), n=n, method=METHOD)
