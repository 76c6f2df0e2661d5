"""Sampling decisions, and that a sampled interval covers the mean of all traffic."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.statistics.stratified import estimate
from genaiops_core.telemetry.sampling.policy import (
    PPM,
    PRIORITIES,
    REASONS,
    Policy,
    RequestFacts,
    build_queue_message,
    decide,
    hash_to_bucket,
)
from genaiops_core.telemetry.traffic.quality import Sums, build_strata

POLICY = Policy()
ORDINARY = RequestFacts(
    trace_id="0" * 32,
    cost_nano_usd=1_000_000,
    duration_ns=800_000_000,
    is_new_user=False,
    has_negative_feedback=False,
)


def facts(**changes: object) -> RequestFacts:
    return RequestFacts(**{**vars(ORDINARY), **changes})


@pytest.mark.parametrize(
    ("changes", "reason", "priority"),
    [
        ({"has_negative_feedback": True, "is_new_user": True}, "negative_feedback", 1),
        ({"is_new_user": True, "cost_nano_usd": 10**9}, "new_user", 2),
        ({"cost_nano_usd": 50_000_001, "duration_ns": 10**11}, "high_cost", 2),
        ({"duration_ns": 3_000_000_001}, "high_latency", 3),
    ],
)
def test_requests_with_a_reason_are_always_judged(
    changes: dict[str, object], reason: str, priority: int
) -> None:
    decision = decide(facts(**changes), POLICY)
    assert (decision.should_evaluate, decision.reason, decision.priority) == (True, reason, priority)
    assert decision.rate == 1.0


def test_value_equal_to_a_threshold_is_no_reason() -> None:
    decision = decide(facts(cost_nano_usd=50_000_000, duration_ns=3_000_000_000), POLICY)
    assert (decision.reason, decision.priority, decision.rate) == ("base_rate", 4, 0.02)


def test_random_selection_is_a_hash_of_the_trace_id() -> None:
    for number in range(50):
        trace_id = f"{number:032x}"
        bucket = int(hashlib.sha256(trace_id.encode()).hexdigest()[:16], 16) % 1_000_000
        assert hash_to_bucket(trace_id) == bucket
        assert decide(facts(trace_id=trace_id), Policy(rate=0.5)).should_evaluate == (bucket < 500_000)


def test_base_rate_holds_for_sequential_trace_ids() -> None:
    chosen = sum(decide(facts(trace_id=f"{number:032x}"), POLICY).should_evaluate for number in range(20_000))
    # 400 expected, standard deviation 20.
    assert 320 < chosen < 480


@given(st.text(alphabet="0123456789abcdef", min_size=32, max_size=32), st.floats(0, 1), st.floats(0, 1))
def test_higher_rate_never_drops_a_request(trace_id: str, first_rate: float, second_rate: float) -> None:
    low, high = sorted((first_rate, second_rate))
    chosen = [decide(facts(trace_id=trace_id), Policy(rate=rate)).should_evaluate for rate in (low, high)]
    assert chosen != [True, False]
    assert not decide(facts(trace_id=trace_id), Policy(rate=0.0)).should_evaluate
    assert decide(facts(trace_id=trace_id), Policy(rate=1.0)).should_evaluate


@pytest.mark.parametrize("rate", [-0.01, 1.01, float("nan")])
def test_rate_outside_zero_to_one_is_refused(rate: float) -> None:
    with pytest.raises(BadInput, match="from 0 to 1"):
        Policy(rate=rate)


def test_every_reason_has_a_description_and_a_priority() -> None:
    assert set(REASONS) == set(PRIORITIES)


def test_queue_message_has_the_documented_fields() -> None:
    message = build_queue_message(
        trace_id="ab", query="q", response=None, context=("c",), priority=2, reason="high_cost"
    )
    assert message == {
        "request_id": "ab",
        "query": "q",
        "response": None,
        "context": ["c"],
        "priority": 2,
        "reason": "high_cost",
    }


REQUESTS = 6_000


def week(seed: int) -> tuple[np.ndarray, list[RequestFacts]]:
    """A week of traffic with its true quality, which is lower for slow, expensive, new-user and disliked requests."""
    random = np.random.default_rng(seed)
    latency_s = random.lognormal(0.3, 0.6, REQUESTS)
    cost_usd = random.lognormal(-4.3, 0.7, REQUESTS)
    is_new = random.random(REQUESTS) < 0.02
    drift = 0.04 * np.sin(np.arange(REQUESTS) / REQUESTS * 14 * np.pi)
    centre = 0.9 + drift - 0.06 * (latency_s - 1.6) - 1.5 * (cost_usd - 0.017) - 0.1 * is_new
    quality = np.clip(centre + random.normal(0, 0.08, REQUESTS), 0.0, 1.0)
    is_disliked = random.random(REQUESTS) < 0.05 * (1 - quality)
    ids = random.bytes(16 * REQUESTS).hex()
    return quality, [
        RequestFacts(
            trace_id=ids[32 * n : 32 * n + 32],
            cost_nano_usd=int(cost_usd[n] * 1e9),
            duration_ns=int(latency_s[n] * 1e9),
            is_new_user=bool(is_new[n]),
            has_negative_feedback=bool(is_disliked[n]),
        )
        for n in range(REQUESTS)
    ]


def test_sampled_interval_covers_the_mean_of_all_traffic() -> None:
    """The 95 % interval covers the mean of all traffic for at least 93 of 100 seeds; the naive interval does not."""
    covered = naive_covered = 0
    widths = []
    for seed in range(100):
        quality, requests = week(seed)
        decisions = [decide(request, POLICY) for request in requests]
        rates = np.array([decision.rate_ppm for decision in decisions])
        chosen = np.array([decision.should_evaluate for decision in decisions])
        sums = {
            int(rate): Sums(
                scored=int(is_in_stratum.sum()),
                undefined=0,
                value_sum=float(quality[is_in_stratum].sum()),
                square_sum=float((quality[is_in_stratum] ** 2).sum()),
            )
            for rate in np.unique(rates)
            for is_in_stratum in [chosen & (rates == rate)]
        }
        estimated = estimate(build_strata(sums, {int(rate): int((rates == rate).sum()) for rate in sums}))
        assert estimated.low is not None
        assert estimated.high is not None
        assert estimated.effective_n is not None
        true_mean = float(quality.mean())
        covered += estimated.low <= true_mean <= estimated.high
        widths.append(estimated.high - estimated.low)
        assert estimated.effective_n < chosen.sum()
        naive = quality[chosen]
        naive_covered += abs(naive.mean() - true_mean) <= 1.96 * naive.std() / np.sqrt(naive.size)
    assert covered >= 93, covered
    assert naive_covered < 5, naive_covered
    assert np.mean(widths) < 0.05
    assert PPM == 1_000_000
