"""The mean of repeated cases: known answers by hand, and what must hold for any values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.statistics.intervals import betting
from genaiops_core.statistics.repetitions import METHOD, case_means

unit = st.floats(0, 1, allow_nan=False)
cases = st.lists(st.lists(unit, min_size=1, max_size=6), min_size=1, max_size=20)


def test_spreads_match_hand_computation() -> None:
    # Means 0.5 and 0.8. Within: 2*0.1^2 + 2*0.1^2 = 0.04 over 2. Between: 2*(0.15^2)*2 = 0.09 over 1.
    result = case_means({7: [0.4, 0.6], 9: [0.7, 0.9]})
    assert result is not None
    assert result.interval.mean == pytest.approx(0.65)
    assert (result.interval.n, result.values, result.interval.method) == (2, 4, METHOD)
    assert result.within_sd == pytest.approx(math.sqrt(0.02))
    assert result.between_sd == pytest.approx(math.sqrt((0.09 - 0.02) / 2))


def test_unequal_spreads_match_hand_computation() -> None:
    # Means 0.2 and 0.8, grand 1.4/4 = 0.35; within 0.02/2; between 3*0.15^2 + 0.45^2 = 0.27; n0 = 4 - 10/4 = 1.5.
    result = case_means([[0.1, 0.2, 0.3], [0.8]])
    assert result is not None
    assert result.interval.mean == pytest.approx(0.5)  # each case counts once, not each value
    assert result.within_sd == pytest.approx(0.1)
    assert result.between_sd == pytest.approx(math.sqrt((0.27 - 0.01) / 1.5))


def test_repetitions_add_no_evidence_about_other_cases() -> None:
    values = [0.2, 0.9, 0.6, 0.7, 0.4]
    repeated = case_means([[value] * 10 for value in values])
    pretended = betting([value for value in values for _ in range(10)])
    assert repeated is not None and pretended is not None
    assert repeated.interval.high - repeated.interval.low > 1.5 * (pretended.high - pretended.low)


def test_interval_covers_mean_of_clustered_values() -> None:
    # Cases differ (mean 0.6) and so do their repetitions; over values as if independent, coverage falls far below.
    draw = np.random.default_rng(4)
    held = pretended = 0
    for _ in range(200):
        means = draw.beta(1.2, 0.8, size=30)
        values = draw.binomial(1, means[:, None], size=(30, 8)).astype(float)
        result, naive = case_means(values.tolist()), betting(values.ravel())
        assert result is not None and naive is not None
        held += result.interval.low <= 0.6 <= result.interval.high
        pretended += naive.low <= 0.6 <= naive.high
    assert held >= 190
    assert pretended < 170


@pytest.mark.parametrize("values", [[], [[]], {3: []}])
def test_no_values_give_no_result(values: object) -> None:
    assert case_means(values) is None  # type: ignore[arg-type]


def test_spreads_are_unknown_without_repetitions() -> None:
    result = case_means([[0.3], [0.5]])
    assert result is not None
    assert (result.within_sd, result.between_sd) == (None, None)
    single = case_means([[0.3, 0.5], []])
    assert single is not None
    assert single.within_sd == pytest.approx(math.sqrt(0.02))
    assert single.between_sd is None


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_values_outside_the_unit_interval_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        case_means([[0.5, bad]])


@given(st.lists(unit, min_size=1, max_size=40))
def test_without_repetitions_it_is_the_betting_interval(values: list[float]) -> None:
    result, plain = case_means([[value] for value in values]), betting(values)
    assert result is not None and plain is not None
    assert (result.interval.mean, result.interval.low, result.interval.high) == (
        plain.mean,
        plain.low,
        plain.high,
    )


@given(cases)
def test_figures_stay_in_their_ranges(values: list[list[float]]) -> None:
    result = case_means(values)
    assert result is not None
    assert 0 <= result.interval.low <= result.interval.mean <= result.interval.high <= 1
    assert (result.interval.n, result.values) == (len(values), sum(map(len, values)))
    for spread in (result.within_sd, result.between_sd):
        assert spread is None or 0 <= spread <= 1


@given(st.lists(unit, min_size=2, max_size=20), st.integers(2, 5))
def test_identical_repetitions_change_nothing(values: list[float], times: int) -> None:
    once, often = case_means([[value] for value in values]), case_means([[value] * times for value in values])
    assert once is not None and often is not None
    assert often.interval.low == pytest.approx(once.interval.low, abs=1e-5)
    assert often.interval.high == pytest.approx(once.interval.high, abs=1e-5)
    assert often.within_sd == pytest.approx(0, abs=1e-9)
