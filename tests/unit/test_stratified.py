"""Means of a whole from samples of its parts: known answers, and that intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest

from genaiops_core.statistics.stratified import Stratum, estimate
from genaiops_core.telemetry.traffic.quality import Sums, build_strata


def part(population: float, *values: float) -> Stratum:
    return Stratum(
        population=population,
        n=len(values),
        value_sum=sum(values),
        square_sum=sum(value * value for value in values),
    )


def test_strata_are_weighted_by_their_population() -> None:
    # 10 bad ones of 10, and 4 of 90: (10 * 0.4 + 90 * 0.8) / 100 = 0.76.
    bad = [0.3, 0.5] * 5
    mean_estimate = estimate([part(10, *bad), part(90, 0.7, 0.8, 0.8, 0.9)])
    assert mean_estimate.mean == pytest.approx(0.76)
    # Kish: weights 1 (ten times) and 22.5 (four times): 100^2 / (10 + 4 * 506.25) = 4.914.
    assert mean_estimate.effective_n == pytest.approx(10_000 / 2035)
    # s^2 = 0.1/9 and 0.02/3: 0.1^2 * 0.01111/10 + 0.9^2 * 0.006667/4 = 1.111e-5 + 1.35e-3 = 1.3611e-3.
    # Freedom: 1.3611e-3^2 / (1.111e-5^2/9 + 1.35e-3^2/3) = 3.0495; t at 98.5 % = 3.853.
    assert mean_estimate.low == pytest.approx(0.76 - 3.8526 * 0.0368934, abs=2e-4)
    assert mean_estimate.high == pytest.approx(0.76 + 3.8526 * 0.0368934, abs=2e-4)
    assert mean_estimate.n == 14


def test_one_part_is_a_plain_mean() -> None:
    mean_estimate = estimate([part(3, 0.5, 0.7, 0.9)])
    # t of 2 degrees of freedom is 4.303: 0.7 - 4.303 * 0.2 / sqrt(3).
    assert (mean_estimate.mean, mean_estimate.low, mean_estimate.high) == (
        pytest.approx(0.7),
        pytest.approx(0.203, abs=1e-3),
        1.0,
    )
    assert mean_estimate.effective_n == pytest.approx(3)


def test_an_unscored_stratum_widens_the_interval() -> None:
    # A quarter is unknown: the mean is that of the rest, the interval says that the quarter could be 0 or 1.
    known = estimate([part(75, *([0.4, 0.6] * 20))])
    mean_estimate = estimate([part(75, *([0.4, 0.6] * 20)), part(25)])
    assert known.low is not None
    assert known.high is not None
    assert mean_estimate.mean == pytest.approx(0.5)
    assert mean_estimate.low == pytest.approx(0.75 * known.low)
    assert mean_estimate.high == pytest.approx(0.75 * known.high + 0.25)
    assert mean_estimate.unknown_share == pytest.approx(0.25)
    assert "25%" in mean_estimate.method


def test_no_mean_when_most_is_unknown() -> None:
    mean_estimate = estimate([part(20, *([0.4, 0.6] * 10)), part(500)])
    assert mean_estimate.mean is None
    assert mean_estimate.low is not None
    assert mean_estimate.low < 0.02
    assert mean_estimate.high is not None
    assert mean_estimate.high > 0.97


def test_equal_values_are_not_certainty() -> None:
    # Ten of ten: Wilson says at least 0.7225, and 96 % of the traffic is of this kind.
    mean_estimate = estimate([part(20, *([0.4, 0.6] * 10)), part(480, *([1.0] * 10))])
    assert mean_estimate.low is not None
    assert mean_estimate.low < 0.98 - 0.96 * 0.27


def test_nothing_is_unknown() -> None:
    assert estimate([]).mean is None
    assert estimate([part(100)]).mean is None
    assert estimate([part(100, 0.5)]).low is None


def sums(*values: float, undefined: int = 0) -> Sums:
    return Sums(
        scored=len(values),
        undefined=undefined,
        value_sum=sum(values),
        square_sum=sum(value * value for value in values),
    )


def test_strata_follow_from_what_was_considered() -> None:
    strata = build_strata(
        {1_000_000: sums(0.5, 0.7), 20_000: sums(0.9, undefined=1)}, {1_000_000: 4, 20_000: 100}
    )
    # Half of the base-rate ones have a value, so of the hundred fifty do. Two of the four were judged so far.
    assert [(stratum.population, stratum.n) for stratum in strata] == [(50.0, 1), (4.0, 2)]
    # Without a count it follows from the rate.
    assert [stratum.population for stratum in build_strata({20_000: sums(0.9)}, {})] == [50.0]
    # Scores from outside stand for themselves, whatever was considered.
    assert [stratum.population for stratum in build_strata({0: sums(0.5, 0.7)}, {20_000: 100})] == [2.0]


@pytest.mark.parametrize("always", [0.02, 0.2])
def test_the_interval_covers_the_true_mean_in_95_of_100(always: float) -> None:
    random = np.random.default_rng(5)
    held = 0
    for _ in range(1_000):
        count = 2_000
        is_certain = random.random(count) < always
        values = np.where(is_certain, random.beta(3, 3, count), random.beta(12, 2, count))
        is_drawn = is_certain | (random.random(count) < 0.02)
        parts = [
            part(int(in_stratum.sum()), *values[in_stratum & is_drawn].tolist())
            for in_stratum in (is_certain, ~is_certain)
        ]
        mean_estimate = estimate(parts)
        assert mean_estimate.low is not None
        assert mean_estimate.high is not None
        held += mean_estimate.low <= values.mean() <= mean_estimate.high
    assert held >= 950, held
