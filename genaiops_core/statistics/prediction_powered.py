"""The mean of human labels over many judged items, of which few are labelled. Pure functions.

The mean of a judge has the judge's bias, however many items it judged; labels alone are few. Prediction-powered
inference takes the judge's mean over all items and corrects it by the judge's errors on the labelled items. It assumes
nothing about the judge, but that the labelled items are a random sample of the judged ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genaiops_core.statistics.intervals import ALPHA, SHUFFLE_SEED, bets, edge, log_capitals

Numbers = Sequence[float] | npt.NDArray[np.float64]
_Array = npt.NDArray[np.float64]

MIN_LABELS = 20
"""With fewer labels there is no estimate; intervals would span half of the scale."""

MIN_NORMAL = 100
MIN_EACH_SIDE = 15
"""The normal interval requires `MIN_NORMAL` labels, with at least `MIN_EACH_SIDE` good and as many bad ones."""

STAKES = {0.0: 0.54, 0.6: 0.46}
"""Weight of the judge in a bet -> share of the capital that is staked on it, for the guaranteed interval.

The bet without the judge has the larger share, so that a useless judge widens the interval little: see
`MAX_WIDENING`.
"""

MAX_WIDENING = 0.17
"""How much wider than the betting interval of the labels alone the guaranteed interval can be.

It lies within the interval that the bet without the judge gives at the error rate alpha times its share. Widths are at
most proportional to log(2 / alpha): log(2 / 0.027) / log(2 / 0.05) = 1.167.
"""

_SEED = 20_240_503
_CROSSING_STEPS = 30

NORMAL = "prediction-powered (PPI++, power-tuned, Student's t)"
GUARANTEED = "prediction-powered betting (holds at every n)"
LABELS_ONLY = "betting on the labels alone"


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Number, mean and variance of the judge's values of the unlabelled items, for the normal interval."""

    n: int
    mean: float
    variance: float

    @classmethod
    def of(cls, values: _Array) -> Pool:
        return cls(
            n=values.size,
            mean=float(values.mean()) if values.size else 0.0,
            variance=float(values.var(ddof=1)) if values.size > 1 else 0.0,
        )


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """An estimate of the mean label of all items, with its two-sided interval."""

    mean: float | None
    """None with too few labels."""
    low: float | None
    high: float | None
    raw: float | None
    """The judge's own mean over all items, labelled or not."""
    bias: float | None
    """Judge minus people, mean over the labelled items: above 0 the judge is too lenient."""
    labelled: int
    unlabelled: int
    weight: float | None
    """Weight of the judge (lambda), 0 to 1."""
    method: str
    problem: str
    """Why there is no estimate; '' with one."""


def estimate(judge: Numbers, human: Numbers, others: Numbers, *, alpha: float = ALPHA) -> Corrected:
    """The mean label of the items that the labelled ones were drawn from.

    The point is that of PPI++: mean(human) + w (mean(others) - mean(judge)), with the weight w that makes its variance
    least, cut to [0, 1]. With many labels of both kinds the interval is the normal one around it; else it is the
    guaranteed one of `betting`, and the point is moved to its nearer end where it lies outside.

    Args:
        judge: the judge's values of the labelled items, each in [0, 1].
        human: the labels of the same items in the same order, each in [0, 1].
        others: the judge's values of the items that nobody labelled.
        alpha: error rate, in (0, 1).

    Returns:
        The estimate; with fewer than `MIN_LABELS` labels only the raw mean and the reason.

    Raises:
        ValueError: a value lies outside [0, 1], or the sides differ in length.

    Source:
        Angelopoulos, Bates, Fannjiang, Jordan & Zrnic, Prediction-powered inference, Science 382, 2023
        (arXiv:2301.09633); Angelopoulos, Duchi & Zrnic, PPI++: efficient prediction-powered inference, 2023
        (arXiv:2311.01453) for the weight.
    """
    judge_values, labels, rest = _unit(judge), _unit(human), _unit(others)
    if judge_values.size != labels.size:
        raise ValueError("judge and human must have the same length")
    n, unlabelled = int(labels.size), int(rest.size)
    everything = np.concatenate((judge_values, rest))
    raw = float(everything.mean()) if everything.size else None
    bias = float((judge_values - labels).mean()) if n else None
    if n < MIN_LABELS:
        return _too_few(n, unlabelled, raw=raw, bias=bias)
    pool = Pool.of(rest)
    weight = power_tuned_weight(judge_values, labels, pool, variance=float(everything.var(ddof=1)))
    mean = ppi_mean(judge_values, labels, pool, weight=weight)
    if is_normal(labels):
        half = normal_half_width(judge_values, labels, pool, weight=weight, alpha=alpha)
        low, high = max(0.0, mean - half), min(1.0, mean + half)
        method = NORMAL
    else:
        low, high = betting(judge_values, labels, rest, alpha=alpha)
        mean = min(high, max(low, mean))
        method = GUARANTEED
    return Corrected(
        mean=mean,
        low=low,
        high=high,
        raw=raw,
        bias=bias,
        labelled=n,
        unlabelled=unlabelled,
        weight=weight,
        method=method,
        problem="",
    )


def is_normal(labels: Numbers) -> bool:
    """Whether there are enough labels, good and bad, for the coverage of the normal interval."""
    n, good = len(labels), float(np.sum(labels))
    return n >= MIN_NORMAL and min(good, n - good) >= MIN_EACH_SIDE


def betting(judge: Numbers, human: Numbers, others: Numbers, *, alpha: float = ALPHA) -> tuple[float, float]:
    """Interval for the mean label that holds at every n, whatever the distribution and however bad the judge.

    Every labelled item gets an even share of the others. Its label plus w times (mean judge value of that share minus
    the judge's value of the item) has the mean of the labels as its own, for any w; so against each candidate mean one
    bets on these sums as `intervals.betting` does on values. The capital is split over two weights w by `STAKES`: a
    mean of capitals is a capital too, so the bound of Ville holds for it, and it soon follows the better of the two.

    Args:
        judge: values of the labelled items in [0, 1].
        human: their labels in [0, 1].
        others: the judge's values of the other items; each is used once.
        alpha: error rate, in (0, 1).

    Source:
        Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting, JRSS-B 2024
        (arXiv:2010.09686); Csillag, Struchiner & Goedert, Prediction-powered e-values, 2025 (arXiv:2502.04294) for
        bets on corrected predictions. The mixture over weights is ours; coverage is simulated in
        docs/design/judge-against-humans.md.
    """
    judge_values, labels, rest = _unit(judge), _unit(human), _unit(others)
    # The order of `intervals.betting`, so that the bet without the judge is the one on the labels alone.
    order = np.random.default_rng(SHUFFLE_SEED).permutation(labels.size)
    judge_values, labels = judge_values[order], labels[order]
    generator = np.random.default_rng(_SEED)
    # Each unlabelled item is used once, so the corrections stay independent.
    shares = np.array_split(generator.permutation(rest), labels.size)
    corrections = np.array(
        [
            share.mean() - value if share.size else 0.0
            for share, value in zip(shares, judge_values, strict=True)
        ]
    )
    # Label plus correction lies in [-w, 1 + w]; bets are placed on it brought to [0, 1].
    scaled = [(w, share, (labels + w * corrections + w) / (1 + 2 * w)) for w, share in STAKES.items()]
    staked = [(w, share, values, bets(values, alpha * share)) for w, share, values in scaled]

    def capitals(candidates: _Array) -> tuple[_Array, _Array]:
        both = [
            (math.log(share), log_capitals(values, stakes, (candidates + w) / (1 + 2 * w)))
            for w, share, values, stakes in staked
        ]
        up = np.logaddexp.reduce([log_share + capital for log_share, (capital, _) in both])
        down = np.logaddexp.reduce([log_share + bet for log_share, (_, bet) in both])
        return up.max(axis=0), down.max(axis=0)

    # Half of the capital is on each side.
    limit = math.log(2 / alpha)
    inside = _least_rejected(capitals)
    low = edge(lambda grid: capitals(grid)[0] >= limit, outside=0.0, inside=inside)
    high = edge(lambda grid: capitals(grid)[1] >= limit, outside=1.0, inside=inside)
    return min(low, inside), max(high, inside)


def _least_rejected(capitals: Callable[[_Array], tuple[_Array, _Array]]) -> float:
    """The candidate against which the larger of both bets wins least: it lies in every interval that is not empty."""
    low, high = 0.0, 1.0
    # The bet on a higher mean only wins less as the candidate rises, the other one only more: they cross once.
    for _ in range(_CROSSING_STEPS):
        middle = (low + high) / 2
        up, down = capitals(np.array([middle]))
        low, high = (middle, high) if up[0] > down[0] else (low, middle)
    return (low + high) / 2


def power_tuned_weight(judge: Numbers, human: Numbers, others: Pool, *, variance: float) -> float:
    """The weight of the judge that makes the variance of the estimate least (PPI++), in [0, 1].

    Args:
        judge: values of the labelled items.
        human: their labels.
        others: the judge over the items without a label.
        variance: of the judge over all items.
    """
    if not others.n or variance <= 0:
        return 0.0
    covariance = float(np.cov(judge, human)[0, 1])
    return min(1.0, max(0.0, covariance / ((1 + len(human) / others.n) * variance)))


def ppi_mean(judge: Numbers, human: Numbers, others: Pool, *, weight: float) -> float:
    """Mean label, moved by `weight` times the difference of the judge's means over the others and the labelled."""
    shift = weight * (others.mean - float(np.mean(judge))) if others.n else 0.0
    return min(1.0, max(0.0, float(np.mean(human)) + shift))


def normal_half_width(
    judge: Numbers, human: Numbers, others: Pool, *, weight: float, alpha: float = ALPHA
) -> float:
    """Half of the interval of PPI++, with Student's t for the normal quantile."""
    from scipy.special import stdtrit

    n = len(human)
    rectified = np.asarray(human, dtype=np.float64) - weight * np.asarray(judge, dtype=np.float64)
    variance = float(rectified.var(ddof=1)) / n
    variance += weight * weight * others.variance / others.n if others.n else 0.0
    return float(stdtrit(n - 1, 1 - alpha / 2)) * math.sqrt(variance)


def _too_few(n: int, others: int, *, raw: float | None, bias: float | None) -> Corrected:
    return Corrected(
        mean=None,
        low=None,
        high=None,
        raw=raw,
        bias=bias,
        labelled=n,
        unlabelled=others,
        weight=None,
        method="",
        problem=insufficient(n),
    )


def insufficient(n: int) -> str:
    """The problem of an estimate with too few labels."""
    return f"insufficient data: {n} of at least {MIN_LABELS} labelled cases"


def _unit(values: Numbers) -> _Array:
    array = np.asarray(values, dtype=np.float64)
    # NaN fails both comparisons.
    if not bool(np.all((array >= 0) & (array <= 1))):
        raise ValueError("values must lie in [0, 1]")
    return array
