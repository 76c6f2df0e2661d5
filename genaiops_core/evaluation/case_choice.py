"""Which cases of a dataset version a run is about: all of them, those of one split, or a sample."""

from __future__ import annotations

import sqlalchemy as sa

from genaiops_core.errors import BadInput
from genaiops_core.evaluation import case_search, parts
from genaiops_core.evaluation.case_search import Wanted
from genaiops_core.evaluation.versions import DatasetVersion


def available(connection: sa.Connection, suite: DatasetVersion, split: str) -> int:
    """How many cases a run could score.

    Args:
        connection: of the database.
        suite: the dataset version.
        split: one of its splits; '' means all cases.

    Raises:
        BadInput: it has no case in that split.
    """
    if not split:
        return suite.cases
    there = case_search.facets(connection, suite.dataset, suite.version).splits
    if not there.get(split):
        named = ", ".join(f"{name} ({count:,} cases)" for name, count in there.items() if name)
        raise BadInput(
            f"{suite.dataset} v{suite.version} has no case in the split '{split}'; "
            + (f"there are {named}." if named else "its cases name no split.")
        )
    return there[split]


def chosen(connection: sa.Connection, suite: DatasetVersion, split: str, size: int | None) -> list[int]:
    """The numbers of the cases that a run scores, at most `size` of them, the same ones every time."""
    if not split:
        return parts.sample(suite.dataset, suite.version, suite.cases, size)
    numbers = case_search.numbers(connection, suite.dataset, suite.version, Wanted(split=split))
    return parts.draw(suite.dataset, suite.version, numbers, size)
