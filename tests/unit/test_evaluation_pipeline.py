"""`evaluation_pipeline.yaml`: the promised layout loads as written, mistakes are named by stage and field."""

from __future__ import annotations

import pytest

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.verdicts.pipeline import Threshold, default_document, parse_pipeline, parse_yaml

PROMISED = """
evaluation_pipeline:
  stages:
    - name: synthetic_test_suite
      description: "Run against synthetic test cases"
      metrics:
        faithfulness: {threshold: 0.85, weight: 0.3}
        answer_relevancy: {threshold: 0.80, weight: 0.3}
        context_precision: {threshold: 0.75, weight: 0.2}
        safety: {threshold: 0.95, weight: 0.2}
      sample_size: 1000
      timeout_minutes: 15
    - name: regression_tests
      compare_against: "production_v1.2.0"
      max_degradation: 0.05
      metrics: [faithfulness, relevancy, cost, latency]
    - name: cost_validation
      max_cost_per_query: 0.02
      max_monthly_budget: 10000
      alert_threshold: 0.8
    - name: latency_validation
      max_p50_latency: 1500
      max_p95_latency: 3000
      max_p99_latency: 5000
"""


def test_documented_layout_loads() -> None:
    suite, regression, cost, latency = parse_pipeline(parse_yaml(PROMISED, "p.yaml")).stages
    assert suite.metrics["answer_relevancy"] == Threshold(threshold=0.8, weight=0.3)
    assert (suite.sample_size, suite.timeout_minutes) == (1000, 15)
    assert regression.compare_against == "production_v1.2.0"
    assert regression.compared_metrics == ("faithfulness", "answer_relevancy", "cost", "latency")
    assert (cost.max_cost_per_query_usd, cost.max_monthly_budget_usd, cost.alert_threshold) == (
        0.02,
        10000,
        0.8,
    )
    assert latency.max_latency_ms == {"p50": 1500, "p95": 3000, "p99": 5000}


def test_default_file_matches_documented_stages() -> None:
    shipped, promised = (
        parse_pipeline(default_document()).stages,
        parse_pipeline(parse_yaml(PROMISED, "p.yaml")).stages,
    )
    for stage, promised_stage in zip(shipped, promised, strict=True):
        assert {**vars(stage), "description": ""} == {**vars(promised_stage), "description": ""}


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (
            "{name: s, metrics: {faithfulness: {threshold: 85}}}",
            "stage 's': metrics.faithfulness: threshold must be",
        ),
        (
            "{name: s, metrics: {faithfulness: {weight: 1}}}",
            "stage 's': metrics.faithfulness: threshold is missing",
        ),
        ("{name: s, metrics: {f: {treshold: 1}}}", "stage 's': metrics.f: field 'treshold' is unknown"),
        ("{name: s, metrics: [faithfulness]}", "stage 's': metrics must map"),
        ("{name: s, metricz: {}}", "stage 's': field 'metricz' is unknown; did you mean metrics?"),
        ("{name: s, max_cost_per_query: cheap}", "stage 's': max_cost_per_query must be a number"),
        ("{name: s, max_p95_latency: -1}", "stage 's': max_p95_latency must be a number"),
        ("{name: s, sample_size: 0, metrics: {f: 0.5}}", "stage 's': sample_size must be a whole number"),
        ("{name: s, compare_against: v1, metrics: {}}", "stage 's': metrics must list"),
        ("{name: s, max_degradation: 0.05, metrics: [f]}", "stage 's': compare_against must name a release"),
        ("{name: s, threshold: 1.5, metrics: {f: 0.5}}", "stage 's': threshold must be a number between"),
        ("{name: s, threshold: 0.8, max_cost_per_query: 1}", "stage 's': threshold is the minimum of the"),
        ("{name: s, threshold: 0.8, metrics: {f: {weight: 0}}}", "needs metrics with a weight above 0"),
        (
            "{name: s, threshold: 0.8, compare_against: v1, metrics: [f]}",
            "stage 's': threshold is the minimum of the weighted score",
        ),
        ("{name: s}", "stage 's': the stage is empty"),
        ("{metrics: {f: 0.5}}", "stage 1: name is missing"),
        ("nonsense", "stage 1 must have fields"),
    ],
)
def test_errors_name_stage_and_field(stage: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_yaml("evaluation_pipeline: {stages: [" + stage + "]}", "p.yaml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("p.yaml: ")


@pytest.mark.parametrize(
    "text", ["", "[]", "a: 1", "evaluation_pipeline: {stages: []}", "a: [", "!!python/object:os.x {}"]
)
def test_invalid_pipeline_is_rejected(text: str) -> None:
    with pytest.raises(BadInput, match=r"p\.yaml"):
        parse_yaml(text, "p.yaml")
