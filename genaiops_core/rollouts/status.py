"""The routing of each application and its rollouts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.rollouts import rollout as rollout_table
from genaiops_core.rollouts import routing_store
from genaiops_core.rollouts.routing import RoutingTable
from genaiops_core.rollouts.shares import step_of

LIVE = ("running", "paused")


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """The routing of an application: its stable release, its canary if a rollout is live, and the last rollout."""

    application: str
    stable: str
    canary: str | None  # None without a live rollout
    percent: float  # the canary's share of traffic, 0 to 100
    step: int  # number, from 1, of the highest step reached; 0 below the first
    steps: tuple[float, ...]
    state: str  # running, paused, promoted, rolled_back, or stable without any rollout
    verdict: str | None  # inconclusive; failed when the policy rolled back; None without a rollout
    release: str  # canary of the latest rollout; the stable release without any rollout
    version: int  # of the routing table; pass it to `set_canary` to detect a concurrent change
    started_by: str | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


def status(connection: sa.Connection, application: str | None = None) -> list[Rollout]:
    """The status of each application with routing, in order of name; of all, or of `application` if it has routing."""
    routing_tables = routing_store.load(connection, None if application is None else [application])
    latest = _latest_rows(connection, application)
    return [_fact(table, latest.get(table.application)) for table in routing_tables]


def history(connection: sa.Connection, application: str) -> list[dict[str, Any]]:
    """Every rollout of an application, newest first, as rows of the table `rollout`."""
    query = (
        sa.select(rollout_table)
        .where(rollout_table.c.application == application)
        .order_by(rollout_table.c.id.desc())
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def status_of(connection: sa.Connection, table: RoutingTable) -> Rollout:
    """The status of the application of `table`, in the transaction that writes it."""
    return _fact(table, _latest_rows(connection, table.application).get(table.application))


def live_row(connection: sa.Connection, application: str) -> sa.Row[Any]:
    """The row of the live rollout; the caller has locked a routing table with a canary."""
    query = sa.select(rollout_table).where(
        rollout_table.c.application == application, rollout_table.c.state.in_(LIVE)
    )
    return connection.execute(query).one()


def _latest_rows(connection: sa.Connection, application: str | None) -> dict[str, sa.Row[Any]]:
    """The newest rollout of each application."""
    newest = sa.select(sa.func.max(rollout_table.c.id)).group_by(rollout_table.c.application)
    if application is not None:
        newest = newest.where(rollout_table.c.application == application)
    rows = connection.execute(sa.select(rollout_table).where(rollout_table.c.id.in_(newest)))
    return {row.application: row for row in rows}


def _fact(table: RoutingTable, row: sa.Row[Any] | None) -> Rollout:
    stable = table.stable.release
    percent = table.canary_percent
    return Rollout(
        application=table.application,
        stable=stable,
        canary=None if table.canary is None else table.canary.release,
        percent=percent,
        step=0 if row is None else step_of(percent, row.steps),
        steps=() if row is None else tuple(row.steps),
        state="stable" if row is None else row.state,
        verdict=None if row is None else row.verdict,
        release=stable if row is None else row.canary,
        version=table.version,
        started_by=None if row is None else row.started_by,
        started_at=None if row is None else row.started_at,
        ended_at=None if row is None else row.ended_at,
    )
