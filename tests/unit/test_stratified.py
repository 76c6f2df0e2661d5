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


def test_parts_count_by_what_they_stand_for() -> None:
    # 10 bad ones of 10, and 4 of 90: (10 * 0.4 + 90 * 0.8) / 100 = 0.76.
    bad = [0.3, 0.5] * 5
    found = estimate([part(10, *bad), part(90, 0.7, 0.8, 0.8, 0.9)])
    assert found.mean == pytest.approx(0.76)
    # Kish: weights 1 (ten times) and 22.5 (four times): 100^2 / (10 + 4 * 506.25) = 4.914.
    assert found.effective_n == pytest.approx(10_000 / 2035)
    # s^2 = 0.1/9 and 0.02/3: 0.1^2 * 0.01111/10 + 0.9^2 * 0.006667/4 = 1.111e-5 + 1.35e-3 = 1.3611e-3.
    # Freedom: 1.3611e-3^2 / (1.111e-5^2/9 + 1.35e-3^2/3) = 3.0495; t at 98.5 % = 3.853.
    assert found.low == pytest.approx(0.76 - 3.8526 * 0.0368934, abs=2e-4)
    assert found.high == pytest.approx(0.76 + 3.8526 * 0.0368934, abs=2e-4)
    assert found.n == 14


def test_one_part_is_a_plain_mean() -> None:
    found = estimate([part(3, 0.5, 0.7, 0.9)])
    # t of 2 degrees of freedom is 4.303: 0.7 - 4.303 * 0.2 / sqrt(3).
    assert (found.mean, found.low, found.high) == (pytest.approx(0.7), pytest.approx(0.203, abs=1e-3), 1.0)
    assert found.effective_n == pytest.approx(3)


def test_a_part_nobody_scored_may_be_anything() -> None:
    # A quarter is unknown: the mean is that of the rest, the interval says that the quarter could be 0 or 1.
    known = estimate([part(75, *([0.4, 0.6] * 20))])
    found = estimate([part(75, *([0.4, 0.6] * 20)), part(25)])
    assert known.low is not None
    assert known.high is not None
    assert found.mean == pytest.approx(0.5)
    assert found.low == pytest.approx(0.75 * known.low)
    assert found.high == pytest.approx(0.75 * known.high + 0.25)
    assert found.unknown_share == pytest.approx(0.25)
    assert "25%" in found.method


def test_no_mean_when_most_is_unknown() -> None:
    found = estimate([part(20, *([0.4, 0.6] * 10)), part(500)])
    assert found.mean is None
    assert found.low is not None
    assert found.low < 0.02
    assert found.high is not None
    assert found.high > 0.97


def test_equal_values_are_not_certainty() -> None:
    # Ten of ten: Wilson says at least 0.7225, and 96 % of the traffic is of this kind.
    found = estimate([part(20, *([0.4, 0.6] * 10)), part(480, *([1.0] * 10))])
    assert found.low is not None
    assert found.low < 0.98 - 0.96 * 0.27


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
    made = build_strata(
        {1_000_000: sums(0.5, 0.7), 20_000: sums(0.9, undefined=1)}, {1_000_000: 4, 20_000: 100}
    )
    # Half of the base-rate ones have a value, so of the hundred fifty do. Two of the four were judged so far.
    assert [(one.population, one.n) for one in made] == [(50.0, 1), (4.0, 2)]
    # Without a count it follows from the rate.
    assert [one.population for one in build_strata({20_000: sums(0.9)}, {})] == [50.0]
    # Scores from outside stand for themselves, whatever was considered.
    assert [one.population for one in build_strata({0: sums(0.5, 0.7)}, {20_000: 100})] == [2.0]


@pytest.mark.parametrize("always", [0.02, 0.2])
def test_the_interval_holds_the_true_mean_as_often_as_it_says(always: float) -> None:
    random = np.random.default_rng(5)
    held = 0
    for _ in range(1_000):
        count = 2_000
        is_certain = random.random(count) < always
        values = np.where(is_certain, random.beta(3, 3, count), random.beta(12, 2, count))
        is_drawn = is_certain | (random.random(count) < 0.02)
        parts = [
            part(int(which.sum()), *values[which & is_drawn].tolist()) for which in (is_certain, ~is_certain)
        ]
        found = estimate(parts)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= values.mean() <= found.high
    assert held >= 950, held
