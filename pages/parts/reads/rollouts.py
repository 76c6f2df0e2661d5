"""Cached reads of rollouts, incidents, rollbacks and the health of applications."""

from __future__ import annotations

from typing import Any

from genaiops_core.rollbacks import health, incidents, policy, procedure
from genaiops_core.rollouts import rollouts
from genaiops_core.telemetry.time_window import Filters
from pages.parts.reads.cache import QUICK_S, cache_for, register_reads
from pages.parts.reads.connection import open_snapshot


@cache_for(QUICK_S)
def list_rollouts(url: str) -> list[rollouts.Rollout]:
    """The traffic split of each application that has a stable release."""
    with open_snapshot(url) as connection:
        return rollouts.status(connection)


@cache_for(QUICK_S)
def list_rollout_history(url: str, application: str) -> list[dict[str, Any]]:
    """Every rollout of an application, newest first."""
    with open_snapshot(url) as connection:
        return rollouts.history(connection, application)


@cache_for(QUICK_S)
def list_incidents(url: str, application: str | None, state: str | None) -> list[incidents.Incident]:
    """Incidents, newest first."""
    with open_snapshot(url) as connection:
        return incidents.list_incidents(connection, application, state)


@cache_for(QUICK_S)
def list_rollbacks(url: str, application: str | None) -> list[procedure.Rollback]:
    """Rollbacks, newest first."""
    with open_snapshot(url) as connection:
        return procedure.list_rollbacks(connection, application)


@cache_for(QUICK_S)
def list_health(url: str, filters: Filters) -> list[health.Health]:
    """The health of each known application over the window by the policy in force, ordered by name."""
    with open_snapshot(url) as connection:
        return health.read_health(connection, filters, policy.default())


def get_policy(application: str | None) -> policy.Policy:
    """The rollback policy in force for an application."""
    return policy.policy_in_force(application)


register_reads("rollouts", list_rollouts, list_rollout_history, list_health)
register_reads("incidents", list_incidents, list_rollbacks, list_rollouts, list_rollout_history, list_health)
