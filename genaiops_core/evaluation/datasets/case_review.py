"""Review of generated cases: their metadata has `review: pending` until a reviewer accepts or rejects them."""

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
"""Metadata key of the review state of a generated case."""
PENDING = "pending"
ACCEPTED = "accepted"


def is_pending(case: Case) -> bool:
    """Whether a generated case awaits review."""
    return case.metadata.get(REVIEW) == PENDING


def accept_case(case: Case, actor: str) -> Case:
    """Mark a case as accepted by `actor`."""
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
    """Store the next version: accepted cases are no longer pending, rejected ones are removed.

    Args:
        engine: the database.
        actor: the reviewer.
        name: of the dataset.
        version: that was reviewed.
        accept: numbers of the pending cases to accept.
        reject: numbers of the pending cases to remove.
        reason: for the audit log.

    Raises:
        NotFound: the version does not exist.
        BadInput: there is no number, a number is in both lists, or a case is not pending.
    """
    if not accept and not reject:
        raise BadInput("Select at least one case to accept or reject.")
    if overlapping := sorted(set(accept) & set(reject)):
        raise BadInput(f"Case {overlapping[0]} cannot be both accepted and rejected.")
    with reading(engine) as connection:
        catalogue.get_version(connection, name, version)
        pending_cases = {
            number: case
            for number, case in catalogue.list_cases(connection, name, version)
            if is_pending(case)
        }
    if missing := sorted({*accept, *reject} - set(pending_cases)):
        raise BadInput(f"Case {missing[0]} of {name} version {version} is not pending review.")
    changed: dict[int, Case | None] = {number: accept_case(pending_cases[number], actor) for number in accept}
    # None removes a case; see `changes.edit_version`.
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
