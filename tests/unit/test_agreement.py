"""Agreement of two raters: answers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from genaiops_core.statistics.agreement import cohen


def test_the_textbook_example() -> None:
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: po = 35/50 = 0.7; pe = 0.5 * 0.6 + 0.5 * 0.4 = 0.5; kappa = 0.4.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    agreement = cohen(pairs)
    assert agreement is not None
    assert (agreement.items, agreement.agreed, agreement.share) == (50, 35, 0.7)
    assert agreement.kappa == pytest.approx(0.4)
    # Wilson for 35 of 50 is 0.5625 to 0.8090, and (p - 0.5) / 0.5 of these.
    assert agreement.low == pytest.approx(0.1250, abs=1e-3)
    assert agreement.high == pytest.approx(0.6179, abs=1e-3)


def test_three_labels() -> None:
    # Rows by the first rater: (4 1 0) (1 2 1) (0 1 2); po = 8/12; pe = (5*5 + 4*4 + 3*3) / 144 = 50/144.
    table = [[4, 1, 0], [1, 2, 1], [0, 1, 2]]
    pairs = [(a, b) for a in range(3) for b in range(3) for _ in range(table[a][b])]
    agreement = cohen(pairs)
    assert agreement is not None
    assert agreement.kappa == pytest.approx((8 / 12 - 50 / 144) / (1 - 50 / 144))


def test_chance_and_its_opposite() -> None:
    by_chance = cohen([(a, b) for a in (0, 1) for b in (0, 1)])
    assert by_chance is not None
    assert by_chance.kappa == pytest.approx(0.0)
    never = cohen([(0, 1), (1, 0)] * 5)
    assert never is not None
    assert never.kappa == pytest.approx(-1.0)


def test_perfect_agreement_is_not_certainty() -> None:
    agreement = cohen([(0, 0), (1, 1)] * 5)
    assert agreement is not None
    assert agreement.kappa == 1.0
    # Wilson for 10 of 10 is at least 0.7225: (0.7225 - 0.5) / 0.5.
    assert agreement.low == pytest.approx(0.445, abs=1e-3)


def test_one_label_only_says_nothing() -> None:
    agreement = cohen([(1, 1)] * 9)
    assert agreement is not None
    assert (agreement.share, agreement.kappa, agreement.low) == (1.0, None, None)
    assert cohen([]) is None


def test_the_interval_covers_kappa_in_95_of_100() -> None:
    # Raters who agree on 85 % of balanced yes/no items: kappa = 0.7.
    random = np.random.default_rng(3)
    held = 0
    for _ in range(1_000):
        first = random.random(60) < 0.5
        second = np.where(random.random(60) < 0.85, first, ~first)
        agreement = cohen(list(zip(first.tolist(), second.tolist(), strict=True)))
        assert agreement is not None
        assert agreement.low is not None
        assert agreement.high is not None
        held += agreement.low <= 0.7 <= agreement.high
    assert 930 <= held <= 975, held
