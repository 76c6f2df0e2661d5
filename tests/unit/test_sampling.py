"""Which requests are judged, and that what is judged tells how good all of them are."""

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
def test_what_matters_is_always_judged(changes: dict[str, object], reason: str, priority: int) -> None:
    decision = decide(facts(**changes), POLICY)
    assert (decision.should_evaluate, decision.reason, decision.priority) == (True, reason, priority)
    assert decision.rate == 1.0


def test_thresholds_are_exceeded_not_reached() -> None:
    decision = decide(facts(cost_nano_usd=50_000_000, duration_ns=3_000_000_000), POLICY)
    assert (decision.reason, decision.priority, decision.rate) == ("base_rate", 4, 0.02)


def test_chance_is_a_hash_of_the_trace_id() -> None:
    for number in range(50):
        trace_id = f"{number:032x}"
        drawn = int(hashlib.sha256(trace_id.encode()).hexdigest()[:16], 16) % 1_000_000
        assert hash_to_bucket(trace_id) == drawn
        assert decide(facts(trace_id=trace_id), Policy(rate=0.5)).should_evaluate == (drawn < 500_000)


def test_the_base_rate_is_kept_even_by_ids_that_count_up() -> None:
    chosen = sum(decide(facts(trace_id=f"{n:032x}"), POLICY).should_evaluate for n in range(20_000))
    # 400 expected, standard deviation 20.
    assert 320 < chosen < 480


@given(st.text(alphabet="0123456789abcdef", min_size=32, max_size=32), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_rate_never_drops_a_request(trace_id: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    chosen = [decide(facts(trace_id=trace_id), Policy(rate=r)).should_evaluate for r in (low, high)]
    assert chosen != [True, False]
    assert not decide(facts(trace_id=trace_id), Policy(rate=0.0)).should_evaluate
    assert decide(facts(trace_id=trace_id), Policy(rate=1.0)).should_evaluate


@pytest.mark.parametrize("rate", [-0.01, 1.01, float("nan")])
def test_a_rate_that_is_no_share_is_refused(rate: float) -> None:
    with pytest.raises(BadInput, match="from 0 to 1"):
        Policy(rate=rate)


def test_every_reason_has_words_and_a_priority() -> None:
    assert set(REASONS) == set(PRIORITIES)


def test_the_queue_message_has_the_promised_fields() -> None:
    told = build_queue_message(
        trace_id="ab", query="q", response=None, context=("c",), priority=2, reason="high_cost"
    )
    assert told == {
        "request_id": "ab",
        "query": "q",
        "response": None,
        "context": ["c"],
        "priority": 2,
        "reason": "high_cost",
    }


REQUESTS = 6_000


def week(seed: int) -> tuple[np.ndarray, list[RequestFacts]]:
    """A week of traffic of which slow, dear, new and disliked requests are the worse ones, and its true quality."""
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


def test_a_sampled_week_tells_the_quality_of_all_of_it() -> None:
    """The stated 95 % interval holds the mean of the full traffic for at least 93 of 100 seeds; the naive mean does not."""
    held = naive_held = 0
    widths = []
    for seed in range(100):
        quality, requests = week(seed)
        decisions = [decide(one, POLICY) for one in requests]
        rates = np.array([one.rate_ppm for one in decisions])
        chosen = np.array([one.should_evaluate for one in decisions])
        sums = {
            int(rate): Sums(
                scored=int(which.sum()),
                undefined=0,
                value_sum=float(quality[which].sum()),
                square_sum=float((quality[which] ** 2).sum()),
            )
            for rate in np.unique(rates)
            for which in [chosen & (rates == rate)]
        }
        found = estimate(build_strata(sums, {int(rate): int((rates == rate).sum()) for rate in sums}))
        assert found.low is not None
        assert found.high is not None
        assert found.effective_n is not None
        truth = float(quality.mean())
        held += found.low <= truth <= found.high
        widths.append(found.high - found.low)
        assert found.effective_n < chosen.sum()
        naive = quality[chosen]
        naive_held += abs(naive.mean() - truth) <= 1.96 * naive.std() / np.sqrt(naive.size)
    assert held >= 93, held
    assert naive_held < 5, naive_held
    assert np.mean(widths) < 0.05
    assert PPM == 1_000_000
