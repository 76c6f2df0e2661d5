"""Prediction-powered means of a whole whose parts were sampled, each with its own probability. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genaiops_core.statistics.intervals import ALPHA, betting
from genaiops_core.statistics.prediction_powered import (
    LABELS_ONLY,
    MIN_LABELS,
    NORMAL,
    Corrected,
    Pool,
    insufficient,
    is_normal,
    normal_half_width,
    power_tuned_weight,
    ppi_mean,
)
from genaiops_core.statistics.stratified import MOST_UNKNOWN

MIN_PART = 5
"""A part with fewer labels counts as unknown."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Items that had the same probability of being chosen: those labelled, and what the judge says of all judged."""

    population: float
    """Number of items it represents."""
    judge: Sequence[float]
    """The judge's values of the labelled items."""
    human: Sequence[float]
    judged: int
    """Items with a value of the judge, the labelled ones included; the sums below are over them. At most as many as
    are labelled: the judge then says nothing beyond the labels."""
    value_sum: float
    square_sum: float


@dataclass(frozen=True, kw_only=True)
class _PartEstimate:
    population: float
    mean: float
    below: float
    """How far the interval reaches below the mean."""
    above: float
    weight: float
    method: str


def estimate(parts: Sequence[Part], *, raw: float | None, alpha: float = ALPHA) -> Corrected:
    """The mean label of all items of `parts`.

    Within each part labels are taken for a random sample of it. With enough labels the part's mean is that of PPI++,
    with fewer that of the labels alone with the interval of `intervals.betting`; half widths are added as standard
    errors are. Parts with fewer than `MIN_PART` labels may have any mean from 0 to 1, and the interval is widened by
    as much; where they are more than half of the whole there is no estimate.

    Args:
        parts: at least one.
        raw: the judge's own weighted mean, to be told beside.
        alpha: error rate, in (0, 1).

    Source:
        Fisch et al., Stratified prediction-powered inference for hybrid language model evaluation, 2024
        (arXiv:2406.04291).
    """
    labels = sum(len(part.human) for part in parts)
    judged = sum(max(part.judged, len(part.human)) for part in parts)
    whole = sum(part.population for part in parts)
    known = [
        _estimate_part(part, alpha) for part in parts if len(part.human) >= MIN_PART and part.population > 0
    ]
    differences = [j - h for part in parts for j, h in zip(part.judge, part.human, strict=True)]
    seen = sum(part_estimate.population for part_estimate in known)
    unknown = 1 - seen / whole if whole > 0 else 1.0
    problem = insufficient(labels) if labels < MIN_LABELS else ""
    if not problem and unknown > MOST_UNKNOWN:
        problem = f"insufficient data: {unknown:.0%} of the requests have too few reviews"
    if problem:
        mean = low = high = weight = None
        method = ""
    else:
        shares = [part_estimate.population / seen for part_estimate in known]
        mean = sum(share * part_estimate.mean for share, part_estimate in zip(shares, known, strict=True))
        # The parts are independent samples, so their half widths add as squares.
        below = math.hypot(
            *(share * part_estimate.below for share, part_estimate in zip(shares, known, strict=True))
        )
        above = math.hypot(
            *(share * part_estimate.above for share, part_estimate in zip(shares, known, strict=True))
        )
        low = max(0.0, mean - below) * (1 - unknown)
        high = min(1.0, mean + above) * (1 - unknown) + unknown
        weight = sum(share * part_estimate.weight for share, part_estimate in zip(shares, known, strict=True))
        method = (
            " and ".join(sorted({part_estimate.method for part_estimate in known}))
            + ", weighted by inclusion probability"
        )
        if unknown > 0:
            method += f"; {unknown:.0%} of the requests have too few reviews and could have any value"
    return Corrected(
        mean=mean,
        low=low,
        high=high,
        raw=raw,
        bias=float(np.mean(differences)) if differences else None,
        labelled=labels,
        unlabelled=judged - labels,
        weight=weight,
        method=method,
        problem=problem,
    )


def _estimate_part(part: Part, alpha: float) -> _PartEstimate:
    n, others = len(part.human), part.judged - len(part.human)
    # Per part: enough labels overall do not make the interval of a small part valid.
    if others < 1 or not is_normal(part.human):
        interval = betting(part.human, alpha=alpha)
        assert interval is not None
        return _PartEstimate(
            population=part.population,
            mean=interval.mean,
            below=interval.mean - interval.low,
            above=interval.high - interval.mean,
            weight=0.0,
            method=LABELS_ONLY,
        )
    judge = np.asarray(part.judge, dtype=np.float64)
    pool = _pool(others, part.value_sum - float(judge.sum()), part.square_sum - float((judge * judge).sum()))
    variance = _pool(n + others, part.value_sum, part.square_sum).variance
    weight = power_tuned_weight(judge, part.human, pool, variance=variance)
    half = normal_half_width(judge, part.human, pool, weight=weight, alpha=alpha)
    mean = ppi_mean(judge, part.human, pool, weight=weight)
    return _PartEstimate(
        population=part.population, mean=mean, below=half, above=half, weight=weight, method=NORMAL
    )


def _pool(n: int, value_sum: float, square_sum: float) -> Pool:
    """Moments from sums; the difference of two sums can round to a little below 0."""
    mean = value_sum / n
    variance = max(0.0, square_sum - n * mean * mean) / (n - 1) if n > 1 else 0.0
    return Pool(n=n, mean=mean, variance=variance)
