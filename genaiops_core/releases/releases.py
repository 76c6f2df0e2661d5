"""Registers and reads releases. The manifest of a release never changes; only its state does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from db.tables.releases import release as release_table
from db.transaction import insert, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import Conflict, NotFound
from genaiops_core.releases import manifest
from genaiops_core.releases import prompts as prompt_versions
from genaiops_core.releases.states import Event, move
from genaiops_core.rows import build_record


@dataclass(frozen=True, kw_only=True)
class Release:
    """One version each of code, data, model and prompts, and how far it has come."""

    application: str
    release: str
    state: str  # one of db.tables.releases.RELEASE_STATES
    model: str
    prompts: tuple[dict[str, Any], ...]  # {"name": str, "version": int}, in the order of registration
    code_revision: str
    data_snapshot: str
    parameters: dict[str, Any]
    notes: str
    created_by: str
    created_at: dt.datetime

    @property
    def name(self) -> str:
        """How sentences and audit entries call it."""
        return f"{self.application}/{self.release}"

    def manifest(self) -> dict[str, Any]:
        """The part that never changes, as it stands in audit entries."""
        return {
            "model": self.model,
            "prompts": list(self.prompts),
            "code_revision": self.code_revision,
            "data_snapshot": self.data_snapshot,
            "parameters": self.parameters,
            "notes": self.notes,
        }


def create(
    engine: sa.Engine,
    *,
    actor: str,
    application: str,
    release: str,
    model: str = "",
    prompts: Sequence[str] = (),
    code_revision: str = "",
    data_snapshot: str = "",
    parameters: Mapping[str, Any] | None = None,
    notes: str = "",
    reason: str = "",
) -> Release:
    """Register a release as candidate.

    Args:
        engine: where to write.
        actor: the author; the same person cannot approve it later.
        application: the OpenTelemetry service name of the system.
        release: name of this version, unique within the application, as its spans will carry it.
        model: model identifier the application is told to call; '' when the release does not choose one.
        prompts: texts `NAME@VERSION` of prompt versions that exist.
        code_revision: for example a Git commit.
        data_snapshot: for example the name of an index snapshot.
        parameters: plain JSON handed to the application as it is.
        notes: free text for people.
        reason: why, for the audit log.

    Raises:
        BadInput: a name cannot be used.
        NotFound: a prompt version does not exist.
        Conflict: the release exists already.
    """
    candidate = Release(
        application=manifest.name(application, "application"),
        release=manifest.name(release, "release"),
        state="candidate",
        model=manifest.optional_name(model, "model", longest=manifest.MAX_MODEL_LENGTH),
        prompts=tuple({"name": n, "version": v} for n, v in manifest.prompt_references(prompts)),
        code_revision=manifest.optional_name(code_revision, "code revision"),
        data_snapshot=manifest.optional_name(data_snapshot, "data snapshot"),
        parameters=manifest.parameters(parameters),
        notes=manifest.free_text(notes, "notes"),
        created_by=actor.strip(),
        created_at=now(),
    )
    reason = manifest.free_text(reason, "reason")
    with writing(engine) as connection:
        references = [(prompt["name"], prompt["version"]) for prompt in candidate.prompts]
        prompt_versions.resolve(connection, candidate.application, references)
        # JSON has no tuples.
        values = {**vars(candidate), "prompts": list(candidate.prompts)}
        # Insert first: two creations at once cannot both find that the release is missing.
        inserted = connection.execute(
            insert(connection, release_table)
            .values(**values)
            .on_conflict_do_nothing()
            .returning(release_table.c.release)
        ).first()
        if inserted is None:
            _refuse_again(candidate, get_release(connection, candidate.application, candidate.release))
        audit.record(
            connection,
            actor=actor,
            action="release.create",
            application=candidate.application,
            subject=candidate.name,
            reason=reason,
            after={"state": candidate.state, **candidate.manifest()},
        )
    return candidate


def list_releases(
    connection: sa.Connection, application: str | None = None, state: str | None = None
) -> list[Release]:
    """Newest first; None for any application or state."""
    query = sa.select(release_table).order_by(release_table.c.created_at.desc(), release_table.c.release)
    if application:
        query = query.where(release_table.c.application == application)
    if state:
        query = query.where(release_table.c.state == state)
    return [_from_row(row) for row in connection.execute(query)]


def get_release(
    connection: sa.Connection, application: str, release: str, *, for_update: bool = False
) -> Release:
    """One release; `for_update` locks it until the transaction ends.

    Raises:
        NotFound: there is no such release; the message lists existing ones.
    """
    query = sa.select(release_table).where(
        release_table.c.application == application, release_table.c.release == release
    )
    row = connection.execute(query.with_for_update() if for_update else query).first()
    if row is None:
        known = [known.release for known in list_releases(connection, application)[:5]]
        raise NotFound(
            f"{application} has no release '{release}'; "
            + (f"it has {', '.join(known)}." if known else "no release is registered for it.")
        )
    return _from_row(row)


def advance(connection: sa.Connection, release: Release, event: Event) -> Release:
    """Write the state of `release` (read for update) after `event`; the caller writes the audit entry.

    Raises:
        Conflict: its state does not allow the event.
    """
    moved = replace(release, state=move(release.state, event, name=release.name))
    connection.execute(
        sa.update(release_table)
        .where(release_table.c.application == release.application, release_table.c.release == release.release)
        .values(state=moved.state)
    )
    return moved


def _refuse_again(candidate: Release, existing: Release) -> None:
    if existing.manifest() == candidate.manifest():
        raise Conflict(
            f"{existing.name} is registered already, with the same content (state '{existing.state}'); "
            "nothing was changed."
        )
    raise Conflict(
        f"{existing.name} exists with other content, and a release never changes; "
        "register the new content under a new name."
    )


def _from_row(row: sa.Row[Any]) -> Release:
    return build_record(
        Release,
        row,
        prompts=tuple({"name": prompt["name"], "version": prompt["version"]} for prompt in row.prompts),
    )
