"""Rank correlation and AUROC: known answers, limits, and intervals that hold what they say."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.statistics.association import auroc, spearman

VALUES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=40)


def test_spearman_by_hand() -> None:
    # Ranks 1 2 3 4 5 against 2 1 4 3 5: d = 1 1 1 1 0, so 1 - 6 * 4 / (5 * 24) = 0.8.
    correlation = spearman([10, 20, 30, 40, 50], [2, 1, 4, 3, 5])
    assert correlation is not None
    assert correlation.value == pytest.approx(0.8)
    # z = atanh(0.8) = 1.0986, variance (1 + 0.32) / 2 = 0.66: 1.0986 +- 1.96 * 0.8124.
    assert correlation.low == pytest.approx(math.tanh(1.0986 - 1.96 * math.sqrt(0.66)), abs=2e-4)
    assert correlation.high == pytest.approx(math.tanh(1.0986 + 1.96 * math.sqrt(0.66)), abs=2e-4)


def test_equal_values_share_the_middle_of_their_ranks() -> None:
    # Ranks 1.5 1.5 3.5 3.5 against 1 2 3 4: covariance 1 * 4 / 4, spreads 1 and 1.25, so 1 / sqrt(1.25).
    correlation = spearman([0, 0, 1, 1], [1, 2, 3, 4])
    assert correlation is not None
    assert correlation.value == pytest.approx(1 / math.sqrt(1.25))


def test_perfect_order_is_not_certainty() -> None:
    correlation = spearman(range(10), range(10))
    assert correlation is not None
    assert (correlation.value, correlation.high) == (1.0, 1.0)
    # Around 1 - 12 / 990 = 0.98788, the correlation with two neighbours swapped.
    assert correlation.low == pytest.approx(
        math.tanh(math.atanh(1 - 12 / 990) - 1.96 * math.sqrt(1.5 / 7)), abs=2e-4
    )


def test_yes_no_values_have_the_interval_of_the_phi_coefficient() -> None:
    # Both yes 50, judge only 10, people only 10, neither 30: phi = (50 * 30 - 100) / 2400 = 7 / 12.
    judge, human = [1.0] * 60 + [0.0] * 40, [1.0] * 50 + [0.0] * 10 + [1.0] * 10 + [0.0] * 30
    correlation = spearman(judge, human)
    assert correlation is not None
    phi, skew = 7 / 12, (0.6 - 0.4) ** 2 / (0.6 * 0.4)
    assert correlation.value == pytest.approx(phi)
    # Bishop, Fienberg & Holland, Discrete multivariate analysis, 1975, 11.3: n times the variance of phi.
    spread = 1 - phi**2 + phi * (1 + phi**2 / 2) * skew - 0.75 * phi**2 * 2 * skew
    half = 1.959964 * math.sqrt(spread / 99) / (1 - phi**2)
    assert correlation.high == pytest.approx(math.tanh(math.atanh(phi) + half), abs=1e-4)


def test_few_or_constant_values_say_nothing() -> None:
    assert spearman([1, 2, 3], [1, 2, 3]) is None
    assert spearman([1, 1, 1, 1], [1, 2, 3, 4]) is None
    assert auroc([0.1, 0.9], [True, True]) is None
    assert auroc([], []) is None


def test_auroc_by_hand() -> None:
    # Good ones 0.8 0.6 0.5, bad ones 0.5 0.2: five of six pairs are in order, one is equal: 5.5 / 6.
    area = auroc([0.8, 0.6, 0.5, 0.5, 0.2], [True, True, True, False, False])
    assert area is not None
    assert area.value == pytest.approx(5.5 / 6)


def test_the_ends_of_an_auroc_lie_z_standard_errors_away() -> None:
    area = auroc(np.r_[np.linspace(0.3, 1, 30), np.linspace(0, 0.7, 20)], [True] * 30 + [False] * 20)
    assert area is not None
    for end in (area.low, area.high):
        # Hanley and McNeil's variance with both pseudo-frequencies (30 + 20) / 2 - 1 = 24.
        spread = end * (1 - end) * (1 + 24 * ((1 - end) / (2 - end) + end / (1 + end))) / 600
        assert abs(area.value - end) == pytest.approx(1.959964 * math.sqrt(spread), abs=1e-5)


def test_faultless_separation_is_not_certainty() -> None:
    area = auroc([0.9, 0.8, 0.7, 0.3, 0.2, 0.1], [True] * 3 + [False] * 3)
    assert area is not None
    assert (area.value, area.high) == (1.0, 1.0)
    assert 0.4 < area.low < 0.8
    turned = auroc([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [True] * 3 + [False] * 3)
    assert turned is not None
    assert (turned.value, turned.low) == (0.0, 0.0)
    assert turned.high == pytest.approx(1 - area.low)


def test_sides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        spearman([1, 2, 3, 4], [1, 2])
    with pytest.raises(ValueError, match="finite"):
        auroc([math.nan, 1], [True, False])


@given(VALUES)
def test_reversing_one_side_reverses_both_figures(pairs: list[tuple[int, int]]) -> None:
    first, second = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    forward, reversed_correlation = spearman(first, second), spearman([-a for a in first], second)
    assert (forward is None) == (reversed_correlation is None)
    if forward is not None and reversed_correlation is not None:
        assert forward.value == pytest.approx(-reversed_correlation.value, abs=1e-9)
        assert forward.low == pytest.approx(-reversed_correlation.high, abs=1e-6)
        assert -1 <= forward.low <= forward.value <= forward.high <= 1
    area, reversed_area = (auroc(side, [b >= 3 for b in second]) for side in (first, [-a for a in first]))
    if area is not None and reversed_area is not None:
        assert area.value == pytest.approx(1 - reversed_area.value)
        assert area.low == pytest.approx(1 - reversed_area.high, abs=1e-6)
        assert 0 <= area.low <= area.value <= area.high <= 1


def _draw_pairs(
    random: np.random.Generator, n: int, *, is_yes_no: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A judge and people who see the same thing with a correlation of 0.85; people only say yes or no."""
    judge = random.normal(size=n)
    human = 0.85 * judge + math.sqrt(1 - 0.85**2) * random.normal(size=n)
    return ((judge > -0.3) * 1.0 if is_yes_no else judge), (human > -0.5) * 1.0


@pytest.mark.parametrize("is_yes_no", [True, False])
@pytest.mark.parametrize("n", [20, 100])
def test_intervals_cover_the_truth_in_95_of_100(is_yes_no: bool, n: int) -> None:
    whole = _draw_pairs(np.random.default_rng(0), 200_000, is_yes_no=is_yes_no)
    truth, area = spearman(*whole), auroc(whole[0], whole[1] > 0)
    assert truth is not None
    assert area is not None
    random = np.random.default_rng(1)
    correlation_hits: list[bool] = []
    area_hits: list[bool] = []
    for _ in range(300):
        judge, human = _draw_pairs(random, n, is_yes_no=is_yes_no)
        if (correlation := spearman(judge, human)) is not None:
            correlation_hits.append(correlation.low <= truth.value <= correlation.high)
        if (sample_area := auroc(judge, human > 0)) is not None:
            area_hits.append(sample_area.low <= area.value <= sample_area.high)
    assert np.mean(correlation_hits) >= 0.93
    assert np.mean(area_hits) >= 0.93
