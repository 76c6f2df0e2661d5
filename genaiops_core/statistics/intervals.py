"""Confidence intervals for means of values in [0, 1]. Pure: arrays in, bounds out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ALPHA = 0.05
"""Intervals hold the true value in at least 1 - ALPHA of all repetitions."""

SHUFFLE_SEED = 20_240_501
"""Seed of the order of bets; equal values in equal order give equal intervals."""
_GRID = 33
"""Candidates between two bounds in one pass; four passes narrow a bound to 1/33^4, below 0.000001."""

_PASSES = 4
_TINY = 1e-12
_CAP = 0.75
"""Largest share of the wealth staked on one observation (the paper's c); below 1 the wealth stays positive."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with its two-sided interval."""

    mean: float
    low: float
    high: float
    n: int
    method: str


def betting(values: Sequence[float] | npt.NDArray[np.float64], *, alpha: float = ALPHA) -> Interval | None:
    """Interval for the mean of values in [0, 1] by the hedged capital process.

    For every candidate mean m, half of a capital bets that the values lie above m, the other half that they lie
    below. If m is the mean, the expected value of neither bet grows, so by Ville's inequality the capital exceeds
    1/alpha with probability alpha at most; the interval is every m for which it never does. It adapts to the
    variance without assuming a distribution, and holds at every n, 1 included.

    One difference to the paper: the values are first put in a fixed random order, because they often arrive sorted (by
    topic or by difficulty), and the bets depend on the values before them.

    Args:
        values: one per case, each in [0, 1].
        alpha: error rate, in (0, 1).

    Returns:
        The interval, or None when there is no value.

    Raises:
        ValueError: a value lies outside [0, 1] or is NaN.

    Source:
        Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting, JRSS-B 2024
        (arXiv:2010.09686), theorem 3 with the fixed-n bets of equation 26 ("hedged").
    """
    ordered = np.asarray(values, dtype=np.float64)
    n = ordered.size
    if n == 0:
        return None
    if not bool(np.all((ordered >= 0) & (ordered <= 1))):
        raise ValueError("values must lie in [0, 1]")
    mean = float(ordered.mean())
    # The fixed seed gives the same values the same interval on every run.
    ordered = np.random.default_rng(SHUFFLE_SEED).permutation(ordered)
    stakes = bets(ordered, alpha)

    def is_rejected(candidates: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        up, down = log_capitals(ordered, stakes, candidates)
        # Half of the capital is on each side; the hedge is at least the larger half.
        richer = np.maximum(up.max(axis=0), down.max(axis=0))
        rejected: npt.NDArray[np.bool_] = richer + math.log(0.5) >= math.log(1 / alpha)
        return rejected

    low = edge(is_rejected, outside=0.0, inside=mean)
    high = edge(is_rejected, outside=1.0, inside=mean)
    return Interval(
        mean=mean, low=min(low, mean), high=max(high, mean), n=n, method="betting (hedged capital)"
    )


def wilson(successes: int, trials: int, *, alpha: float = ALPHA) -> Interval | None:
    """Score interval for a proportion.

    Args:
        successes: between 0 and `trials`.
        trials: observations; None is returned for 0.
        alpha: error rate, in (0, 1).

    Source:
        Wilson, Probable inference, the law of succession, and statistical inference, JASA 1927. Its coverage is
        1 - alpha on average, not at every proportion.
    """
    if trials == 0:
        return None
    if not 0 <= successes <= trials:
        raise ValueError("successes must lie between 0 and trials")
    from scipy.special import ndtri

    z = float(ndtri(1 - alpha / 2))
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # Exactly 0 or 1, without the rounding error of the formula.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Interval(mean=share, low=low, high=high, n=trials, method="Wilson score")


def bets(ordered: npt.NDArray[np.float64], alpha: float) -> npt.NDArray[np.float64]:
    """The stake before each observation; it grows as the variance of earlier observations falls."""
    n = ordered.size
    counts = np.arange(1, n + 1)
    means = (0.5 + np.cumsum(ordered)) / (counts + 1)
    variances = (0.25 + np.cumsum((ordered - means) ** 2)) / (counts + 1)
    # Shifted by one: a stake that used its own observation would make the interval invalid.
    before = np.concatenate(([0.25], variances[:-1]))
    return np.sqrt(2 * math.log(2 / alpha) / (n * before))


def log_capitals(
    ordered: npt.NDArray[np.float64],
    stakes: npt.NDArray[np.float64],
    candidates: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Logarithms of the capital from bets that the mean lies above, and below, each candidate.

    Args:
        ordered: observations in [0, 1], shape (n,).
        stakes: one per observation, independent of it and of later ones.
        candidates: means in [0, 1], shape (k,).

    Returns:
        Two arrays of shape (n, k): the capital after each observation, from a start of 1.
    """
    # At a candidate of 0 or 1 one of the caps has no limit; any number far above all bets stands for it.
    caps_up = _CAP / np.maximum(candidates, _TINY)
    caps_down = _CAP / np.maximum(1 - candidates, _TINY)
    gain = ordered[:, None] - candidates[None, :]
    up = np.cumsum(np.log1p(np.minimum(stakes[:, None], caps_up) * gain), axis=0)
    down = np.cumsum(np.log1p(-np.minimum(stakes[:, None], caps_down) * gain), axis=0)
    return up, down


def edge(
    is_rejected: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]], *, outside: float, inside: float
) -> float:
    """The end of the interval between `outside` and the mean.

    The capital only grows as the candidate moves away from the mean (the paper's section 4.3), so the edge can be
    bracketed: each pass lays a grid over the bracket and keeps the cell in which the verdict changes. What is
    returned is the rejected end of the last cell, so rounding only widens.
    """
    for _ in range(_PASSES):
        grid = np.linspace(outside, inside, _GRID)
        accepted = np.flatnonzero(~is_rejected(grid))
        first = int(accepted[0]) if accepted.size else _GRID - 1
        if first == 0:
            return outside
        outside, inside = float(grid[first - 1]), float(grid[first])
    return outside
