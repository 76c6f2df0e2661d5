"""Two runs compared case by case."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.metrics import REGISTRY
from genaiops_core.evaluation.runs.results import hash_input
from genaiops_core.evaluation.verdicts.compare import compare_documents
from genaiops_core.evaluation.verdicts.documents import parse_metrics
from genaiops_core.evaluation.verdicts.gates import Evidence, decide
from genaiops_core.evaluation.verdicts.pairing import list_drops, list_gains, pair_cases
from genaiops_core.evaluation.verdicts.scales import Scale
from tests.results_documents import BASELINE_VALUES, build_results


def test_equal_results_are_no_regression() -> None:
    assert (
        compare_documents(build_results(BASELINE_VALUES), build_results(BASELINE_VALUES), 0.05).verdict
        == "passed"
    )


def test_drop_on_every_case_fails_and_gain_passes() -> None:
    worse = compare_documents(
        build_results(BASELINE_VALUES), build_results([value - 0.1 for value in BASELINE_VALUES]), 0.05
    )
    assert worse.verdict == "failed"
    assert round(worse.differences[0].difference or 0, 6) == -0.1
    assert "bootstrap" in worse.differences[0].method
    assert (
        compare_documents(
            build_results(BASELINE_VALUES), build_results([value + 0.1 for value in BASELINE_VALUES]), 0.05
        ).verdict
        == "passed"
    )


def test_noise_as_large_as_the_allowance_is_inconclusive() -> None:
    noise = np.random.default_rng(2).normal(-0.05, 0.3, 60)
    noisy = [float(np.clip(value + shift, 0, 1)) for value, shift in zip(BASELINE_VALUES, noise, strict=True)]
    assert (
        compare_documents(build_results(BASELINE_VALUES), build_results(noisy), 0.05).verdict
        == "inconclusive"
    )


def test_too_few_common_cases_or_a_lost_metric_is_inconclusive() -> None:
    few = compare_documents(build_results(BASELINE_VALUES), build_results([0.9] * 9 + [None] * 51), 0.05)
    assert (few.verdict, few.differences[0].n) == ("inconclusive", 9)
    lost = compare_documents(
        build_results(BASELINE_VALUES), build_results(BASELINE_VALUES, metric="question_overlap"), 0.05
    )
    assert lost.verdict == "inconclusive"


def test_several_metrics_get_joint_intervals() -> None:
    def both(values: list[float]) -> dict[str, object]:
        first, second = build_results(values), build_results(values, metric="question_overlap")
        rows = [
            {**first_row, "scores": {**first_row["scores"], **second_row["scores"]}}
            for first_row, second_row in zip(first["details"], second["details"], strict=True)  # type: ignore[call-overload]
        ]
        return {**first, "metrics": {**first["metrics"], **second["metrics"]}, "details": rows}  # type: ignore[dict-item]

    noise = np.random.default_rng(4).normal(0, 0.1, 60)
    noisy = [float(np.clip(value + shift, 0, 1)) for value, shift in zip(BASELINE_VALUES, noise, strict=True)]
    single, double = (
        compare_documents(build_results(BASELINE_VALUES), build_results(noisy), 0.05),
        compare_documents(both(BASELINE_VALUES), both(noisy), 0.05),
    )
    assert (single.alpha_each, double.alpha_each) == (0.05, 0.025)
    assert (double.differences[0].low or 0) < (single.differences[0].low or 0)
    assert "Bonferroni" in double.as_json()["correction"]


def test_metric_without_baseline_value_is_not_compared() -> None:
    never = build_results([None] * 60, metric="question_overlap")
    metrics = {**build_results(BASELINE_VALUES)["metrics"], **never["metrics"]}  # type: ignore[dict-item]
    comparison = compare_documents(
        build_results(BASELINE_VALUES, metrics=metrics), build_results(BASELINE_VALUES), 0.05
    )
    assert [item.metric for item in comparison.differences] == ["grounding_overlap"]
    assert compare_documents(never, never, 0.05).verdict == "inconclusive"


def test_permutation_reports_method_and_p_value() -> None:
    worse = compare_documents(
        build_results(BASELINE_VALUES),
        build_results([value - 0.1 for value in BASELINE_VALUES]),
        0.05,
        method="permutation",
    )
    assert worse.verdict == "failed"
    assert "sign-flip" in worse.differences[0].method
    assert worse.differences[0].p_value == pytest.approx(0.0001)
    with pytest.raises(BadInput, match="bootstrap, permutation"):
        compare_documents(
            build_results(BASELINE_VALUES), build_results(BASELINE_VALUES), 0.05, method="guess"
        )


def test_scores_of_different_judges_are_inconclusive() -> None:
    comparison = compare_documents(
        build_results(BASELINE_VALUES, judge="offline"),
        build_results(BASELINE_VALUES, judge="bedrock:m"),
        0.05,
    )
    assert comparison.verdict == "inconclusive"
    assert "the judges offline and bedrock:m differ" in comparison.differences[0].why


def test_lower_is_better_metric_keeps_its_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = dataclasses.replace(REGISTRY["grounding_overlap"], name="toxicity", higher_is_better=False)
    monkeypatch.setitem(REGISTRY, "toxicity", entry)
    more = build_results([value + 0.1 for value in BASELINE_VALUES], metric="toxicity")
    less = build_results([value - 0.1 for value in BASELINE_VALUES], metric="toxicity")
    base = build_results(BASELINE_VALUES, metric="toxicity")
    assert compare_documents(base, more, 0.05).verdict == "failed"
    assert compare_documents(base, less, 0.05).verdict == "passed"
    gates = decide(Evidence(metrics=parse_metrics(base), judge="offline"), minimums={"toxicity": 0.95}).gates
    assert gates[0].verdict == "passed"
    assert (
        decide(Evidence(metrics=parse_metrics(base), judge="x"), minimums={"toxicity": 0.2}).verdict
        == "failed"
    )


def test_cases_match_by_input_and_occurrence() -> None:
    rows = [
        {
            "case": number,
            "input_sha256": hash_input(text),
            "input": text,
            "scores": {"m": value},
            "reasons": {},
        }
        for number, (text, value) in enumerate([("a", 0.1), ("b", 0.2), ("a", 0.3), ("c", 0.4)], start=1)
    ]
    pairs = pair_cases(
        rows, [{**rows[2], "case": 1}, {**rows[1], "case": 2}, {**rows[0], "input_sha256": "d"}]
    )
    assert [(before.case, after.case) for before, after in pairs.common] == [(1, 1), (2, 2)]
    assert [side.input for side in pairs.only_baseline] == ["a", "c"]
    assert [side.key for side in pairs.only_current] == ["d#0"]


def test_largest_drops_come_first_on_any_scale() -> None:
    changed = [
        value - shift for value, shift in zip(BASELINE_VALUES, [0.0, 0.3, 0.1, *[0.0] * 57], strict=True)
    ]
    comparison = compare_documents(build_results(BASELINE_VALUES), build_results(changed), 0.05)
    drops = list_drops(comparison.pairs, {"grounding_overlap": Scale()})
    assert [change.current.case for change in drops] == [2, 3]
    assert drops[0].gain == pytest.approx(-0.3)
    assert list_drops(comparison.pairs, {"grounding_overlap": Scale(higher_is_better=False)}) == []
    assert [
        change.current.case
        for change in list_gains(comparison.pairs, {"grounding_overlap": Scale(higher_is_better=False)})
    ] == [2, 3]
