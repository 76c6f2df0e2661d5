"""Start a rollout, move its canary share, pause, resume and promote it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from db.tables.rollouts import rollout as rollout_table
from db.transaction import writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import Conflict, NotFound
from genaiops_core.releases import manifest
from genaiops_core.releases.releases import advance, get_release
from genaiops_core.releases.states import Event
from genaiops_core.rollouts import routing_store
from genaiops_core.rollouts.routing import RoutingTable
from genaiops_core.rollouts.shares import check_percent, check_steps, step_of
from genaiops_core.rollouts.status import Rollout, history, live_row, status, status_of

__all__ = [
    "Rollout",
    "end",
    "history",
    "live_row",
    "pause",
    "promote",
    "resume",
    "set_canary",
    "start",
    "status",
    "without_canary",
]


def start(
    engine: sa.Engine,
    *,
    actor: str,
    application: str,
    release: str,
    percent: float | None = None,
    steps: Sequence[float] | None = None,
    reason: str = "",
) -> Rollout:
    """Send part of the traffic to an approved release.

    The first release of an application becomes stable at once, because there is no release to compare it with.

    Args:
        engine: the database.
        actor: for the audit log.
        application: the application to route.
        release: an approved release.
        percent: the canary's first share; None for the first step.
        steps: increasing shares of the canary; None for 1, 5, 25, 50, 100.
        reason: for the audit log.

    Raises:
        BadInput: a share is invalid.
        NotFound: there is no such release.
        Conflict: the release is not approved, or another rollout is live.
    """
    chosen_steps = check_steps(steps)
    share = check_percent(chosen_steps[0] if percent is None else percent)
    reason = manifest.free_text(reason, "reason")
    with writing(engine) as connection:
        # The routing table first, then releases: every change takes its locks in this order, so none can deadlock.
        before = routing_store.lock(connection, application)
        candidate = get_release(connection, application, release, for_update=True)
        if before is None:
            advance(connection, candidate, Event.ADOPT)
            after = RoutingTable(
                application=application, version=1, stable=routing_store.target_of(connection, candidate)
            )
        else:
            if before.canary is not None:
                raise Conflict(
                    f"A rollout of {application} is live already (canary {before.canary.release}); "
                    "promote it or roll it back first."
                )
            advance(connection, candidate, Event.START)
            after = replace(
                before,
                version=before.version + 1,
                canary=routing_store.target_of(connection, candidate),
                canary_percent=share,
                # Unique to this rollout: a release is rolled out only once.
                salt=f"{application}:{release}",
            )
            _insert(connection, actor, after, chosen_steps)
        routing_store.save(connection, after)
        _record(connection, actor, "rollout.start", release, reason, before, after)
        return status_of(connection, after)


def set_canary(
    engine: sa.Engine,
    *,
    actor: str,
    application: str,
    percent: float,
    reason: str = "",
    expected_version: int | None = None,
) -> Rollout:
    """Move the canary's share of traffic.

    Args:
        engine: the database.
        actor: for the audit log.
        application: the application with the rollout.
        percent: 0 to 100 in steps of 0.01.
        reason: for the audit log.
        expected_version: the routing version that the actor saw; None to skip the check.

    Raises:
        BadInput: the share is invalid.
        NotFound: the application has no routing.
        Conflict: no rollout is live, it is paused and the share would grow, or another user has changed it.
    """
    share = check_percent(percent)
    reason = manifest.free_text(reason, "reason")
    with writing(engine) as connection:
        before = _lock_live(connection, application)
        live = live_row(connection, application)
        if expected_version is not None and expected_version != before.version:
            raise Conflict(
                f"The routing of {application} has changed (canary at {before.canary_percent:g} %); "
                "reload it, then decide."
            )
        if live.state == "paused" and share > before.canary_percent:
            raise Conflict(
                f"The rollout of {application} is paused, so its share can only decrease; "
                "resume it to increase the share."
            )
        after = replace(before, version=before.version + 1, canary_percent=share)
        routing_store.save(connection, after)
        _update(connection, live.id, percent=share, step=step_of(share, live.steps), stepped_at=now())
        _record(connection, actor, "rollout.set", live.canary, reason, before, after)
        return status_of(connection, after)


def pause(engine: sa.Engine, *, actor: str, application: str, reason: str = "") -> Rollout:
    """Pause a rollout: the canary's share cannot grow until it is resumed.

    Raises:
        NotFound: the application has no routing.
        Conflict: no rollout is live, or it is paused already.
    """
    return _switch(engine, actor, application, reason, "rollout.pause", "running", "paused")


def resume(engine: sa.Engine, *, actor: str, application: str, reason: str = "") -> Rollout:
    """Resume a paused rollout.

    Raises:
        NotFound: the application has no routing.
        Conflict: no rollout is live, or it is not paused.
    """
    return _switch(engine, actor, application, reason, "rollout.resume", "paused", "running")


def promote(engine: sa.Engine, *, actor: str, application: str, reason: str = "") -> Rollout:
    """Make the canary the stable release for all users; the previous stable release is retired.

    Raises:
        NotFound: the application has no routing.
        Conflict: no rollout is live, or it is paused.
    """
    reason = manifest.free_text(reason, "reason")
    with writing(engine) as connection:
        before = _lock_live(connection, application)
        live = live_row(connection, application)
        if live.state == "paused":
            raise Conflict(f"The rollout of {application} is paused; resume it, then promote it.")
        # Two releases may be locked in any order, because only the holder of the routing table locks two.
        promoted = get_release(connection, application, live.canary, for_update=True)
        replaced = get_release(connection, application, live.stable, for_update=True)
        advance(connection, promoted, Event.PROMOTE)
        advance(connection, replaced, Event.REPLACE)
        after = replace(without_canary(before), stable=before.canary if before.canary else before.stable)
        routing_store.save(connection, after)
        end(connection, live.id, state="promoted", verdict=live.verdict)
        _record(connection, actor, "rollout.promote", live.canary, reason, before, after)
        return status_of(connection, after)


def without_canary(table: RoutingTable) -> RoutingTable:
    """The next version of `table`, with all traffic on its stable release."""
    return replace(table, version=table.version + 1, canary=None, canary_percent=0.0, salt="")


def end(connection: sa.Connection, rollout_id: int, *, state: str, verdict: str) -> None:
    """End a rollout; the caller has locked the routing table and writes the audit entry."""
    _update(connection, rollout_id, state=state, verdict=verdict, ended_at=now())


def _switch(
    engine: sa.Engine, actor: str, application: str, reason: str, action: str, from_state: str, to_state: str
) -> Rollout:
    reason = manifest.free_text(reason, "reason")
    with writing(engine) as connection:
        table = _lock_live(connection, application)
        live = live_row(connection, application)
        if live.state != from_state:
            raise Conflict(
                f"The rollout of {application} is {live.state}, not {from_state}; nothing was changed."
            )
        _update(connection, live.id, state=to_state)
        audit.record(
            connection,
            actor=actor,
            action=action,
            application=application,
            subject=f"{application}/{live.canary}",
            reason=reason,
            before={"state": from_state},
            after={"state": to_state},
        )
        return status_of(connection, table)


def _lock_live(connection: sa.Connection, application: str) -> RoutingTable:
    table = routing_store.lock(connection, application)
    if table is None:
        raise NotFound(
            f"No release of {application} takes traffic yet; start a rollout of an approved release."
        )
    if table.canary is None:
        raise Conflict(
            f"No rollout of {application} is live; all its traffic goes to {table.stable.release}."
        )
    return table


def _insert(connection: sa.Connection, actor: str, table: RoutingTable, steps: Sequence[float]) -> None:
    assert table.canary is not None, "a rollout has a canary"
    at = now()
    connection.execute(
        sa.insert(rollout_table).values(
            application=table.application,
            stable=table.stable.release,
            canary=table.canary.release,
            percent=table.canary_percent,
            step=step_of(table.canary_percent, steps),
            steps=list(steps),
            state="running",
            verdict="inconclusive",
            started_by=actor.strip(),
            started_at=at,
            stepped_at=at,
        )
    )


def _update(connection: sa.Connection, rollout_id: int, **values: Any) -> None:
    connection.execute(sa.update(rollout_table).where(rollout_table.c.id == rollout_id).values(**values))


def _record(
    connection: sa.Connection,
    actor: str,
    action: str,
    release: str,
    reason: str,
    before: RoutingTable | None,
    after: RoutingTable,
) -> None:
    audit.record(
        connection,
        actor=actor,
        action=action,
        application=after.application,
        subject=f"{after.application}/{release}",
        reason=reason,
        before=routing_store.summary(before),
        after=routing_store.summary(after),
    )
