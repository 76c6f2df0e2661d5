"""Which cases of a dataset version a run is about: all that are reviewed, those of one split, or a sample."""

from __future__ import annotations

import sqlalchemy as sa

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import search
from genaiops_core.evaluation.datasets.search import Wanted
from genaiops_core.evaluation.datasets.versions import DatasetVersion
from genaiops_core.evaluation.runs import parts


def count_available(connection: sa.Connection, suite: DatasetVersion, split: str) -> int:
    """How many cases a run could score; generated ones that wait for review are none of them.

    Args:
        connection: of the database.
        suite: the dataset version.
        split: one of its splits; '' means all cases.

    Raises:
        BadInput: it has no case in that split, or all of them wait for review.
    """
    there = len(_fetch_usable_numbers(connection, suite, split))
    if there:
        return there
    facets = search.facets(connection, suite.dataset, suite.version)
    of_split = facets.splits.get(split, 0) if split else suite.cases
    if of_split:
        raise BadInput(
            f"All {of_split:,} cases of {suite.dataset} v{suite.version} wait for review; accept some first."
        )
    named = ", ".join(f"{name} ({count:,} cases)" for name, count in facets.splits.items() if name)
    raise BadInput(
        f"{suite.dataset} v{suite.version} has no case in the split '{split}'; "
        + (f"there are {named}." if named else "its cases name no split.")
    )


def select_cases(connection: sa.Connection, suite: DatasetVersion, split: str, size: int | None) -> list[int]:
    """The numbers of the cases that a run scores, at most `size` of them, the same ones every time."""
    return parts.sample_cases(suite.dataset, suite.version, _fetch_usable_numbers(connection, suite, split), size)


def filter_usable(split: str) -> Wanted:
    """The cases that a run may score: of one split or, with '', of all, without those that wait for review."""
    return Wanted(split=split or None, is_usable=True)


def _fetch_usable_numbers(connection: sa.Connection, suite: DatasetVersion, split: str) -> list[int]:
    return search.numbers(connection, suite.dataset, suite.version, filter_usable(split))
