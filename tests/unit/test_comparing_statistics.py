"""Quantiles, sign flips, relative changes and several comparisons at once: known answers and coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.statistics import multiplicity, relative
from genaiops_core.statistics.quantiles import quantile
from genaiops_core.statistics.sign_flips import DRAWN, EXACT, sign_flips

NUMBERS = st.floats(-1e3, 1e3, allow_nan=False)


def test_median_of_ten_lies_between_second_and_ninth() -> None:
    # B ~ binomial(10, 1/2): P(B <= 1) = 11/1024 = 0.011 <= 0.025 < P(B <= 2) = 56/1024
    median = quantile(range(1, 11), 0.5)  # type: ignore[arg-type]
    assert median is not None
    assert (median.value, median.low, median.high, median.n) == (5.0, 2.0, 9.0, 10)


@pytest.mark.parametrize(("n", "is_bounded"), [(20, False), (71, False), (72, True)])
def test_a_95th_percentile_has_an_upper_bound_from_72_values_on(n: int, is_bounded: bool) -> None:
    # 0.95^n <= 0.025 from n = ln 0.025 / ln 0.95 = 71.9 on
    percentile = quantile(np.arange(n), 0.95)
    assert percentile is not None
    assert (percentile.high is not None) is is_bounded


@given(st.lists(NUMBERS, max_size=80), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_lies_within_its_bounds(values: list[float], share: float) -> None:
    percentile = quantile(values, share)
    assert (percentile is None) is (not values)
    if percentile is not None:
        assert percentile.value == sorted(values)[math.ceil(share * len(values) - 1e-9) - 1]
        assert (percentile.low if percentile.low is not None else -1e9) <= percentile.value
        assert percentile.value <= (percentile.high if percentile.high is not None else 1e9)


@pytest.mark.parametrize("n", [40, 150, 400])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_at_least_95_of_100_quantile_intervals_hold_the_true_one(n: int, share: float) -> None:
    generator = np.random.default_rng(11)
    true = -math.log(1 - share)  # of an exponential distribution
    missed = 0
    for _ in range(300):
        percentile = quantile(generator.exponential(size=n), share)
        assert percentile is not None
        missed += (percentile.low is not None and percentile.low > true) or (
            percentile.high is not None and percentile.high < true
        )
    # 5 % of 300 is 15, with a standard deviation of 3.8; the bounds themselves are exact
    assert missed <= 15 + 8


def test_sign_flips_of_six_equal_differences() -> None:
    # All 63 subset means are 0.1; only flipping none or all of six signs is as extreme: 2 / 64
    flips = sign_flips([0.1] * 6)
    assert flips is not None and flips.interval is not None
    assert (flips.interval.low, flips.interval.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert flips.p_value == pytest.approx(2 / 64)
    assert flips.interval.method == EXACT


def test_five_cases_are_too_few_for_an_interval_at_95() -> None:
    flips = sign_flips([0.1, 0.2, 0.3, 0.4, 0.5])
    assert flips is not None
    assert flips.interval is None
    assert flips.p_value == pytest.approx(2 / 32)
    assert sign_flips([]) is None


def test_no_difference_at_all_has_a_p_value_of_one() -> None:
    flips = sign_flips([0.0] * 8)
    assert flips is not None
    assert flips.p_value == 1.0


@pytest.mark.parametrize(("n", "method"), [(8, EXACT), (30, DRAWN)])
def test_sign_flips_hold_the_centre_in_95_of_100(n: int, method: str) -> None:
    generator = np.random.default_rng(5)
    missed = rejected = 0
    for _ in range(300):
        values = generator.laplace(0.05, 0.2, n)
        flips, null = sign_flips(values), sign_flips(values - 0.05)
        assert flips is not None and flips.interval is not None and null is not None
        assert flips.interval.method == method
        missed += not flips.interval.low <= 0.05 <= flips.interval.high
        rejected += null.p_value <= 0.05
    assert missed <= 15 + 8 and rejected <= 15 + 8


def test_twice_the_cost_on_every_case_is_a_change_of_one() -> None:
    before = np.random.default_rng(1).lognormal(size=60)
    change = relative.change_of_mean(before, 2 * before)
    assert change is not None
    assert (change.mean, change.low, change.high) == (pytest.approx(1), pytest.approx(1), pytest.approx(1))


def test_what_was_free_has_no_relative_change() -> None:
    assert relative.change_of_mean([0.0] * 30, [1.0] * 30) is None
    assert relative.change_of_mean([1.0], [1.0]) is None
    with pytest.raises(ValueError, match="pair up"):
        relative.change_of_mean([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("share", "least"), [(0.5, 10), (0.95, 100), (0.99, 500)])
def test_a_quantile_s_change_needs_five_cases_beyond_it(share: float, least: int) -> None:
    values = np.arange(1.0, least + 1)
    assert relative.change_of_quantile(values[:-1], values[:-1], share) is None
    change = relative.change_of_quantile(values, 1.5 * values, share)
    assert change is not None
    assert change.mean == pytest.approx(0.5)


@pytest.mark.parametrize("n", [50, 200])
def test_skewed_cost_changes_are_covered_in_nine_of_ten(n: int) -> None:
    generator = np.random.default_rng(3)
    true = math.exp(0.05 + 0.3**2 / 2) - 1
    missed = 0
    for _ in range(200):
        before = generator.lognormal(0, 0.6, n)
        change = relative.change_of_mean(before, before * generator.lognormal(0.05, 0.3, n))
        assert change is not None
        missed += not change.low <= true <= change.high
    assert missed <= 20


def test_the_interval_of_a_mean_cost_includes_the_sample_mean() -> None:
    mean = relative.mean([1.0, 2.0, 3.0, 10.0])
    assert mean is not None
    assert mean.low < mean.mean == 4.0 < mean.high
    assert relative.mean([1.0]) is None


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.04 are multiplied by 3, 2, 1 and made non-decreasing: 0.03, 0.04, 0.04
    assert multiplicity.holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert multiplicity.holm([0.9, 0.8]) == [1.0, 1.0]
    assert multiplicity.each_alpha(4) == pytest.approx(0.0125)
    assert multiplicity.each_alpha(0) == 0.05
