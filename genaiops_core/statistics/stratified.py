"""The mean of a whole from samples of its parts, each sampled with its own probability. Pure: sums in, interval out.

Weighted by the inverse of the probability of being chosen, the mean of a sample stands for everything it was drawn
from, whatever else it was drawn by: here slow, dear, new and disliked requests are all judged, the others one in fifty.
Weights are scaled so that every part counts for as many units as it has (post-stratified Hajek estimator), which also
makes good for units that were chosen but not judged, as far as these are like the others of their part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
_WEIGHTED_CONFIDENCE = 0.97
"""Asked of t where parts are weighted: most of the weight is then on few scores, which crowd below 1, and of these t
holds one to two points less than it says (simulated with 12 to 120 of them). So 95 % is what is held, not hoped for."""

_Z = 1.959963984540054
MOST_UNKNOWN = 0.5
"""A mean is not given when more of the whole than this is unknown."""


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """Units that had the same probability of being chosen, and the values of those that were judged."""

    population: float
    """How many units it stands for; `n` where each stands for itself."""
    n: int
    """Values; 0 when nothing of it was judged yet."""
    value_sum: float
    square_sum: float
    """Sum of the squares of the values."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean of values in [0, 1] with its two-sided 95 % interval."""

    mean: float | None
    """None without values, or when they stand for less than half of the whole."""
    low: float | None
    """None when too few values say nothing about their spread."""
    high: float | None
    n: int
    effective_n: float | None
    """Kish: as many equally weighted values would know as much; None without values."""
    unknown_share: float
    """Of the whole, the share of strata without any value."""
    method: str


def estimate(strata: Sequence[Stratum]) -> Estimate:
    """The mean of all units of `strata`.

    The interval is that of a stratified mean, Student's t with Satterthwaite's degrees of freedom, cut to [0, 1]. It
    knows what was seen: with few values, something bad that is rarer than one in as many may not be among them. A
    stratum whose values are all equal shows no spread, and t would claim certainty: there the Wilson score interval
    (JASA 22, 1927) of a share with this mean gives it the most spread that values in [0, 1] can have. Units of a
    stratum without any value may have any value from 0 to 1, and the interval is widened by as much. With one stratum
    it is the t interval of a plain mean. All of it is for a fixed n: who looks again and again until an interval
    excludes a value will find one.

    Source:
        Kish, Survey Sampling, 1965 (post-stratification, effective n); Särndal, Swensson & Wretman, Model Assisted
        Survey Sampling, 1992, 5.7 (Hajek estimator) and 7.6 (post-stratification).
    """
    whole = sum(stratum.population for stratum in strata)
    known = [stratum for stratum in strata if stratum.n > 0 and stratum.population > 0]
    n = sum(stratum.n for stratum in known)
    if not known or whole <= 0:
        return _nothing(1.0 if whole > 0 else 0.0)
    seen = sum(stratum.population for stratum in known)
    unknown = 1 - seen / whole if seen < whole else 0.0
    mean = sum(stratum.population * stratum.value_sum / stratum.n for stratum in known) / seen
    mean = min(1.0, max(0.0, mean))
    effective = seen**2 / sum(stratum.population**2 / stratum.n for stratum in known)
    half, method = _half_width(known, seen)
    reported_mean = mean if unknown <= MOST_UNKNOWN else None
    if half is None:
        return Estimate(
            mean=reported_mean,
            low=None,
            high=None,
            n=n,
            effective_n=effective,
            unknown_share=unknown,
            method=method,
        )
    if len(known) == 1 and _is_even(known[0]):
        low, high = _wilson(mean, known[0].n)
    else:
        low, high = max(0.0, mean - half), min(1.0, mean + half)
    if unknown:
        # The bounds for an unknown part with the value 0 and with the value 1.
        low, high = low * (1 - unknown), high * (1 - unknown) + unknown
        method += f"; {unknown:.0%} of the requests are not scored yet and could be anything"
    return Estimate(
        mean=reported_mean,
        low=low,
        high=high,
        n=n,
        effective_n=effective,
        unknown_share=unknown,
        method=method,
    )


def _nothing(unknown: float) -> Estimate:
    return Estimate(
        mean=None, low=None, high=None, n=0, effective_n=None, unknown_share=unknown, method="no scores"
    )


def _half_width(known: Sequence[Stratum], seen: float) -> tuple[float | None, str]:
    """Half of the interval's width, from the variance of each stratum's mean."""
    if len(known) == 1 and known[0].n == 1:
        return None, "one score, no interval"
    variance = freedom = 0.0
    for stratum in known:
        share = stratum.population / seen
        if _is_even(stratum):
            mean = stratum.value_sum / stratum.n
            low, high = _wilson(min(1.0, max(0.0, mean)), stratum.n)
            variance += (share * max(mean - low, high - mean) / _Z) ** 2
            continue
        part = share**2 * _deviations(stratum) / (stratum.n - 1) / stratum.n
        variance += part
        freedom += part**2 / (stratum.n - 1)
    name = "Student's t" if len(known) == 1 else "Student's t, weighted by inclusion probability"
    # All strata have equal values, so there is no variance to estimate degrees of freedom from.
    if not freedom:
        return _Z * math.sqrt(variance), "Wilson score (all values equal)"
    confidence = CONFIDENCE if len(known) == 1 else _WEIGHTED_CONFIDENCE
    return _t_quantile(variance**2 / freedom, confidence) * math.sqrt(variance), name


def _deviations(stratum: Stratum) -> float:
    return stratum.square_sum - stratum.value_sum**2 / stratum.n


def _is_even(stratum: Stratum) -> bool:
    # The difference of two sums; rounding can leave a little, also below zero.
    return stratum.n == 1 or _deviations(stratum) <= 1e-9 * stratum.n


def _t_quantile(degrees_of_freedom: float, confidence: float) -> float:
    # Imported at first use: it takes 200 ms and 20 MB that an API which only takes traces in can do without.
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, (1 + confidence) / 2))


def _wilson(mean: float, n: int) -> tuple[float, float]:
    centre = (mean + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z / (1 + _Z * _Z / n) * math.sqrt(mean * (1 - mean) / n + _Z * _Z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
