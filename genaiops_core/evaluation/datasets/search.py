"""Cases of a dataset version by split, review and words: what grids and lists page through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import test_case
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.case_review import PENDING, REVIEW
from genaiops_core.evaluation.datasets.catalogue import case_of
from genaiops_core.evaluation.datasets.changes import SPLIT


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which cases are asked for; a field that is None asks for all."""

    split: str | None = None
    """A name of a split; '' for cases in none."""
    review: str | None = None
    """pending, accepted; '' for cases that need no review."""
    is_usable: bool = False
    """Whether cases that wait for review are left out."""
    words: str | None = None
    """Stand in input, answer or reference, in any case."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page of cases, and how many there are in all."""

    cases: tuple[tuple[int, Case], ...]
    """(case number, case) in the order of the dataset."""
    total: int


@dataclass(frozen=True, kw_only=True)
class Facets:
    """How the cases of a version fall: split or state of review -> cases; '' for none."""

    splits: dict[str, int]
    reviews: dict[str, int]


def find(
    connection: sa.Connection, name: str, version: int, wanted: Wanted, *, limit: int, offset: int = 0
) -> Found:
    """One page of the cases that are wanted."""
    wanted_cases = [*_of(name, version), *conditions(wanted)]
    total = connection.execute(
        sa.select(sa.func.count()).select_from(test_case).where(*wanted_cases)
    ).scalar()
    query = (
        sa.select(test_case).where(*wanted_cases).order_by(test_case.c.case_no).limit(limit).offset(offset)
    )
    cases = tuple((row.case_no, case_of(row)) for row in connection.execute(query))
    return Found(cases=cases, total=total or 0)


def numbers(connection: sa.Connection, name: str, version: int, wanted: Wanted) -> list[int]:
    """The numbers of all cases that are wanted."""
    query = sa.select(test_case.c.case_no).where(*_of(name, version), *conditions(wanted))
    return list(connection.execute(query.order_by(test_case.c.case_no)).scalars())


def facets(connection: sa.Connection, name: str, version: int) -> Facets:
    """How many cases are in which split, and in which state of review."""
    return Facets(
        splits=_counted(connection, name, version, SPLIT), reviews=_counted(connection, name, version, REVIEW)
    )


def _counted(connection: sa.Connection, name: str, version: int, key: str) -> dict[str, int]:
    said = _said(key).label("said")
    query = sa.select(said, sa.func.count().label("cases")).where(*_of(name, version)).group_by(said)
    return {row.said: row.cases for row in connection.execute(query.order_by(said))}


def _said(key: str) -> sa.ColumnElement[Any]:
    """A text in the metadata; '' where there is none."""
    return sa.func.coalesce(test_case.c.metadata[key].as_string(), "")


def _of(name: str, version: int) -> list[sa.ColumnElement[bool]]:
    return [test_case.c.dataset == name, test_case.c.version == version]


def conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """What `test_case` must fulfil to be wanted, within a version."""
    found: list[sa.ColumnElement[bool]] = []
    for key, value in ((SPLIT, wanted.split), (REVIEW, wanted.review)):
        if value is not None:
            found.append(_said(key) == value)
    if wanted.is_usable:
        found.append(_said(REVIEW) != PENDING)
    if wanted.words and wanted.words.strip():
        columns = (test_case.c.input, test_case.c.answer, test_case.c.reference)
        found.append(sa.or_(*[c.icontains(wanted.words.strip(), autoescape=True) for c in columns]))
    return found
