"""Health: which limits of the rollback policy are exceeded, and the state of an application that follows from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa

from genaiops_core.rollbacks import incidents
from genaiops_core.rollbacks.mean_quality import mean_quality
from genaiops_core.rollbacks.policy import Policy, Trigger
from genaiops_core.rollbacks.policy_metrics import PolicyFigures, policy_figures
from genaiops_core.rollouts import status
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.rollups.cells import fetch_applications
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import quality, queries

MIN_REQUESTS = 50
MIN_SCORES = 20
"""Smaller samples exceed nothing: a figure of them is missing evidence. The watch and the screens use the same."""

State = Literal["incident", "degraded", "healthy", "too few requests", "no traffic"]
"""In order of urgency."""


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A trigger whose threshold is exceeded, with the figure and its sample."""

    trigger: Trigger
    value: float
    sample: int  # requests, or scores for avg_quality_score


@dataclass(frozen=True, kw_only=True)
class Health:
    """One application over one window."""

    application: str
    state: State
    breaches: tuple[Breach, ...]
    figures: PolicyFigures
    traffic: Figures | None
    """All figures of the window; None without traffic."""
    open_incidents: int
    rollout: status.Rollout | None
    """None when its traffic is not routed by this console."""

    def as_json(self) -> dict[str, Any]:
        """Flat, with the figures under the names that policies use."""
        rollout = self.rollout
        return {
            "application": self.application,
            "state": self.state,
            "breaches": [
                {
                    "trigger": breach.trigger.name,
                    "metric": breach.trigger.metric,
                    "threshold": breach.trigger.threshold,
                    "value": breach.value,
                    "sample": breach.sample,
                }
                for breach in self.breaches
            ],
            **self.figures.figures_json(),
            "open_incidents": self.open_incidents,
            "stable": rollout.stable if rollout else None,
            "canary": rollout.canary if rollout else None,
            "canary_percent": rollout.percent if rollout else None,
        }


def find_breaches(triggers: Iterable[Trigger], figures: PolicyFigures) -> list[Breach]:
    """The triggers whose threshold the figures exceed, in their order; the windows of the triggers are not compared.

    A figure that was not measured, fewer than 50 requests, and fewer than 20 scores for a quality trigger, are
    missing evidence and exceed nothing.
    """
    if figures.requests < MIN_REQUESTS:
        return []
    breaches = []
    for trigger in triggers:
        value: float | None = getattr(figures, trigger.metric)
        sample = figures.sample_of(trigger.metric)
        is_enough = trigger.metric != "avg_quality_score" or sample >= MIN_SCORES
        if value is not None and is_enough and trigger.is_exceeded_by(value):
            breaches.append(Breach(trigger=trigger, value=value, sample=sample))
    return breaches


def decide_state(figures: PolicyFigures, breaches: Collection[Breach], *, has_incident: bool) -> State:
    """The state of an application: an open incident outweighs its figures."""
    if has_incident:
        return "incident"
    if not figures.requests:
        return "no traffic"
    if breaches:
        return "degraded"
    return "healthy" if figures.requests >= MIN_REQUESTS else "too few requests"


def rank_by_trouble(healths: Iterable[Health]) -> list[Health]:
    """The applications by urgency of their state, then by exceeded thresholds and by requests, both descending."""
    states = get_args(State)
    return sorted(
        healths,
        key=lambda health: (
            states.index(health.state),
            -health.open_incidents,
            -len(health.breaches),
            -health.figures.requests,
            health.application,
        ),
    )


def read_health(connection: sa.Connection, filters: Filters, policy: Policy) -> list[Health]:
    """The health of each known application over the window, by name.

    Args:
        connection: best a `reading` snapshot.
        filters: the window; narrowed by application to one.
        policy: its thresholds; its windows are replaced by the window of `filters`.
    """
    rows = queries.read_breakdown(connection, filters, by=("application",))
    figures = {row.keys["application"]: row.figures for row in rows}
    metrics: dict[str | None, list[quality.MetricQuality]] = {}
    for application, metric in quality.read_quality_by(connection, filters, "application"):
        metrics.setdefault(application, []).append(metric)
    open_incidents = incidents.list_incidents(connection, filters.application, "open")
    rollouts = {rollout.application: rollout for rollout in status.status(connection, filters.application)}
    names = (
        [filters.application] if filters.application else sorted({*fetch_applications(connection), *rollouts})
    )
    empty = queries.build_zero_figures()
    health = []
    for name in names:
        traffic = figures.get(name)
        measured = policy_figures(traffic or empty, mean_quality(metrics.get(name, ())))
        breaches = tuple(find_breaches(policy.triggers, measured))
        # Open incidents are few, so they are counted in Python.
        count = sum(incident.application == name for incident in open_incidents)
        health.append(
            Health(
                application=name,
                state=decide_state(measured, breaches, has_incident=count > 0),
                breaches=breaches,
                figures=measured,
                traffic=traffic,
                open_incidents=count,
                rollout=rollouts.get(name),
            )
        )
    return health
