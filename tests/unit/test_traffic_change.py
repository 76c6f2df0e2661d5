"""Cost and latency of two releases by their traffic: independent samples, intervals, missing evidence."""

from __future__ import annotations

import numpy as np
import pytest

from genaiops_core.evaluation.verdicts.traffic import RequestSample
from genaiops_core.evaluation.verdicts.traffic_change import compare_traffic
from genaiops_core.statistics import independent


def requests(n: int, *, cost: float = 0.01, latency_ms: float = 800, unpriced: int = 0) -> RequestSample:
    generator = np.random.default_rng(n)
    return RequestSample(
        costs_usd=tuple(cost * generator.uniform(0.9, 1.1, n)),
        latencies_ms=tuple(latency_ms * generator.uniform(0.9, 1.1, n)),
        requests=n + unpriced,
        unpriced=unpriced,
    )


def verdicts(before: RequestSample, after: RequestSample, allowed: float = 0.05) -> dict[str, str]:
    result = compare_traffic(("cost", "latency"), before, after, allowed, alpha=0.05)
    return {item.metric: item.verdict for item in result}


def test_mean_change_matches_hand_computation() -> None:
    # Means 2 and 3: log ratio 0.405; relative errors sqrt(2/3 / 3) / 2 and / 3 with variance 1 and n = 3
    result = independent.change_of_mean([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    assert result is not None
    error = np.sqrt(1 / 3 / 4 + 1 / 3 / 9)
    assert result.mean == pytest.approx(0.5)
    assert result.high == pytest.approx(1.5 * np.exp(1.959964 * error) - 1, rel=1e-5)
    assert independent.change_of_mean([0.0, 0.0], [1.0, 1.0]) is None
    assert independent.change_of_quantile([1.0] * 5, [1.0] * 5, 0.95) is None


@pytest.mark.parametrize("n", [60, 400])
def test_both_intervals_cover_the_change(n: int) -> None:
    generator = np.random.default_rng(9)
    missed = [0, 0]
    for _ in range(200):
        before, after = generator.lognormal(0, 0.5, n), generator.lognormal(0.1, 0.5, n)
        mean = independent.change_of_mean(before, after)
        median = independent.change_of_quantile(before, after, 0.5)
        assert mean is not None and median is not None
        missed[0] += not mean.low <= np.expm1(0.1) <= mean.high
        missed[1] += not median.low <= np.expm1(0.1) <= median.high
    # 5 % of 200 is 10, with a standard deviation of 3
    assert missed[0] <= 10 + 6 and missed[1] <= 10


def test_higher_cost_or_latency_fails_and_equal_passes() -> None:
    assert verdicts(requests(2000), requests(2001, cost=0.02, latency_ms=1600)) == {
        "cost": "failed",
        "latency_p50": "failed",
        "latency_p95": "failed",
    }
    assert set(verdicts(requests(2000), requests(2001)).values()) == {"passed"}


def test_little_or_unpriced_traffic_is_inconclusive() -> None:
    assert set(verdicts(requests(2000), requests(49)).values()) == {"inconclusive"}
    result = compare_traffic(("cost",), requests(500), requests(500, unpriced=3), 0.05, alpha=0.05)[0]
    assert (result.verdict, result.difference) == ("inconclusive", None)
    assert "3 requests of the two releases have calls without a price" in result.why
