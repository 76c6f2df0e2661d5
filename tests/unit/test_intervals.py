"""Intervals hold what they promise: known answers, limits, and coverage by simulation with fixed seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.statistics.intervals import betting, wilson
from genaiops_core.statistics.paired import bootstrap

UNIT = st.floats(0, 1, allow_nan=False)


def test_no_value_gives_no_interval() -> None:
    assert betting([]) is None
    assert wilson(0, 0) is None
    assert bootstrap([0.3]) is None


def test_one_value_gives_a_wide_interval() -> None:
    interval = betting([0.9])
    assert interval is not None
    assert (interval.low, interval.high) == (0.0, 1.0)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
def test_values_outside_the_range_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        betting([0.5, value])


@given(st.lists(UNIT, min_size=1, max_size=60))
def test_interval_contains_the_mean_and_is_symmetric(values: list[float]) -> None:
    interval, mirrored = betting(values), betting([1 - value for value in values])
    assert interval is not None and mirrored is not None
    assert 0 <= interval.low <= interval.mean <= interval.high <= 1
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-5)
    assert interval.high == pytest.approx(1 - mirrored.low, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "mean"), [("beta", 0.8), ("coin", 0.9), ("rare failure", 0.97), ("two levels", 0.55)]
)
@pytest.mark.parametrize("n", [20, 150])
def test_at_least_95_of_100_intervals_cover_the_true_mean(name: str, mean: float, n: int) -> None:
    generator = np.random.default_rng(7)
    draws = {
        "beta": lambda: generator.beta(8, 2, n),
        "coin": lambda: (generator.random(n) < 0.9).astype(float),
        "rare failure": lambda: (generator.random(n) < 0.97).astype(float),
        "two levels": lambda: generator.choice([0.1, 1.0], n),
    }
    missed = 0
    for _ in range(200):
        interval = betting(draws[name]())
        assert interval is not None
        missed += not interval.low <= mean <= interval.high
    assert missed <= 200 * 0.05


def test_more_cases_or_less_variance_narrow_the_interval() -> None:
    generator = np.random.default_rng(3)

    def width(values: object) -> float:
        interval = betting(values)  # type: ignore[arg-type]
        assert interval is not None
        return interval.high - interval.low

    assert width(generator.beta(8, 2, 800)) < 0.6 * width(generator.beta(8, 2, 200))
    assert width(generator.beta(80, 20, 200)) < 0.6 * width(generator.random(200) < 0.8)


def test_case_order_hardly_changes_the_interval() -> None:
    values = np.random.default_rng(5).beta(4, 2, 300)
    ordered, mixed = betting(np.sort(values)), betting(values)
    assert ordered is not None and mixed is not None
    assert ordered.low == pytest.approx(mixed.low, abs=0.02)


def test_wilson_as_in_the_textbook() -> None:
    # Brown, Cai & DasGupta 2001: 0 of 10 -> (0, 0.2775); 95 of 100 -> (0.8882, 0.9785)
    none, nearly_all = wilson(0, 10), wilson(95, 100)
    assert none is not None and nearly_all is not None
    assert (none.low, none.high) == (0.0, pytest.approx(0.2775, abs=1e-4))
    assert (nearly_all.low, nearly_all.high) == (
        pytest.approx(0.8882, abs=1e-4),
        pytest.approx(0.9785, abs=1e-4),
    )


def test_bootstrap_is_deterministic_and_covers() -> None:
    generator = np.random.default_rng(11)
    assert bootstrap([0.1, -0.2, 0.3]) == bootstrap([0.1, -0.2, 0.3])
    missed = 0
    for _ in range(200):
        interval = bootstrap(generator.normal(0.02, 0.1, 15), resamples=1000)
        assert interval is not None
        missed += not interval.low <= 0.02 <= interval.high
    assert missed <= 200 * 0.08
