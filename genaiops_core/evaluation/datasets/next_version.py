"""Builds the next version of a dataset from its newest, with optimistic retries when others add versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import Conflict, NotFound
from genaiops_core.evaluation.datasets import catalogue
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.versions import DatasetVersion, validate_name

# Each attempt loses only to another writer, so more than a few failures mean sustained contention.
_ATTEMPTS = 5


def load_newest_cases(connection: sa.Connection, dataset: str) -> tuple[DatasetVersion | None, list[Case]]:
    """Load the newest version of a dataset and its cases; (None, []) if the dataset does not exist."""
    try:
        newest = catalogue.get_version(connection, dataset)
    except NotFound:
        return None, []
    return newest, [case for _, case in catalogue.list_cases(connection, dataset, newest.version)]


def add_next_version(
    engine: sa.Engine,
    *,
    actor: str,
    name: str,
    build_cases: Callable[[list[Case]], Sequence[Case]],
    describe_source: Callable[[], str],
    reason: str,
    action: str,
) -> DatasetVersion | None:
    """Store the result of `build_cases` as the next version.

    Args:
        engine: the database.
        actor: for the audit log.
        name: of the dataset; created if it does not exist.
        build_cases: gets the newest cases and returns all cases of the next version; called again when another
            version is added concurrently.
        describe_source: called after `build_cases`; returns the source that the version records.
        reason: for the audit log.
        action: recorded in the audit log.

    Returns:
        The new version; the newest version if nothing changed, None if the dataset does not exist.

    Raises:
        Conflict: the dataset changed during every attempt.
    """
    name = validate_name(name)
    for _ in range(_ATTEMPTS):
        with reading(engine) as connection:
            newest, newest_cases = load_newest_cases(connection, name)
        next_cases = list(build_cases(newest_cases))
        if next_cases == newest_cases:
            return newest
        stored = catalogue.add_cases(
            engine,
            actor=actor,
            name=name,
            cases=next_cases,
            source=describe_source(),
            reason=reason,
            action=action,
        )
        # A version added concurrently is not the base of this one; then the cases are built again on top of it.
        if not stored.is_new or stored.version == (newest.version if newest else 0) + 1:
            return stored
    raise Conflict(f"Dataset {name} was changed concurrently {_ATTEMPTS} times; try again.")
