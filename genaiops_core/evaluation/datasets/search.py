"""Search of the cases of a dataset version by split, review state and words, with pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import test_case
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.case_review import PENDING, REVIEW
from genaiops_core.evaluation.datasets.catalogue import build_case
from genaiops_core.evaluation.datasets.changes import SPLIT


@dataclass(frozen=True, kw_only=True)
class CaseFilter:
    """A filter on cases; a field that is None matches all cases."""

    split: str | None = None
    """Name of a split; '' matches cases without a split."""
    review: str | None = None
    """pending or accepted; '' matches cases that need no review."""
    is_usable: bool = False
    """Whether cases that are pending review are excluded."""
    words: str | None = None
    """A text in input, answer or reference, case-insensitive."""


@dataclass(frozen=True, kw_only=True)
class CasePage:
    """A page of cases, and the number of all matching cases."""

    cases: tuple[tuple[int, Case], ...]
    """(case number, case) in the order of the dataset."""
    total: int


@dataclass(frozen=True, kw_only=True)
class Facets:
    """Number of cases of a version by split and by review state; '' for none."""

    splits: dict[str, int]
    reviews: dict[str, int]


def find_cases(
    connection: sa.Connection,
    name: str,
    version: int,
    case_filter: CaseFilter,
    *,
    limit: int,
    offset: int = 0,
) -> CasePage:
    """Find one page of the matching cases."""
    conditions = [*_match_version(name, version), *build_conditions(case_filter)]
    total = connection.execute(sa.select(sa.func.count()).select_from(test_case).where(*conditions)).scalar()
    query = sa.select(test_case).where(*conditions).order_by(test_case.c.case_no).limit(limit).offset(offset)
    cases = tuple((row.case_no, build_case(row)) for row in connection.execute(query))
    return CasePage(cases=cases, total=total or 0)


def list_case_numbers(
    connection: sa.Connection, name: str, version: int, case_filter: CaseFilter
) -> list[int]:
    """List the numbers of all matching cases."""
    query = sa.select(test_case.c.case_no).where(
        *_match_version(name, version), *build_conditions(case_filter)
    )
    return list(connection.execute(query.order_by(test_case.c.case_no)).scalars())


def count_facets(connection: sa.Connection, name: str, version: int) -> Facets:
    """Count the cases by split and by review state."""
    return Facets(
        splits=_count_by_key(connection, name, version, SPLIT),
        reviews=_count_by_key(connection, name, version, REVIEW),
    )


def _count_by_key(connection: sa.Connection, name: str, version: int, key: str) -> dict[str, int]:
    text = _metadata_text(key).label("text")
    query = (
        sa.select(text, sa.func.count().label("cases")).where(*_match_version(name, version)).group_by(text)
    )
    return {row.text: row.cases for row in connection.execute(query.order_by(text))}


def _metadata_text(key: str) -> sa.ColumnElement[Any]:
    """Build the SQL expression of a text in the metadata; '' if it is missing."""
    return sa.func.coalesce(test_case.c.metadata[key].as_string(), "")


def _match_version(name: str, version: int) -> list[sa.ColumnElement[bool]]:
    return [test_case.c.dataset == name, test_case.c.version == version]


def build_conditions(case_filter: CaseFilter) -> list[sa.ColumnElement[bool]]:
    """Build the SQL conditions of a filter, within a version."""
    conditions: list[sa.ColumnElement[bool]] = []
    for key, value in ((SPLIT, case_filter.split), (REVIEW, case_filter.review)):
        if value is not None:
            conditions.append(_metadata_text(key) == value)
    if case_filter.is_usable:
        conditions.append(_metadata_text(REVIEW) != PENDING)
    if case_filter.words and case_filter.words.strip():
        columns = (test_case.c.input, test_case.c.answer, test_case.c.reference)
        # `autoescape`: % and _ in the words are text, not patterns.
        conditions.append(sa.or_(*[c.icontains(case_filter.words.strip(), autoescape=True) for c in columns]))
    return conditions
