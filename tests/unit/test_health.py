"""Health: the limits of the policy that figures exceed, and the state that follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genaiops_core.rollbacks.health import decide_state, find_breaches
from genaiops_core.rollbacks.policy import default
from genaiops_core.rollbacks.policy_metrics import PolicyFigures

POLICY = default()
HEALTHY = PolicyFigures(
    requests=50,
    error_rate=0.0,
    cost_per_request=0.01,
    p95_latency=900.0,
    scores=20,
    avg_quality_score=0.9,
)


def list_exceeded_metrics(figures: PolicyFigures) -> list[str]:
    return [breach.trigger.metric for breach in find_breaches(POLICY.triggers, figures)]


def state(figures: PolicyFigures, *, has_incident: bool = False) -> str:
    return decide_state(figures, find_breaches(POLICY.triggers, figures), has_incident=has_incident)


def test_figures_within_their_limits_are_healthy() -> None:
    assert list_exceeded_metrics(HEALTHY) == []
    assert state(HEALTHY) == "healthy"


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("error_rate", 0.051),
        ("cost_per_request", 0.051),
        ("p95_latency", 5001.0),
        ("avg_quality_score", 0.74),
    ],
)
def test_one_exceeded_limit_is_degraded(metric: str, value: float) -> None:
    figures = replace(HEALTHY, **{metric: value})
    assert list_exceeded_metrics(figures) == [metric]
    assert state(figures) == "degraded"


def test_fewer_requests_than_the_watch_needs_are_no_health() -> None:
    few = replace(HEALTHY, requests=49, error_rate=1.0)
    assert list_exceeded_metrics(few) == []
    assert state(few) == "too few requests"
    assert state(replace(few, requests=0)) == "no traffic"


def test_fewer_scores_than_the_watch_needs_exceed_nothing() -> None:
    assert list_exceeded_metrics(replace(HEALTHY, scores=19, avg_quality_score=0.1)) == []


def test_an_open_incident_outweighs_the_figures() -> None:
    assert state(HEALTHY, has_incident=True) == "incident"
    assert state(replace(HEALTHY, requests=0), has_incident=True) == "incident"


def test_the_strictest_threshold_of_a_metric() -> None:
    assert POLICY.strictest_threshold("p95_latency") == 5000
    assert replace(POLICY, triggers=()).strictest_threshold("p95_latency") is None
