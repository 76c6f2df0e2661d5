"""Prediction-powered means: known answers, and intervals that hold the truth whatever the judge is worth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.statistics import prediction_powered_strata as strata
from genaiops_core.statistics.intervals import betting as labels_only
from genaiops_core.statistics.prediction_powered import (
    GUARANTEED,
    LABELS_ONLY,
    MAX_WIDENING,
    MIN_LABELS,
    NORMAL,
    betting,
    estimate,
    is_normal,
)

Array = npt.NDArray[np.float64]
UNIT = st.floats(0, 1, allow_nan=False)


def test_the_normal_estimate_by_hand() -> None:
    # 120 labels: the judge says 1 of 90 (people: 80 good) and 0 of 30 (people: 4 good); of 600 others it says 1 of 420.
    judge = np.r_[np.ones(90), np.zeros(30)]
    human = np.r_[np.ones(80), np.zeros(10), np.ones(4), np.zeros(26)]
    others = np.r_[np.ones(420), np.zeros(180)]
    corrected = estimate(judge, human, others)
    assert (corrected.labelled, corrected.unlabelled, corrected.method) == (120, 600, NORMAL)
    assert corrected.raw == pytest.approx(510 / 720)
    assert corrected.bias == pytest.approx(90 / 120 - 84 / 120)
    # Covariance (80 - 120 * 0.75 * 0.7) / 119; variance of the judge over all 720 items; n / N = 0.2.
    weight = (17 / 119) / (1.2 * (720 / 719) * (510 / 720) * (210 / 720))
    assert corrected.weight == pytest.approx(weight)
    assert corrected.mean == pytest.approx(0.7 + weight * (0.7 - 0.75))
    rest = human - weight * judge
    variance = rest.var(ddof=1) / 120 + weight**2 * (600 / 599 * 0.21) / 600
    assert corrected.high is not None
    assert corrected.mean is not None
    # Student's t of 119 degrees of freedom is 1.9801.
    assert corrected.high - corrected.mean == pytest.approx(1.9801 * math.sqrt(variance), abs=1e-4)


def test_few_labels_give_a_problem_and_no_mean() -> None:
    corrected = estimate([0.9] * 7, [1.0] * 7, [0.8] * 100)
    assert (corrected.mean, corrected.low, corrected.high, corrected.weight) == (None, None, None, None)
    assert corrected.problem == f"insufficient data: 7 of at least {MIN_LABELS} labelled cases"
    assert corrected.raw == pytest.approx((7 * 0.9 + 80) / 107)
    assert estimate([], [], []).raw is None


def test_a_judge_that_is_always_right_narrows_the_interval() -> None:
    # Covariance and variance are the same up to n / (n - 1), so the weight is 1 / (1 + 160 / 1600).
    labels = np.tile([1.0, 1.0, 1.0, 0.0], 40)
    corrected, alone = (estimate(labels, labels, others) for others in (np.tile(labels, 10), []))
    assert corrected.weight == pytest.approx(1 / 1.1, abs=0.01)
    assert corrected.mean == pytest.approx(0.75)
    assert corrected.low is not None
    assert alone.low is not None
    assert corrected.mean - corrected.low < 0.4 * (0.75 - alone.low)


def test_a_constant_judge_has_no_weight() -> None:
    labels = np.tile([1.0, 1.0, 0.0, 0.0], 40)
    corrected = estimate(np.full(160, 0.9), labels, np.full(800, 0.9))
    assert (corrected.weight, corrected.mean) == (0.0, 0.5)
    assert corrected.bias == pytest.approx(0.4)


def test_without_others_it_is_the_mean_of_the_labels() -> None:
    corrected = estimate(np.linspace(0, 1, 40), np.tile([1.0, 0.5], 20), [])
    assert (corrected.mean, corrected.weight, corrected.unlabelled) == (0.75, 0.0, 0)


def test_few_bad_labels_take_the_guaranteed_interval() -> None:
    labels = np.r_[np.ones(196), np.zeros(4)]
    assert not is_normal(labels)
    corrected = estimate(np.full(200, 0.8), labels, np.full(500, 0.8))
    assert corrected.method == GUARANTEED
    assert corrected.low is not None
    assert corrected.low < 0.96


def test_values_outside_of_the_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="lie in"):
        estimate([1.2], [1.0], [])
    with pytest.raises(ValueError, match="same length"):
        estimate([0.5], [], [0.5])


@given(
    st.lists(st.tuples(UNIT, UNIT), min_size=MIN_LABELS, max_size=60), st.lists(UNIT, min_size=0, max_size=90)
)
def test_an_estimate_lies_in_its_interval_and_both_in_the_scale(
    pairs: list[tuple[float, float]], others: list[float]
) -> None:
    corrected = estimate([judge for judge, _ in pairs], [human for _, human in pairs], others)
    assert corrected.mean is not None
    assert corrected.low is not None
    assert corrected.high is not None
    assert 0 <= corrected.low <= corrected.mean <= corrected.high <= 1
    assert corrected.weight is not None
    assert 0 <= corrected.weight <= 1


def draw_scores(random: np.random.Generator, n: int, *, good: float, is_blind: bool) -> tuple[Array, Array]:
    """(judge, human): people say good or bad; a blind judge is kind to all, a seeing one scores bad ones lower."""
    human = (random.random(n) < good) * 1.0
    kind = random.beta(9, 1.5, n)
    return (kind if is_blind else np.where(human > 0, kind, random.beta(2, 4, n))), human


@pytest.mark.parametrize(
    ("n", "good", "is_blind", "least"),
    [(30, 0.8, False, 0.95), (30, 0.97, True, 0.95), (120, 0.95, True, 0.95), (200, 0.8, False, 0.92)],
)
def test_the_interval_covers_the_true_mean_as_often_as_stated(
    n: int, good: float, is_blind: bool, least: float
) -> None:
    random = np.random.default_rng(4)
    hits = []
    for _ in range(200):
        judge, human = draw_scores(random, n, good=good, is_blind=is_blind)
        others, _ = draw_scores(random, 600, good=good, is_blind=is_blind)
        corrected = estimate(judge, human, others)
        assert corrected.low is not None
        assert corrected.high is not None
        hits.append(corrected.low <= good <= corrected.high)
    assert np.mean(hits) >= least


def test_a_seeing_judge_narrows_the_guaranteed_interval() -> None:
    random = np.random.default_rng(5)
    shares = []
    for _ in range(20):
        judge, human = draw_scores(random, 90, good=0.7, is_blind=False)
        others, _ = draw_scores(random, 1_000, good=0.7, is_blind=False)
        low, high = betting(judge, human, others)
        alone = labels_only(human)
        assert alone is not None
        shares.append((high - low) / (alone.high - alone.low))
    assert np.mean(shares) < 0.9


@given(
    st.lists(st.tuples(UNIT, st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=MIN_LABELS, max_size=60),
    st.lists(UNIT, max_size=80),
)
def test_no_judge_widens_the_interval_more_than_documented(
    labelled: list[tuple[float, float]], others: list[float]
) -> None:
    judge, human = zip(*labelled, strict=True)
    corrected = estimate(judge, human, others)
    alone = labels_only(human)
    assert alone is not None and corrected.low is not None and corrected.high is not None
    assert corrected.mean is not None and corrected.low <= corrected.mean <= corrected.high
    # The last term covers the grid on which ends are searched.
    assert corrected.high - corrected.low <= (1 + MAX_WIDENING) * (alone.high - alone.low) + 1e-5


@pytest.mark.parametrize("good", [0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("n", [20, 50, 200])
def test_a_misleading_judge_widens_it_no_more(n: int, good: float) -> None:
    random = np.random.default_rng(6)
    for _ in range(10):
        human = (random.random(n) < good).astype(float)
        for judge, others in ((1 - human, random.random(500)), (random.random(n), np.zeros(500))):
            corrected, alone = estimate(judge, human, others), labels_only(human)
            assert alone is not None and corrected.low is not None and corrected.high is not None
            assert corrected.high - corrected.low <= (1 + MAX_WIDENING) * (alone.high - alone.low) + 1e-5


def part(population: float, judge: Array, human: Array, others: Array) -> strata.Part:
    everything = np.r_[judge, others]
    return strata.Part(
        population=population,
        judge=judge.tolist(),
        human=human.tolist(),
        judged=everything.size,
        value_sum=float(everything.sum()),
        square_sum=float((everything**2).sum()),
    )


def test_one_part_is_the_plain_estimate() -> None:
    random = np.random.default_rng(6)
    judge, human = draw_scores(random, 150, good=0.7, is_blind=False)
    others, _ = draw_scores(random, 900, good=0.7, is_blind=False)
    plain, corrected = (
        estimate(judge, human, others),
        strata.estimate([part(5_000, judge, human, others)], raw=0.6),
    )
    for name in ("mean", "low", "high", "weight", "labelled", "unlabelled"):
        assert getattr(corrected, name) == pytest.approx(getattr(plain, name)), name
    assert corrected.raw == 0.6


def test_parts_are_weighted_by_their_population() -> None:
    bad, good = np.tile([0.0, 1.0], 10), np.tile([1.0, 1.0, 1.0, 0.0], 5)
    corrected = strata.estimate(
        [part(10, bad, bad, np.empty(0)), part(90, good, good, np.empty(0))], raw=None
    )
    # (10 * 0.5 + 90 * 0.75) / 100.
    assert corrected.mean == pytest.approx(0.725)
    assert LABELS_ONLY in corrected.method


def test_an_unreviewed_part_widens_the_interval() -> None:
    labels = np.tile([1.0, 0.0], 20)
    empty = np.empty(0)
    known = strata.estimate([part(70, labels, labels, empty)], raw=None)
    corrected = strata.estimate([part(70, labels, labels, empty), part(30, empty, empty, empty)], raw=None)
    assert known.low is not None
    assert known.high is not None
    assert corrected.low == pytest.approx(0.7 * known.low)
    assert corrected.high == pytest.approx(0.7 * known.high + 0.3)
    mostly_unknown = strata.estimate(
        [part(40, labels, labels, empty), part(60, empty, empty, empty)], raw=0.8
    )
    assert (mostly_unknown.mean, mostly_unknown.raw) == (None, 0.8)
    assert "60% of the requests" in mostly_unknown.problem
    few = strata.estimate([part(40, labels[:6], labels[:6], empty)], raw=None)
    assert few.problem.startswith("insufficient data: 6 of")


@pytest.mark.parametrize("reviewed", [40, 150])
def test_the_interval_of_sampled_traffic_holds_the_true_mean(reviewed: int) -> None:
    # A tenth of 20,000 requests is always judged and is worse; of the others one in twenty is judged.
    random = np.random.default_rng(7)
    hits = []
    for _ in range(150):
        parts, truth = [], 0.0
        for size, rate, good in ((2_000, 1.0, 0.5), (18_000, 0.05, 0.85)):
            judge, human = draw_scores(random, size, good=good, is_blind=False)
            truth += float(human.sum()) / 20_000
            chosen = random.permutation(size)[: int(size * rate)]
            some, others = chosen[:reviewed], chosen[reviewed:]
            parts.append(part(size, judge[some], human[some], judge[others]))
        corrected = strata.estimate(parts, raw=None)
        assert corrected.low is not None
        assert corrected.high is not None
        hits.append(corrected.low <= truth <= corrected.high)
    assert np.mean(hits) >= 0.93
