"""Differences between two runs over the same cases. Pairing removes the difficulty of each case."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

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
    values = np.asarray(differences, dtype=np.float64)
    n = values.size
    if n < 2:
        return None
    means = np.concatenate([values[drawn].mean(axis=1) for drawn in draw_resamples(n, resamples)])
    tail = tail_share(n, alpha)
    low, high = np.quantile(means, [tail, 1 - tail])
    mean = float(values.mean())
    # Rounding may put the mean of constant differences just outside the percentiles.
    return Interval(mean=mean, low=min(float(low), mean), high=max(float(high), mean), n=n, method=METHOD)


def draw_resamples(n: int, resamples: int) -> Iterator[npt.NDArray[np.int64]]:
    """Positions of n cases drawn with replacement, a row a resample, in chunks; the same every time."""
    generator = np.random.default_rng(_SEED)
    step = max(1, _CHUNK_CELLS // n)
    for start in range(0, resamples, step):
        yield generator.integers(0, n, size=(min(step, resamples - start), n))


def tail_share(n: int, alpha: float) -> float:
    """The share of resamples below the lower bound: less than alpha / 2, the more so the fewer the cases."""
    from scipy.special import ndtr, stdtrit

    return float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, alpha / 2)))
