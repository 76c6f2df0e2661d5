"""Incidents: a problem of a release, with the figures of that time, until a user resolves it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.rollouts import incident as incident_table
from db.transaction import writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.releases.manifest import free_text
from genaiops_core.rows import build_record


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One incident. `rollback_id` is None when traffic was not moved."""

    id: int
    application: str
    rollback_id: int | None
    title: str
    severity: str  # low, medium, high or critical
    trigger: str  # 'manual' or the policy trigger's name
    metrics: dict[str, Any]
    steps: tuple[dict[str, Any], ...]  # {"step": str, "state": "done" | "pending", "detail": str}
    state: str  # open or resolved
    opened_by: str
    opened_at: dt.datetime
    resolved_by: str | None
    resolved_at: dt.datetime | None
    resolution: str


def open_incident(
    connection: sa.Connection,
    *,
    actor: str,
    application: str,
    title: str,
    severity: str,
    trigger: str,
    metrics: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]] = (),
    rollback_id: int | None = None,
) -> Incident:
    """Open an incident inside the caller's transaction, with its audit entry."""
    row = connection.execute(
        sa.insert(incident_table)
        .values(
            application=application,
            rollback_id=rollback_id,
            title=title,
            severity=severity,
            trigger=trigger,
            metrics=dict(metrics),
            steps=[dict(step) for step in steps],
            state="open",
            opened_by=actor.strip(),
            opened_at=now(),
            resolution="",
        )
        .returning(*incident_table.c)
    ).one()
    opened = _from_row(row)
    audit.record(
        connection,
        actor=actor,
        action="incident.open",
        application=application,
        subject=f"{application}/incident/{opened.id}",
        reason=title,
        after={"state": "open", "severity": severity, "trigger": trigger, "metrics": dict(metrics)},
    )
    return opened


def list_incidents(
    connection: sa.Connection, application: str | None = None, state: str | None = None
) -> list[Incident]:
    """Newest first; None for any application or state."""
    query = sa.select(incident_table).order_by(incident_table.c.id.desc())
    if application:
        query = query.where(incident_table.c.application == application)
    if state:
        query = query.where(incident_table.c.state == state)
    return [_from_row(row) for row in connection.execute(query)]


def resolve(engine: sa.Engine, *, actor: str, incident_id: int, reason: str) -> Incident:
    """Resolve an incident; `reason` is stored as its resolution.

    Raises:
        BadInput: there is no reason.
        NotFound: there is no such incident.
        Conflict: it is resolved already.
    """
    resolution = free_text(reason, "reason")
    if not resolution:
        raise BadInput(f"Enter how incident {incident_id} was resolved; a resolution is required.")
    with writing(engine) as connection:
        query = sa.select(incident_table).where(incident_table.c.id == incident_id)
        row = connection.execute(query.with_for_update()).first()
        if row is None:
            raise NotFound(
                f"There is no incident {incident_id}; list the incidents with `genaiops incident list`."
            )
        if row.state == "resolved":
            raise Conflict(
                f"Incident {incident_id} was resolved already by {row.resolved_by}; nothing was changed."
            )
        values = {
            "state": "resolved",
            "resolved_by": actor.strip(),
            "resolved_at": now(),
            "resolution": resolution,
        }
        connection.execute(
            sa.update(incident_table).where(incident_table.c.id == incident_id).values(**values)
        )
        audit.record(
            connection,
            actor=actor,
            action="incident.resolve",
            application=row.application,
            subject=f"{row.application}/incident/{incident_id}",
            reason=resolution,
            before={"state": "open"},
            after={"state": "resolved"},
        )
        return _from_row(connection.execute(query).one())


def _from_row(row: sa.Row[Any]) -> Incident:
    return build_record(Incident, row, steps=tuple(row.steps))
