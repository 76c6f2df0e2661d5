"""How many cases an inconclusive gate needs: the estimate against what larger suites decide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.evaluation.verdicts.gates import Evidence, decide
from genaiops_core.evaluation.verdicts.needed_cases import estimate_needed_cases
from genaiops_core.evaluation.verdicts.summaries import MetricResult, UnitResult, summarise

UNDEFINED = UnitResult(None, "no reference")


def measure(values: list[float], undefined: int = 0) -> MetricResult:
    units = [UnitResult(value) for value in values] + [UNDEFINED] * undefined
    return summarise("faithfulness", [[unit] for unit in units])


def decide_verdict(result: MetricResult, threshold: float) -> str:
    evidence = Evidence(metrics={"faithfulness": result}, judge="test")
    return decide(evidence, minimums={"faithfulness": threshold}).verdict


def repeat(pattern: list[float], cases: int) -> list[float]:
    return (pattern * (cases // len(pattern) + 1))[:cases]


@pytest.mark.parametrize(
    ("pattern", "threshold", "verdict"),
    [
        ([1.0] * 9 + [0.0], 0.8, "passed"),
        ([1.0, 1.0, 1.0, 0.0], 0.6, "passed"),
        ([1.0, 0.0], 0.65, "failed"),
        ([0.7, 0.8, 0.9], 0.7, "passed"),
    ],
)
def test_so_many_cases_decide(pattern: list[float], threshold: float, verdict: str) -> None:
    result = measure(repeat(pattern, 30))
    needed = estimate_needed_cases(result, threshold)
    assert decide_verdict(result, threshold) == "inconclusive" and needed is not None
    # Narrowing by the root is an approximation, and thirty cases may happen to have a wide interval.
    assert decide_verdict(measure(repeat(pattern, 2 * needed)), threshold) == verdict
    assert decide_verdict(measure(repeat(pattern, max(30, needed // 3))), threshold) == "inconclusive"


def test_sentence_names_both_numbers() -> None:
    result = measure(repeat([1.0] * 9 + [0.0], 30))
    needed = estimate_needed_cases(result, 0.8)
    (gate,) = decide(
        Evidence(metrics={"faithfulness": result}, judge="test"), minimums={"faithfulness": 0.8}
    ).gates
    assert gate.why.endswith(f"includes 0.8; add cases: about {needed} cases would tell, you have 30")


def test_more_cases_decide_neither_ties_nor_undefined_ones() -> None:
    half = measure([1.0] * 10, undefined=10)
    assert estimate_needed_cases(half, 0.8) is None
    (gate,) = decide(
        Evidence(metrics={"faithfulness": half}, judge="test"), minimums={"faithfulness": 0.8}
    ).gates
    assert gate.why.endswith("give a value to the 10 undefined cases: more cases like these would not tell")
    assert estimate_needed_cases(measure([1.0, 0.0] * 10), 0.5) is None


def test_distance_too_small_to_square_is_no_estimate() -> None:
    assert estimate_needed_cases(measure([0.0] * 5), 1e-193) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(0, 20), st.floats(0, 1))
def test_estimate_exceeds_the_cases_of_an_open_gate(
    values: list[float], undefined: int, threshold: float
) -> None:
    result = measure(values, undefined)
    if decide_verdict(result, threshold) == "inconclusive":
        needed = estimate_needed_cases(result, threshold)
        assert needed is None or needed > len(values) + undefined
