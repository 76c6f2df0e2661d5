"""Paired differences by flipping signs: an exact interval and an exact p-value, also for few cases. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genaiops_core.statistics.intervals import ALPHA, Interval

ALL_SUBSETS_UP_TO = 13
"""2^13 subsets are few enough to take them all; of more cases a random part of the subsets is as valid."""

DRAWS = 9_999
_SEED = 20_240_503
_CHUNK_CELLS = 2_000_000
"""Cells drawn at once, whatever the number of cases."""

EXACT = "sign-flip permutation (all subsets)"
DRAWN = "sign-flip permutation (9,999 drawn, seeded)"


@dataclass(frozen=True, kw_only=True)
class SignFlips:
    """Interval and p-value for the centre of paired differences."""

    interval: Interval | None
    """None when there are too few cases for this error rate: five or fewer for 0.05, since 2^5 < 2 / 0.05."""
    p_value: float
    """Two-sided, of no difference at all."""


def sign_flips(
    differences: Sequence[float] | npt.NDArray[np.float64], *, alpha: float = ALPHA
) -> SignFlips | None:
    """Interval and test for the centre of differences that are as likely to fall short of it as to exceed it.

    If a case's difference is symmetric about the centre c, its sign about c means nothing, so all 2^n ways to flip
    signs are equally likely. Equivalently (Hartigan's theorem of typical values) c falls with equal chance between any
    two neighbours of the sorted means of all 2^n - 1 subsets of the cases. The interval reaches from the k-th smallest
    to the k-th largest of these means, with k = floor(alpha / 2 * number of gaps). No large n is needed; symmetry is.

    Args:
        differences: current minus baseline, one a case.
        alpha: error rate, in (0, 1).

    Returns:
        None without differences. The same differences give the same answer.

    Source:
        Hartigan, Using subsample values as typical values, JASA 1969; Fisher, The Design of Experiments, 1935.
    """
    values = np.asarray(differences, dtype=np.float64)
    n = values.size
    if n == 0:
        return None
    subset_sums, sizes = _subset_sums(values)
    means = np.sort(subset_sums / sizes)
    k = math.floor(alpha / 2 * (means.size + 1) + 1e-9)
    mean = float(values.mean())
    method = EXACT if n <= ALL_SUBSETS_UP_TO else DRAWN
    interval = (
        Interval(
            mean=mean,
            low=min(float(means[k - 1]), mean),
            high=max(float(means[-k]), mean),
            n=n,
            method=method,
        )
        if k >= 1
        else None
    )
    # A subset keeps its signs and the rest is flipped; the empty one flips all, which is as extreme as flipping none.
    sums = 2 * subset_sums - values.sum()
    seen = abs(float(values.sum()))
    # The tolerance counts sums that are equal but for rounding; without it the p-value would be too small.
    extreme = int(np.count_nonzero(np.abs(sums) >= seen * (1 - 1e-12) - 1e-15)) + 1
    return SignFlips(interval=interval, p_value=extreme / (sums.size + 1))


def _subset_sums(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum and size of every subset but the empty one, or of a seeded draw of them."""
    n = values.size
    if n <= ALL_SUBSETS_UP_TO:
        chosen = ((np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1).astype(np.float64)
        return chosen @ values, chosen.sum(axis=1)
    generator = np.random.default_rng(_SEED)
    sums, sizes = np.empty(DRAWS), np.empty(DRAWS)
    step = max(1, _CHUNK_CELLS // n)
    for start in range(0, DRAWS, step):
        size = min(step, DRAWS - start)
        chosen = generator.integers(0, 2, size=(size, n), dtype=np.int8).astype(np.float64)
        chosen[chosen.sum(axis=1) == 0, 0] = 1.0
        sums[start : start + size], sizes[start : start + size] = chosen @ values, chosen.sum(axis=1)
    return sums, sizes
