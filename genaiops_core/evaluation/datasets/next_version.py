"""The next version of a dataset from its newest, also while others add versions of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import Conflict, NotFound
from genaiops_core.evaluation.datasets import catalogue
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.versions import DatasetVersion, validate_name

_ATTEMPTS = 5


def load_newest_cases(connection: sa.Connection, dataset: str) -> tuple[DatasetVersion | None, list[Case]]:
    """The newest version of a dataset with its cases; (None, []) when there is no such dataset."""
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
    """Keep what `make` makes of the newest cases as the next version.

    Args:
        engine: the database.
        actor: who acts.
        name: of the dataset; made when there is none.
        make: gets the newest cases, returns all that the next version holds; called again when somebody else added a
            version in between.
        source: asked after `make`: where the version comes from.
        reason: why, for the audit log.
        action: how the audit log calls it.

    Returns:
        The version that holds them: the newest there was when `make` changed nothing, None when there is no dataset.

    Raises:
        Conflict: others change the dataset all the time.
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
        # Somebody else may have added a version in between, which this one does not build on.
        if not stored.is_new or stored.version == (newest.version if newest else 0) + 1:
            return stored
    raise Conflict(f"Dataset {name} is being changed by others all the time; try again.")
