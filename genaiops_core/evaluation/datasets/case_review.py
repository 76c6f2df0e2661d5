"""Generated cases wait for a person: their metadata says `review: pending` until they are accepted or rejected."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import catalogue, changes
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.versions import DatasetVersion

REVIEW = "review"
"""Metadata of a case that somebody has to look at."""
PENDING = "pending"
ACCEPTED = "accepted"


def is_pending(case: Case) -> bool:
    """Whether nobody has looked at a generated case yet."""
    return case.metadata.get(REVIEW) == PENDING


def accept_case(case: Case, actor: str) -> Case:
    """The case, looked at by `actor`."""
    return replace(case, metadata={**case.metadata, REVIEW: ACCEPTED, "reviewed_by": actor})


def review_cases(
    engine: sa.Engine,
    *,
    actor: str,
    name: str,
    version: int,
    accept: Collection[int] = (),
    reject: Collection[int] = (),
    reason: str = "",
) -> DatasetVersion:
    """The next version: accepted cases are no longer pending, rejected ones are left out.

    Args:
        engine: the database.
        actor: who looked at them.
        name: of the dataset.
        version: that was looked at.
        accept: numbers of pending cases that are good.
        reject: numbers of pending cases that are not.
        reason: why, for the audit log.

    Raises:
        NotFound: there is no such version.
        BadInput: no number is given, one is given twice, or one is of a case that does not wait for review.
    """
    if not accept and not reject:
        raise BadInput("Name at least one case to accept or reject.")
    if overlapping := sorted(set(accept) & set(reject)):
        raise BadInput(f"Case {overlapping[0]} cannot be accepted and rejected at once.")
    with reading(engine) as connection:
        catalogue.get_version(connection, name, version)
        pending_cases = {
            number: case
            for number, case in catalogue.list_cases(connection, name, version)
            if is_pending(case)
        }
    if missing := sorted({*accept, *reject} - set(pending_cases)):
        raise BadInput(f"Case {missing[0]} of {name} version {version} does not wait for review.")
    changed: dict[int, Case | None] = {number: accept_case(pending_cases[number], actor) for number in accept}
    changed |= dict.fromkeys(reject)
    return changes.edit_version(
        engine,
        actor=actor,
        name=name,
        version=version,
        changed=changed,
        reason=reason,
        action="dataset.review",
        source=f"review of version {version}: {len(accept)} accepted, {len(reject)} rejected",
    )
