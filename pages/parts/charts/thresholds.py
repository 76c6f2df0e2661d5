"""Lines of the rollback policy in charts: only on the figures that the policy compares with a threshold.

The policy watches one release of each routed application: the live canary, else the stable release. It knows no
environment and no model, and it compares the mean quality, not single metrics.
"""

from __future__ import annotations

from collections.abc import Iterable

from genaiops_core.rollbacks.policy import Policy
from genaiops_core.rollbacks.policy_metrics import Metric
from genaiops_core.rollouts.rollouts import Rollout
from genaiops_core.telemetry.time_window import Filters
from pages.parts.charts import plots


def find_watched_rollout(filters: Filters, rollouts: Iterable[Rollout]) -> Rollout | None:
    """The rollout whose watched release is what `filters` select; None when they select anything else.

    Without a canary the whole traffic of an application is that of its stable release, so no filter on the release is
    needed then.
    """
    if filters.application is None or filters.environment is not None or filters.model is not None:
        return None
    rollout = next((status for status in rollouts if status.application == filters.application), None)
    if rollout is None:
        return None
    watched = rollout.canary or rollout.stable
    is_watched = filters.release == watched or (filters.release is None and not rollout.canary)
    return rollout if is_watched else None


def build_limit(
    policy: Policy,
    metric: Metric,
    rollout: Rollout | None,
    *,
    divisor: float = 1,
    unit: str = "",
    subject: str = "",
) -> plots.Limit | None:
    """The threshold that a figure reaches first, with what happens then; None when the policy does not watch it.

    Args:
        policy: the policy in force for the application.
        metric: the figure.
        rollout: the rollout that the chart draws; None when the policy watches none of its lines.
        divisor: what the threshold is divided by to have the unit of the axis.
        unit: the unit in the label, with its blank.
        subject: the line that the threshold belongs to, where the chart has others, for example `p95`.
    """
    trigger = policy.find_strictest_trigger(metric)
    if trigger is None or rollout is None:
        return None
    # Without a canary nothing can be rolled back safely: a firing opens an incident.
    action = "rollback" if rollout.canary and policy.rolls_back else "incident"
    beyond = "above" if trigger.comparison == "greater_than" else "below"
    value = trigger.threshold / divisor
    return plots.Limit(
        value=value, label=" ".join(filter(None, (action, subject, beyond, f"{value:g}{unit}")))
    )
