"""The decider: the interval decides, missing evidence never passes."""

from __future__ import annotations

import pytest

from genaiops_core.evaluation.verdicts.gates import Evidence, decide
from genaiops_core.evaluation.verdicts.pipeline import default_document, parse_pipeline
from genaiops_core.evaluation.verdicts.summaries import MetricResult, UnitResult, summarise
from genaiops_core.evaluation.verdicts.traffic import TrafficFigures
from genaiops_core.evaluation.verdicts.verdict import combine_verdicts


def summarise_values(
    name: str = "grounding_overlap", *, value: float = 0.9, n: int = 400, undefined: int = 0
) -> MetricResult:
    return summarise(
        name, [[UnitResult(value)]] * n + [[UnitResult(None, "the case has no answer")]] * undefined
    )


def evidence(*results: MetricResult, traffic: TrafficFigures | None = None) -> Evidence:
    return Evidence(metrics={result.name: result for result in results}, judge="offline", traffic=traffic)


def traffic(**changes: object) -> TrafficFigures:
    facts: dict[str, object] = {
        "requests": 1000,
        "unpriced_calls": 0,
        "cost_per_query_usd": 0.01,
        "monthly_cost_usd": 300.0,
        "latency_ms": {"p50": 900.0, "p95": 2500.0, "p99": 6000.0},
    }
    return TrafficFigures(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(("threshold", "verdict"), [(0.5, "passed"), (0.9, "inconclusive"), (0.99, "failed")])
def test_whole_interval_decides_a_gate(threshold: float, verdict: str) -> None:
    decision = decide(evidence(summarise_values()), minimums={"grounding-overlap": threshold})
    assert decision.verdict == verdict
    assert decision.gates[0].metric == "grounding_overlap"


def test_undefined_cases_count_at_their_worst_and_best() -> None:
    half = summarise_values(value=1.0, n=500, undefined=500)
    assert half.mean == 1.0
    assert (half.low_bounded, half.high_bounded) == (pytest.approx(0.5, abs=0.02), 1.0)
    gate = decide(evidence(half), minimums={"grounding_overlap": 0.8}).gates[0]
    assert gate.verdict == "inconclusive"
    assert "500 undefined of 1000" in gate.why


def test_a_proxy_is_never_faithfulness() -> None:
    gate = decide(evidence(summarise_values(value=1.0)), minimums={"faithfulness": 0.1}).gates[0]
    assert gate.verdict == "inconclusive"
    assert "judge 'offline' only gives proxies (grounding_overlap)" in gate.why


def test_no_values_is_inconclusive_with_the_reason() -> None:
    gate = decide(evidence(summarise_values(n=0, undefined=12)), minimums={"grounding_overlap": 0.0}).gates[0]
    assert gate.verdict == "inconclusive"
    assert "12 cases: the case has no answer" in gate.why


def test_reasons_of_many_failures_are_limited() -> None:
    failed = [
        [UnitResult(None, f"answered 500: {'x' * 100}{number}", is_failed=True)] for number in range(1_000)
    ]
    gate = decide(
        evidence(summarise("grounding_overlap", failed)), minimums={"grounding_overlap": 0.5}
    ).gates[0]
    assert gate.verdict == "error"
    assert gate.why.startswith("every case failed (1 case: answered 500: ")
    assert gate.why.endswith("; 997 more reasons)") and len(gate.why) < 500


def test_no_gate_never_passes() -> None:
    assert decide(evidence(summarise_values())).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        (["passed", "failed", "error"], "failed"),
        (["passed", "error", "inconclusive"], "error"),
        (["passed", "inconclusive"], "inconclusive"),
        (["passed"], "passed"),
        ([], "inconclusive"),
    ],
)
def test_verdict_precedence(verdicts: list[str], verdict: str) -> None:
    assert combine_verdicts(verdicts) == verdict


def test_default_pipeline_is_inconclusive_on_proxies() -> None:
    decision = decide(evidence(summarise_values()), pipeline=parse_pipeline(default_document()))
    assert {gate.verdict for gate in decision.gates} == {"inconclusive"}
    assert [stage.name for stage in decision.stages] == [
        *("synthetic_test_suite", "regression_tests", "cost_validation", "latency_validation")
    ]


def test_release_traffic_decides_cost_and_latency() -> None:
    decision = decide(evidence(traffic=traffic()), pipeline=parse_pipeline(default_document()))
    verdicts = {gate.metric: gate.verdict for gate in decision.gates if "validation" in gate.stage}
    assert verdicts == {
        "cost_per_query": "passed",
        "monthly_cost": "passed",
        "latency_p50": "passed",
        "latency_p95": "passed",
        "latency_p99": "failed",
    }


@pytest.mark.parametrize(
    "facts", [traffic(requests=49), traffic(cost_per_query_usd=None, unpriced_calls=3), None], ids=str
)
def test_few_requests_or_unpriced_calls_are_inconclusive(facts: TrafficFigures | None) -> None:
    decision = decide(evidence(traffic=facts), limits={"cost_per_query": 0.02})
    assert decision.verdict == "inconclusive"


def test_a_budget_nearly_used_up_passes_with_an_alert() -> None:
    decision = decide(
        evidence(traffic=traffic(monthly_cost_usd=9000.0)), pipeline=parse_pipeline(default_document())
    )
    gate = next(gate for gate in decision.gates if gate.metric == "monthly_cost")
    assert gate.verdict == "passed"
    assert "alert: 90% of the budget" in gate.why


def test_launch_minimum_replaces_stage_threshold() -> None:
    stages = parse_pipeline(
        {
            "evaluation_pipeline": {
                "stages": [{"name": "s", "metrics": {"grounding_overlap": {"threshold": 0.99}}}]
            }
        }
    )
    assert decide(evidence(summarise_values()), pipeline=stages).verdict == "failed"
    decision = decide(evidence(summarise_values()), pipeline=stages, minimums={"grounding_overlap": 0.5})
    assert [(gate.stage, gate.verdict) for gate in decision.gates] == [("s", "passed")]


def test_stage_score_is_weighted_or_unknown() -> None:
    metrics = {
        "grounding_overlap": {"threshold": 0.1, "weight": 3},
        "question_overlap": {"threshold": 0.1, "weight": 1},
    }
    stages = parse_pipeline({"evaluation_pipeline": {"stages": [{"name": "s", "metrics": metrics}]}})
    both = evidence(summarise_values(value=0.8), summarise_values("question_overlap", value=0.4))
    # (3 * 0.8 + 1 * 0.4) / 4
    assert decide(both, pipeline=stages).stages[0].score == pytest.approx(0.7)
    assert decide(evidence(summarise_values()), pipeline=stages).stages[0].score is None
