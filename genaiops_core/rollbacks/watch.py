"""The watch: compares every application with the policy, and rolls a failing canary back.

A rollback of a canary is always safe, so it is automatic. Without a canary, a fired trigger opens an incident and does
not change traffic, because an older release may not be better.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.rollouts import incident as incident_table
from db.transaction import reading, writing
from genaiops_core.errors import Conflict, NotFound
from genaiops_core.rollbacks import incidents
from genaiops_core.rollbacks.health import find_breaches
from genaiops_core.rollbacks.observations import Observation, observe
from genaiops_core.rollbacks.policy import Policy, Trigger
from genaiops_core.rollbacks.procedure import roll_back
from genaiops_core.rollouts import routing_store
from genaiops_core.rollouts.routing import CANARY, STABLE

ACTOR = "policy"
"""Actor of automatic actions in the audit log."""


@dataclass(frozen=True, kw_only=True)
class Firing:
    """A trigger whose threshold is exceeded by a large enough sample."""

    application: str
    release: str
    variant: str  # canary or stable
    trigger: Trigger
    value: float
    sample: int  # requests, or scores for avg_quality_score
    observation: Observation

    @property
    def sentence(self) -> str:
        """Description for incident and audit log."""
        beyond = "above" if self.trigger.comparison == "greater_than" else "below"
        evidence = "scores" if self.trigger.metric == "avg_quality_score" else "requests"
        return (
            f"{self.trigger.name}: {self.trigger.metric} {self.value:.4g} is {beyond} {self.trigger.threshold:g} "
            f"over {self.trigger.window_min} min ({self.sample} {evidence})"
        )


def fired_triggers(policy: Policy, observations: Sequence[Observation]) -> list[Firing]:
    """The triggers that fire, in order of the observations, then of the policy.

    A figure that is not measured, fewer than 50 requests in the window, or fewer than 20 scores for a quality
    trigger, is too little evidence and fires no trigger.

    Args:
        policy: the triggers.
        observations: one or more per release; a trigger is compared with the one of its own window.
    """
    return [
        Firing(
            application=observation.application,
            release=observation.release,
            variant=observation.variant,
            trigger=breach.trigger,
            value=breach.value,
            sample=breach.sample,
            observation=observation,
        )
        for observation in observations
        for breach in find_breaches(
            [trigger for trigger in policy.triggers if trigger.window_min == observation.window_min],
            observation,
        )
    ]


def watch(engine: sa.Engine, now: dt.datetime, policy: Policy) -> list[Firing]:
    """Check every application once and act; the worker calls this every few seconds.

    Returns:
        The firings with an action, without those whose canary is no longer live or whose incident is still open.
    """
    with reading(engine) as connection:
        # Only the measurement is in this snapshot; each action has a transaction of its own.
        observations = _observations(connection, now, policy)
    acted = []
    handled: set[str] = set()
    for firing in fired_triggers(policy, observations):
        rolls_back = firing.variant == CANARY and policy.rolls_back
        # One rollback takes the canary out; a second trigger of the same canary has nothing left to do.
        if rolls_back and firing.application in handled:
            continue
        if _roll_back(engine, firing, policy) if rolls_back else _open_incident(engine, firing, policy):
            acted.append(firing)
            handled.add(firing.application)
    return acted


def _observations(connection: sa.Connection, now: dt.datetime, policy: Policy) -> list[Observation]:
    """The live canary, else the stable release, of each application over each window of the policy.

    A release without requests in the longest window has none in the others, and no trigger fires on it: it is left out.
    """
    windows = sorted({trigger.window_min for trigger in policy.triggers}, reverse=True)
    quality_windows = {t.window_min for t in policy.triggers if t.metric == "avg_quality_score"}
    observations = []
    for table in routing_store.load(connection):
        target, variant = (table.stable, STABLE) if table.canary is None else (table.canary, CANARY)
        of_release: list[Observation] = []
        for window_min in windows:
            observation = observe(
                connection,
                application=table.application,
                release=target.release,
                variant=variant,
                now=now,
                window_min=window_min,
                with_quality=window_min in quality_windows,
            )
            # Windows are sorted from the longest, so the shorter ones are empty too.
            if not observation.requests:
                break
            of_release.insert(0, observation)
        observations += of_release
    return observations


def _roll_back(engine: sa.Engine, firing: Firing, policy: Policy) -> bool:
    try:
        roll_back(
            engine,
            actor=ACTOR,
            application=firing.application,
            reason=firing.sentence,
            trigger=firing.trigger.name,
            severity=firing.trigger.severity,
            canary=firing.release,
            steps=policy.steps,
        )
    except (Conflict, NotFound):
        # A user has promoted it or rolled it back since the measurement.
        return False
    return True


def _open_incident(engine: sa.Engine, firing: Firing, policy: Policy) -> bool:
    """Open an incident, if the policy has that action and no incident of this trigger is open."""
    if not policy.has("create_incident"):
        return False
    with writing(engine) as connection:
        # Several workers may watch: the lock prevents two incidents of one trigger.
        routing_store.lock(connection, firing.application)
        is_open = sa.select(incident_table.c.id).where(
            incident_table.c.application == firing.application,
            incident_table.c.trigger == firing.trigger.name,
            incident_table.c.state == "open",
        )
        if connection.execute(is_open).first() is not None:
            return False
        incidents.open_incident(
            connection,
            actor=ACTOR,
            application=firing.application,
            title=f"{firing.release}: {firing.sentence}",
            severity=firing.trigger.severity,
            trigger=firing.trigger.name,
            metrics={"window_min": firing.trigger.window_min, firing.variant: firing.observation.as_json()},
        )
    return True
