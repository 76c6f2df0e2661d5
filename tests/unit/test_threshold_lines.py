"""Which charts get a line of the rollback policy, and what the line says."""

from __future__ import annotations

import dataclasses

import pytest

from genaiops_core.clock import now
from genaiops_core.rollbacks import policy as policies
from genaiops_core.rollbacks.policy_metrics import Metric
from genaiops_core.rollouts.rollouts import Rollout
from genaiops_core.telemetry.time_window import Filters
from pages.parts.charts import thresholds

STABLE = Rollout(
    application="shop",
    stable="v1",
    canary=None,
    percent=0.0,
    step=0,
    steps=(),
    state="stable",
    verdict=None,
    version=1,
    started_at=None,
    started_by=None,
    release="v1",
    ended_at=None,
)
CANARY = dataclasses.replace(STABLE, canary="v2", percent=10.0, state="running")


def build_policy(trigger: str, action: str = "rollback") -> policies.Policy:
    return policies.load(
        f"rollback_policy: {{triggers: [{{name: t, {trigger}, window: 5min, severity: high}}], "
        f"actions: [{{action: {action}}}]}}"
    )


@pytest.mark.parametrize(
    ("chosen", "rollout", "is_watched"),
    [
        ({}, STABLE, False),
        ({"application": "shop"}, STABLE, True),
        ({"application": "shop", "release": "v1"}, STABLE, True),
        ({"application": "shop", "release": "v0"}, STABLE, False),
        ({"application": "other"}, STABLE, False),
        ({"application": "shop"}, CANARY, False),
        ({"application": "shop", "release": "v1"}, CANARY, False),
        ({"application": "shop", "release": "v2"}, CANARY, True),
        ({"application": "shop", "environment": "staging"}, STABLE, False),
        ({"application": "shop", "model": "nova"}, STABLE, False),
    ],
)
def test_only_the_watched_release_has_a_line(
    chosen: dict[str, str], rollout: Rollout, is_watched: bool
) -> None:
    filters = Filters.last("24h", now=now(), **chosen)
    assert thresholds.find_watched_rollout(filters, [rollout]) == (rollout if is_watched else None)


@pytest.mark.parametrize(
    ("trigger", "action", "rollout", "metric", "label"),
    [
        ("metric: p95_latency, threshold: 1500", "rollback", CANARY, "p95_latency", "rollback above 1.5 s"),
        ("metric: p95_latency, threshold: 1500", "stop_traffic", CANARY, "p95_latency", "rollback above 1.5 s"),
        ("metric: p95_latency, threshold: 1500", "create_incident", CANARY, "p95_latency", "incident above 1.5 s"),
        ("metric: p95_latency, threshold: 1500", "rollback", STABLE, "p95_latency", "incident above 1.5 s"),
        (
            "metric: p95_latency, threshold: 1500, comparison: less_than",
            "rollback", CANARY, "p95_latency", "rollback below 1.5 s",
        ),
        ("metric: p95_latency, threshold: 1500", "rollback", CANARY, "error_rate", None),
        ("metric: p95_latency, threshold: 1500", "rollback", None, "p95_latency", None),
    ],
)  # fmt: skip
def test_line_names_action_and_threshold(
    trigger: str, action: str, rollout: Rollout | None, metric: Metric, label: str | None
) -> None:
    limit = thresholds.build_limit(build_policy(trigger, action), metric, rollout, divisor=1000, unit=" s")
    assert (None if limit is None else limit.label) == label
