"""The decider: the interval decides, missing evidence never passes."""

from __future__ import annotations

import pytest

from genaiops_core.evaluation.verdicts.answer_figures import AnswerFigures
from genaiops_core.evaluation.verdicts.gates import Decision, Evidence, GateDecision, decide
from genaiops_core.evaluation.verdicts.pipeline import default_document, parse_pipeline
from genaiops_core.evaluation.verdicts.summaries import MetricResult, UnitResult, summarise
from genaiops_core.evaluation.verdicts.traffic import TrafficFigures
from genaiops_core.evaluation.verdicts.verdict import combine_verdicts
from genaiops_core.statistics.intervals import Interval


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
        "application_requests": 7_000,
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
        (["passed", "warning"], "warning"),
        (["warning", "inconclusive"], "inconclusive"),
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


def decide_budget(facts: TrafficFigures | None, answers: AnswerFigures | None = None) -> GateDecision:
    stage = {"name": "cost", "max_monthly_budget": 10_000, "alert_threshold": 0.8}
    measured = Evidence(metrics={}, judge="offline", traffic=facts, answers=answers)
    return decide(measured, pipeline=parse_pipeline({"evaluation_pipeline": {"stages": [stage]}})).gates[0]


@pytest.mark.parametrize(
    ("requests", "verdict"),
    # At 0.05 USD: 30 / 7 of the requests of the last seven days.
    [
        (37_000, "passed"),  # 7,929 USD
        (37_334, "warning"),  # 8,000.14 USD, more than 0.8 of the budget
        (46_666, "warning"),  # 9,999.86 USD
        (46_667, "failed"),  # 10,000.07 USD
    ],
)
def test_canary_budget_is_that_of_the_whole_traffic(requests: int, verdict: str) -> None:
    # A canary of 200 requests, whose own share costs 42.86 USD a month.
    canary = traffic(
        requests=200, cost_per_query_usd=0.05, monthly_cost_usd=42.86, application_requests=requests
    )
    gate = decide_budget(canary)
    assert gate.verdict == verdict, gate.why
    assert gate.measured == pytest.approx(0.05 * requests / 7 * 30)
    assert f"{requests:,} requests of the last 7 days, all releases" in gate.why
    assert ("alert: " in gate.why) == (verdict == "warning")


def test_budget_before_any_traffic_uses_generated_answers() -> None:
    answers = AnswerFigures(
        answers=100,
        failed=0,
        cases=100,
        unpriced=0,
        cost_per_query_usd=Interval(mean=0.02, low=0.01, high=0.04, n=100, method="bootstrap"),
    )
    unused = traffic(requests=0, cost_per_query_usd=None, application_requests=70_000)  # 300,000 a month
    gate = decide_budget(unused, answers)
    assert (gate.measured, gate.low, gate.high) == pytest.approx((6_000, 3_000, 12_000))
    assert gate.verdict == "inconclusive" and "0.02 USD per generated answer" in gate.why
    # With enough requests of its own, the release's traffic decides.
    gate = decide_budget(traffic(cost_per_query_usd=0.01, application_requests=70_000), answers)
    assert (gate.measured, gate.verdict) == (pytest.approx(3_000), "passed")
    assert decide_budget(traffic(requests=49, application_requests=49), answers).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (None, "name the application and the release"),
        (traffic(requests=49), "only 49 requests"),
        (traffic(cost_per_query_usd=None, unpriced_calls=3), "3 calls have no price"),
        (traffic(application_requests=None), "not measured"),
    ],
    ids=["no-release", "few-requests", "unpriced", "old-document"],
)
def test_budget_without_evidence_is_inconclusive(facts: TrafficFigures | None, reason: str) -> None:
    gate = decide_budget(facts)
    assert gate.verdict == "inconclusive" and reason in gate.why


def test_warning_is_a_verdict_that_blocks_nothing() -> None:
    stages = parse_pipeline(
        {
            "evaluation_pipeline": {
                "stages": [
                    {"name": "cost", "max_monthly_budget": 350, "alert_threshold": 0.8},
                    {"name": "suite", "metrics": {"grounding_overlap": 0.5}},
                ]
            }
        }
    )
    # 0.01 USD times 30,000 requests: 300 of 350 USD.
    decision = decide(evidence(summarise_values(), traffic=traffic()), pipeline=stages)
    assert [stage.verdict for stage in decision.stages] == ["warning", "passed"]
    assert decision.verdict == "warning"
    assert decide(evidence(traffic=traffic()), pipeline=stages).verdict == "inconclusive"


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


def decide_weighted(
    *results: MetricResult, threshold: float = 0.7, weights: tuple[float, float] = (3, 1)
) -> Decision:
    metrics = {
        "grounding_overlap": {"weight": weights[0]},
        "question_overlap": {"threshold": 0.1, "weight": weights[1]},
    }
    stage = {"name": "s", "threshold": threshold, "metrics": metrics}
    return decide(evidence(*results), pipeline=parse_pipeline({"evaluation_pipeline": {"stages": [stage]}}))


@pytest.mark.parametrize(("threshold", "verdict"), [(0.5, "passed"), (0.7, "inconclusive"), (0.9, "failed")])
def test_weights_decide_the_score_of_a_stage(threshold: float, verdict: str) -> None:
    # (3 * 0.8 + 1 * 0.4) / 4
    both = summarise_values(value=0.8), summarise_values("question_overlap", value=0.4)
    decision = decide_weighted(*both, threshold=threshold)
    # A metric without a threshold has a weight and no gate of its own.
    assert {gate.metric: gate.verdict for gate in decision.gates} == {
        "question_overlap": "passed",
        "stage_score": verdict,
    }
    gate = decision.gates[-1]
    assert (gate.kind, gate.name, gate.threshold) == ("score", "s.stage_score", threshold)
    assert gate.measured == pytest.approx(0.7)
    low, high = (
        (3 * both[0].low_bounded + both[1].low_bounded) / 4,
        (3 * both[0].high_bounded + both[1].high_bounded) / 4,
    )
    assert (gate.low, gate.high) == (pytest.approx(low), pytest.approx(high))
    assert (decision.verdict, decision.stages[0].threshold) == (verdict, threshold)


def test_another_weight_is_another_verdict() -> None:
    both = summarise_values(value=0.95), summarise_values("question_overlap", value=0.3)
    assert decide_weighted(*both, threshold=0.6, weights=(9, 1)).verdict == "passed"  # 0.885
    assert decide_weighted(*both, threshold=0.6, weights=(1, 9)).verdict == "failed"  # 0.365


def test_score_without_a_metric_is_never_a_pass() -> None:
    gate = decide_weighted(summarise_values(), threshold=0.0).gates[-1]
    assert (gate.verdict, gate.measured) == ("inconclusive", None)
    assert "question_overlap was not measured" in gate.why
    broken = summarise("question_overlap", [[UnitResult(None, "answered 500", is_failed=True)]] * 9)
    assert decide_weighted(summarise_values(), broken).gates[-1].verdict == "error"
    # A metric of weight 0 counts in no score.
    assert decide_weighted(summarise_values(), broken, weights=(1, 0)).gates[-1].verdict == "passed"
