"""Which state an application is in, by the limits of the rollback policy: values in, state out."""

from __future__ import annotations

from genaiops_core.rollbacks.policy import Policy
from genaiops_core.telemetry.figures import Figures

MIN_REQUESTS = 20
"""Fewer requests than this say too little to call an application degraded."""


def state_of(figures: Figures | None, quality: float | None, *, has_incident: bool, policy: Policy) -> str:
    """`incident`, `degraded`, `healthy`, or `no traffic` when nothing was measured."""
    if has_incident:
        return "incident"
    if figures is None or not figures.requests:
        return "no traffic"
    if figures.requests < MIN_REQUESTS:
        return "healthy"
    cost = figures.cost_per_request_nano_usd
    measured = {
        "error_rate": figures.error_rate,
        "avg_quality_score": quality,
        "cost_per_request": None if cost is None else cost / 1e9,
        "p95_latency": figures.latency_ms["p95"],
    }
    for trigger in policy.triggers:
        value = measured[trigger.metric]
        if value is None:
            continue
        beyond = (
            value > trigger.threshold if trigger.comparison == "greater_than" else value < trigger.threshold
        )
        if beyond:
            return "degraded"
    return "healthy"


def limit(policy: Policy, metric: str) -> float | None:
    """The strictest limit that the policy sets for a metric, in the metric's own unit; None without one."""
    found = [trigger for trigger in policy.triggers if trigger.metric == metric]
    if not found:
        return None
    pick = min if found[0].comparison == "greater_than" else max
    return pick(trigger.threshold for trigger in found)
