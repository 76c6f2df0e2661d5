"""Prompt texts, numbered from 1 by application and name; the same text is the same version."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.releases import prompt_version
from db.transaction import insert, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.releases import manifest
from genaiops_core.rows import build_record


@dataclass(frozen=True, kw_only=True)
class PromptVersion:
    """One version of one prompt; it never changes."""

    application: str
    name: str
    version: int
    text: str
    created_by: str
    created_at: dt.datetime


def add(
    engine: sa.Engine, *, actor: str, application: str, name: str, text: str, reason: str = ""
) -> PromptVersion:
    """Store `text` as the next version of a prompt; for a stored text return its version and change nothing.

    Raises:
        BadInput: a name is invalid, or the text is empty or too long.
    """
    application = manifest.name(application, "application")
    name = manifest.name(name, "prompt name")
    if not manifest.free_text(text, f"text of prompt '{name}'"):
        raise BadInput(f"The text of prompt '{name}' is empty.")
    reason = manifest.free_text(reason, "reason")
    digest = hashlib.sha256(text.encode()).hexdigest()
    with writing(engine) as connection:
        known = list_prompts(connection, application, name)
        for version in known:
            if version.text == text:
                return version
        added = PromptVersion(
            application=application,
            name=name,
            version=1 + max((version.version for version in known), default=0),
            text=text,
            created_by=actor,
            created_at=now(),
        )
        values = {**vars(added), "content_sha256": digest}
        # On PostgreSQL another writer may have taken this version number since it was read.
        inserted = connection.execute(
            insert(connection, prompt_version)
            .values(**values)
            .on_conflict_do_nothing()
            .returning(prompt_version.c.version)
        ).first()
        if inserted is None:
            raise Conflict(f"Another user has just added a version of prompt '{name}'; add yours again.")
        audit.record(
            connection,
            actor=actor,
            action="prompt.add",
            application=application,
            subject=f"{application}/{name}@{added.version}",
            reason=reason,
            after={"name": name, "version": added.version, "content_sha256": digest},
        )
    return added


def list_prompts(
    connection: sa.Connection, application: str | None = None, name: str | None = None
) -> list[PromptVersion]:
    """Versions by application and name, newest first within a name."""
    query = sa.select(prompt_version).order_by(
        prompt_version.c.application, prompt_version.c.name, prompt_version.c.version.desc()
    )
    if application:
        query = query.where(prompt_version.c.application == application)
    if name:
        query = query.where(prompt_version.c.name == name)
    return [build_record(PromptVersion, row) for row in connection.execute(query)]


def resolve(
    connection: sa.Connection, application: str, references: Sequence[tuple[str, int]]
) -> list[PromptVersion]:
    """The prompt versions of `references` (name, version), in the same order.

    Raises:
        NotFound: a version does not exist; the message lists the existing ones.
    """
    versions = []
    for name, number in references:
        known = list_prompts(connection, application, name)
        match = next((version for version in known if version.version == number), None)
        if match is None:
            have = ", ".join(f"{name}@{version.version}" for version in reversed(known))
            raise NotFound(
                f"{application} has no prompt version {name}@{number}; "
                + (f"it has {have}." if have else "add the prompt first, then register the release.")
            )
        versions.append(match)
    return versions
