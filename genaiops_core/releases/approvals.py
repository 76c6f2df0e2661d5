"""Requests for approval and their decisions; neither author nor requester can approve."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.releases import approval as approval_table
from db.transaction import writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, NotAllowed
from genaiops_core.releases.manifest import free_text, is_same_person
from genaiops_core.releases.releases import Release, advance, get_release
from genaiops_core.releases.states import Event
from genaiops_core.rows import build_record


@dataclass(frozen=True, kw_only=True)
class Approval:
    """One request for approval, with its decision."""

    id: int
    application: str
    release: str
    state: str  # pending, approved or rejected
    requested_by: str
    requested_at: dt.datetime
    request_reason: str
    decided_by: str | None
    decided_at: dt.datetime | None
    decision_reason: str


def request(engine: sa.Engine, *, actor: str, application: str, release: str, reason: str = "") -> Approval:
    """Request approval of a candidate.

    Raises:
        NotFound: there is no such release.
        Conflict: it is not a candidate.
    """
    reason = free_text(reason, "reason")
    with writing(engine) as connection:
        before = get_release(connection, application, release, for_update=True)
        after = advance(connection, before, Event.REQUEST)
        connection.execute(
            sa.insert(approval_table).values(
                application=application,
                release=release,
                state="pending",
                requested_by=actor.strip(),
                requested_at=now(),
                request_reason=reason,
                decision_reason="",
            )
        )
        _record(connection, actor, "release.request-approval", before, after, reason)
        return history(connection, application, release)[0]


def approve(engine: sa.Engine, *, actor: str, application: str, release: str, reason: str = "") -> Approval:
    """Approve a pending release.

    Raises:
        NotFound: there is no such release.
        NotAllowed: the actor created the release or requested its approval.
        Conflict: it is not pending.
    """
    return _decide(engine, actor, application, release, reason, Event.APPROVE)


def reject(engine: sa.Engine, *, actor: str, application: str, release: str, reason: str) -> Approval:
    """Reject a pending release; its author may reject it too, to withdraw it.

    Raises:
        BadInput: there is no reason.
        NotFound: there is no such release.
        Conflict: it is not pending.
    """
    if not reason.strip():
        raise BadInput(f"A reason is required to reject {application}/{release}, for its author.")
    return _decide(engine, actor, application, release, reason, Event.REJECT)


def pending(connection: sa.Connection, application: str | None = None) -> list[Approval]:
    """Pending requests, oldest first."""
    query = sa.select(approval_table).where(approval_table.c.state == "pending").order_by(approval_table.c.id)
    if application:
        query = query.where(approval_table.c.application == application)
    return [build_record(Approval, row) for row in connection.execute(query)]


def history(connection: sa.Connection, application: str, release: str) -> list[Approval]:
    """All requests for one release, newest first."""
    query = (
        sa.select(approval_table)
        .where(approval_table.c.application == application, approval_table.c.release == release)
        .order_by(approval_table.c.id.desc())
    )
    return [build_record(Approval, row) for row in connection.execute(query)]


def why_not_approvable_by(actor: str, *, author: str, requested_by: str, name: str) -> str | None:
    """Why `actor` cannot approve the release `name`, or None when the actor can."""
    if is_same_person(actor, author):
        return f"{actor} created {name} and cannot approve it; ask another user."
    if is_same_person(actor, requested_by):
        return f"{actor} requested approval of {name} and cannot approve it; ask another user."
    return None


def _decide(
    engine: sa.Engine, actor: str, application: str, release: str, reason: str, event: Event
) -> Approval:
    reason = free_text(reason, "reason")
    with writing(engine) as connection:
        # The lock on the release serialises two decisions; the second one finds the state changed.
        before = get_release(connection, application, release, for_update=True)
        after = advance(connection, before, event)
        # The newest request is the pending one: the lock on the release prevents a newer one.
        approval = history(connection, application, release)[0]
        if event is Event.APPROVE:
            refusal = why_not_approvable_by(
                actor, author=before.created_by, requested_by=approval.requested_by, name=before.name
            )
            if refusal is not None:
                raise NotAllowed(refusal)
        connection.execute(
            sa.update(approval_table)
            .where(approval_table.c.id == approval.id)
            .values(
                state=after.state,
                decided_by=actor.strip(),
                decided_at=now(),
                decision_reason=reason,
            )
        )
        _record(connection, actor, f"release.{event.value}", before, after, reason)
        return history(connection, application, release)[0]


def _record(
    connection: sa.Connection, actor: str, action: str, before: Release, after: Release, reason: str
) -> None:
    audit.record(
        connection,
        actor=actor,
        action=action,
        application=before.application,
        subject=before.name,
        reason=reason,
        before={"state": before.state},
        after={"state": after.state},
    )
