"""Stores routing tables: one versioned row per application, with everything that routing needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from db.tables.rollouts import routing_table
from db.transaction import insert
from genaiops_core.clock import now
from genaiops_core.releases import prompts
from genaiops_core.releases.releases import Release
from genaiops_core.rollouts.routing import RoutingTable, Target


def target_of(connection: sa.Connection, release: Release) -> Target:
    """The parts of `release` that applications need, with the texts of its prompts."""
    references = [(prompt["name"], prompt["version"]) for prompt in release.prompts]
    return Target(
        release=release.release,
        model_id=release.model,
        prompts=tuple(
            {"name": version.name, "version": version.version, "text": version.text}
            for version in prompts.resolve(connection, release.application, references)
        ),
        parameters=release.parameters,
    )


def lock(connection: sa.Connection, application: str) -> RoutingTable | None:
    """The current table, locked until the transaction ends; None when the application has none yet.

    A row of version 0 is inserted first, so that two concurrent first rollouts also wait for each other.
    """
    connection.execute(
        insert(connection, routing_table)
        .values(application=application, version=0, document={}, updated_at=now())
        .on_conflict_do_nothing()
    )
    row = connection.execute(
        sa.select(routing_table).where(routing_table.c.application == application).with_for_update()
    ).one()
    return None if row.version == 0 else from_row(row)


def save(connection: sa.Connection, table: RoutingTable) -> None:
    """Write `table` to the row that `lock` has locked."""
    connection.execute(
        sa.update(routing_table)
        .where(routing_table.c.application == table.application)
        .values(version=table.version, document=to_document(table), updated_at=now())
    )


def load(connection: sa.Connection, applications: Iterable[str] | None = None) -> list[RoutingTable]:
    """The tables in order of application; all, or those of `applications`."""
    query = sa.select(routing_table).where(routing_table.c.version > 0).order_by(routing_table.c.application)
    if applications is not None:
        query = query.where(routing_table.c.application.in_(list(applications)))
    return [from_row(row) for row in connection.execute(query)]


def stamps(connection: sa.Connection) -> dict[str, tuple[int, dt.datetime]]:
    """Version and time of the last change of each table, which an API process reads four times a second.

    The time distinguishes tables of the same version, for example after the restore of a backup.
    """
    query = sa.select(routing_table.c.application, routing_table.c.version, routing_table.c.updated_at).where(
        routing_table.c.version > 0
    )
    return {row.application: (row.version, row.updated_at) for row in connection.execute(query)}


def to_document(table: RoutingTable) -> dict[str, Any]:
    """The table as JSON, without application and version, which have their own columns."""
    return {
        "stable": _target_document(table.stable),
        "canary": None if table.canary is None else _target_document(table.canary),
        "canary_percent": table.canary_percent,
        "salt": table.salt,
    }


def from_row(row: sa.Row[Any]) -> RoutingTable:
    """The inverse of `to_document`."""
    document = row.document
    return RoutingTable(
        application=row.application,
        version=row.version,
        stable=_target(document["stable"]),
        canary=None if document["canary"] is None else _target(document["canary"]),
        canary_percent=document["canary_percent"],
        salt=document["salt"],
    )


def summary(table: RoutingTable | None) -> dict[str, Any] | None:
    """The table for audit entries: releases and shares, without prompt texts."""
    if table is None:
        return None
    return {
        "version": table.version,
        "stable": table.stable.release,
        "canary": None if table.canary is None else table.canary.release,
        "canary_percent": table.canary_percent,
    }


def _target_document(target: Target) -> dict[str, Any]:
    # A list of prompts, not an object: JSONB does not keep the order of keys, and the first prompt is special.
    return {
        "release": target.release,
        "model_id": target.model_id,
        "prompts": [dict(prompt) for prompt in target.prompts],
        "parameters": dict(target.parameters),
    }


def _target(document: dict[str, Any]) -> Target:
    return Target(
        release=document["release"],
        model_id=document["model_id"],
        prompts=tuple(document["prompts"]),
        parameters=document["parameters"],
    )
