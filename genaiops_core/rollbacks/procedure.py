"""Rolls back: one transaction routes all traffic to the stable release and opens an incident."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from db.tables.rollouts import incident as incident_table
from db.tables.rollouts import rollback as rollback_table
from db.tables.rollouts import rollout as rollout_table
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.releases.manifest import free_text
from genaiops_core.releases.releases import Release, advance, get_release
from genaiops_core.releases.states import Event
from genaiops_core.rollbacks import incidents
from genaiops_core.rollbacks.observations import observe
from genaiops_core.rollbacks.policy import STEPS, Step
from genaiops_core.rollouts import rollouts, routing_store
from genaiops_core.rollouts.routing import RoutingTable
from genaiops_core.rows import build_record

MANUAL = "manual"
METRICS_WINDOW_MIN = 15
SHORTEST_REASON = 3

_LATER = {
    "validate_metrics_improved": "compare the stable release with these metrics after new traffic",
    "send_postmortem_template": "write down cause, effect and prevention, then resolve the incident",
}
"""Steps that need later traffic or a person; they stay pending on the incident."""


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """One completed rollback."""

    id: int
    application: str
    from_release: str
    to_release: str
    actor: str
    reason: str
    trigger: str  # 'manual' or the policy trigger's name
    routing_version: int
    metrics: dict[
        str, Any
    ]  # {"window_min": 15, "stable": {...}, "canary": {...}}, see observations.Observation
    at: dt.datetime
    incident_id: int | None
    steps: tuple[dict[str, Any], ...]  # {"step": str, "state": "done" | "pending", "detail": str}


def roll_back(
    engine: sa.Engine,
    *,
    actor: str,
    application: str,
    reason: str,
    trigger: str = MANUAL,
    severity: str = "high",
    canary: str | None = None,
    steps: Sequence[Step] = STEPS,
) -> Rollback:
    """Remove the live canary from traffic or, without a canary, restore the previous stable release.

    Args:
        engine: the database.
        actor: for the audit log.
        application: the application to route.
        reason: for the audit log, at least three characters.
        trigger: `manual`, or the name of the policy trigger that fired.
        severity: of the incident: low, medium, high or critical.
        canary: roll back only if this release is the live canary; None for any release.
        steps: the procedure, see `policy.Step`.

    Raises:
        BadInput: the reason is too short.
        NotFound: the application has no routing.
        Conflict: there is no release to restore, or `canary` is not the live canary.
    """
    reason = free_text(reason, "reason")
    if len(reason) < SHORTEST_REASON:
        raise BadInput(
            f"A reason of at least {SHORTEST_REASON} characters is required to roll back {application}."
        )
    metrics = _metrics(engine, application)
    with writing(engine) as connection:
        before = routing_store.lock(connection, application)
        if before is None:
            raise NotFound(f"No release of {application} takes traffic, so there is nothing to roll back.")
        # The canary may have been promoted since it was measured; its replacement must not be rolled back for it.
        if canary is not None and (before.canary is None or before.canary.release != canary):
            raise Conflict(f"{application}/{canary} is no longer the live canary; nothing was changed.")
        # All in one transaction under the routing lock: traffic never moves without its incident and audit entry.
        after, from_release = _withdraw(connection, before, failed=trigger != MANUAL)
        routing_store.save(connection, after)
        rollback_id = connection.execute(
            sa.insert(rollback_table)
            .values(
                application=application,
                from_release=from_release,
                to_release=after.stable.release,
                actor=actor.strip(),
                reason=reason,
                trigger=trigger,
                routing_version=after.version,
                metrics=metrics,
                at=now(),
            )
            .returning(rollback_table.c.id)
        ).scalar_one()
        audit.record(
            connection,
            actor=actor,
            action="rollback.execute",
            application=application,
            subject=f"{application}/{from_release}",
            reason=reason,
            before=routing_store.summary(before),
            after={**(routing_store.summary(after) or {}), "trigger": trigger},
        )
        incidents.open_incident(
            connection,
            actor=actor,
            application=application,
            title=f"{from_release} was rolled back to {after.stable.release}: {reason}",
            severity=severity,
            trigger=trigger,
            metrics=metrics,
            steps=[_step(step, from_release=from_release, to_release=after.stable.release) for step in steps],
            rollback_id=rollback_id,
        )
        return list_rollbacks(connection, application)[0]


def list_rollbacks(connection: sa.Connection, application: str | None = None) -> list[Rollback]:
    """Newest first; all, or those of one application."""
    incident = incident_table
    query = (
        sa.select(rollback_table, incident.c.id.label("incident_id"), incident.c.steps)
        .outerjoin(incident, incident.c.rollback_id == rollback_table.c.id)
        .order_by(rollback_table.c.id.desc())
    )
    if application:
        query = query.where(rollback_table.c.application == application)
    return [_from_row(row) for row in connection.execute(query)]


def _withdraw(connection: sa.Connection, table: RoutingTable, *, failed: bool) -> tuple[RoutingTable, str]:
    """The routing without its newest release, and that release's name; updates the states of releases and rollout."""
    application = table.application
    if table.canary is not None:
        from_release = table.canary.release
        live = rollouts.live_row(connection, application)
        rollouts.end(connection, live.id, state="rolled_back", verdict="failed" if failed else live.verdict)
        after = rollouts.without_canary(table)
        get_release(connection, application, after.stable.release)
    else:
        from_release = table.stable.release
        previous = _previous_stable(connection, application, from_release)
        advance(connection, previous, Event.RESTORE)
        after = replace(rollouts.without_canary(table), stable=routing_store.target_of(connection, previous))
        promoted = _promotion_of(connection, application, from_release)
        if promoted is not None:
            rollouts.end(connection, promoted.id, state="rolled_back", verdict=promoted.verdict)
    withdrawn = get_release(connection, application, from_release, for_update=True)
    advance(connection, withdrawn, Event.ROLL_BACK)
    return after, from_release


def _previous_stable(connection: sa.Connection, application: str, current: str) -> Release:
    """The release that `current` replaced, from the rollout that promoted it."""
    promoted = _promotion_of(connection, application, current)
    if promoted is None:
        raise Conflict(
            f"{application} has no canary and no previous stable release to restore; {current} is the only one."
        )
    return get_release(connection, application, promoted.stable, for_update=True)


def _promotion_of(connection: sa.Connection, application: str, release: str) -> sa.Row[Any] | None:
    return connection.execute(
        sa.select(rollout_table).where(
            rollout_table.c.application == application,
            rollout_table.c.canary == release,
            rollout_table.c.state == "promoted",
        )
    ).first()


def _metrics(engine: sa.Engine, application: str) -> dict[str, Any]:
    """Recent figures of the routed releases; read before the writing transaction, which must stay short."""
    with reading(engine) as connection:
        routing_tables = routing_store.load(connection, [application])
        if not routing_tables:
            return {}
        table, at = routing_tables[0], now()
        targets = {"stable": table.stable, "canary": table.canary}
        return {
            "window_min": METRICS_WINDOW_MIN,
            **{
                variant: observe(
                    connection,
                    application=application,
                    release=target.release,
                    variant=variant,
                    now=at,
                    window_min=METRICS_WINDOW_MIN,
                ).as_json()
                for variant, target in targets.items()
                if target is not None
            },
        }


def _step(step: Step, *, from_release: str, to_release: str) -> dict[str, str]:
    if step in _LATER:
        return {"step": step, "state": "pending", "detail": _LATER[step]}
    done = {
        "verify_previous_version_exists": f"{to_release} is registered",
        "stop_new_version_traffic": f"{from_release} takes 0 % of traffic",
        "route_100_percent_to_previous": f"{to_release} takes 100 % of traffic",
    }
    return {"step": step, "state": "done", "detail": done[step]}


def _from_row(row: sa.Row[Any]) -> Rollback:
    return build_record(Rollback, row, steps=tuple(row.steps or ()))
