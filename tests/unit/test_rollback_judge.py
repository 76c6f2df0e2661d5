"""Which triggers fire: only beyond the limit, only with evidence."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.rollbacks.observations import Observation
from genaiops_core.rollbacks.policy import default
from genaiops_core.rollbacks.watch import fired_triggers

POLICY = default()
FINE = Observation(
    application="a",
    release="v2",
    variant="canary",
    window_min=5,
    requests=50,
    error_rate=0.0,
    cost_per_request=0.01,
    p95_latency=900.0,
    scores=20,
    avg_quality_score=0.9,
)


def list_fired_triggers(*observations: Observation) -> list[str]:
    return [firing.trigger.name for firing in fired_triggers(POLICY, observations)]


def test_a_good_release_fires_nothing() -> None:
    assert list_fired_triggers(FINE, replace(FINE, window_min=10), replace(FINE, window_min=15)) == []


def test_each_limit() -> None:
    assert list_fired_triggers(replace(FINE, error_rate=0.06)) == ["high_error_rate"]
    assert list_fired_triggers(replace(FINE, p95_latency=5001.0)) == ["latency_spike"]
    assert list_fired_triggers(replace(FINE, window_min=10, cost_per_request=0.051)) == ["cost_explosion"]
    assert list_fired_triggers(replace(FINE, window_min=15, avg_quality_score=0.74)) == [
        "quality_degradation"
    ]


def test_a_figure_at_its_limit_does_not_fire() -> None:
    assert list_fired_triggers(replace(FINE, error_rate=0.05, p95_latency=5000.0)) == []
    assert list_fired_triggers(replace(FINE, window_min=15, avg_quality_score=0.75)) == []


def test_a_trigger_reads_its_own_window_only() -> None:
    assert list_fired_triggers(replace(FINE, window_min=15, error_rate=1.0)) == []


def test_too_few_requests_or_scores_fire_nothing() -> None:
    assert list_fired_triggers(replace(FINE, requests=49, error_rate=1.0)) == []
    assert list_fired_triggers(replace(FINE, window_min=15, scores=19, avg_quality_score=0.1)) == []


def test_the_sentence_says_what_happened() -> None:
    (firing,) = fired_triggers(POLICY, [replace(FINE, error_rate=0.125, requests=80)])
    assert firing.sentence == "high_error_rate: error_rate 0.125 is above 0.05 over 5 min (80 requests)"


@given(st.sampled_from([5, 10, 15]), st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_was_not_measured_never_fires(window_min: int, requests: int, scores: int) -> None:
    unknown = replace(
        FINE,
        window_min=window_min,
        requests=requests,
        scores=scores,
        error_rate=None,
        cost_per_request=None,
        p95_latency=None,
        avg_quality_score=None,
    )
    assert list_fired_triggers(unknown) == []
