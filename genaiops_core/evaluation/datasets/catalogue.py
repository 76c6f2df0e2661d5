"""Lists, reads and deletes datasets. A version is immutable; the same content is the same version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import dataset as dataset_table
from db.tables.evaluations import dataset_tag, dataset_version, test_case
from db.transaction import writing
from genaiops_core.access import audit
from genaiops_core.errors import Conflict, NotFound
from genaiops_core.evaluation.datasets.case import Case, Cases
from genaiops_core.evaluation.datasets.uses import list_uses
from genaiops_core.evaluation.datasets.versions import (
    DatasetVersion,
    build_version,
    store_version,
    validate_name,
)
from genaiops_core.rows import build_record


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset with its newest version."""

    dataset: str
    version: int
    versions: int
    cases: int
    source: str
    created_by: str
    created_at: dt.datetime
    is_demo: bool


def add_cases(
    engine: sa.Engine,
    *,
    actor: str,
    name: str,
    cases: Sequence[Case],
    source: str,
    reason: str = "",
    is_demo: bool = False,
    action: str = "dataset.import",
) -> DatasetVersion:
    """Store cases as the next version of dataset `name`; `action` is recorded in the audit log."""
    case_rows = Cases(cases=list(cases), problems=[], rejected=0)
    return store_version(
        engine,
        actor=actor,
        name=validate_name(name),
        parsed=case_rows,
        columns={},
        source=source,
        reason=reason,
        is_demo=is_demo,
        action=action,
    )


def list_datasets(connection: sa.Connection) -> list[Dataset]:
    """List all datasets by name, each with its newest version."""
    newest = (
        sa.select(
            dataset_version.c.dataset,
            sa.func.max(dataset_version.c.version).label("newest"),
            sa.func.count().label("versions"),
        )
        .group_by(dataset_version.c.dataset)
        .subquery()
    )
    query = (
        sa.select(dataset_version, newest.c.versions, dataset_table.c.is_demo)
        .join(
            newest,
            sa.and_(
                newest.c.dataset == dataset_version.c.dataset, newest.c.newest == dataset_version.c.version
            ),
        )
        .join(dataset_table, dataset_table.c.name == dataset_version.c.dataset)
        .order_by(dataset_version.c.dataset)
    )
    return [build_record(Dataset, row) for row in connection.execute(query)]


def list_versions(connection: sa.Connection, name: str) -> list[DatasetVersion]:
    """List the versions of a dataset, newest first.

    Raises:
        NotFound: the dataset does not exist.
    """
    query = sa.select(dataset_version).where(dataset_version.c.dataset == name)
    rows = [
        build_version(row) for row in connection.execute(query.order_by(dataset_version.c.version.desc()))
    ]
    if not rows:
        raise _unknown_dataset(connection, name)
    return rows


def get_version(connection: sa.Connection, name: str, version: int | None = None) -> DatasetVersion:
    """Read one version of a dataset; None means the newest.

    Raises:
        NotFound: the dataset or version does not exist.
    """
    query = sa.select(dataset_version).where(dataset_version.c.dataset == name)
    if version is not None:
        query = query.where(dataset_version.c.version == version)
    row = connection.execute(query.order_by(dataset_version.c.version.desc()).limit(1)).first()
    if row is None:
        if version is not None and connection.execute(sa.select(dataset_table).filter_by(name=name)).first():
            raise NotFound(f"Dataset {name} has no version {version}.")
        raise _unknown_dataset(connection, name)
    return build_version(row)


def list_cases(
    connection: sa.Connection, name: str, version: int, limit: int | None = None, offset: int = 0
) -> list[tuple[int, Case]]:
    """List (case number, case) in the order of the file."""
    query = (
        sa.select(test_case)
        .where(test_case.c.dataset == name, test_case.c.version == version)
        .order_by(test_case.c.case_no)
    )
    if limit is not None:
        query = query.limit(limit)
    if offset:
        # SQLite supports OFFSET only after LIMIT; the case numbers have no gaps, so they are compared instead.
        query = query.where(test_case.c.case_no > offset)
    return [(row.case_no, build_case(row)) for row in connection.execute(query)]


def list_texts(connection: sa.Connection, name: str, version: int) -> list[tuple[int, str, str | None]]:
    """List (case number, input, answer) in the order of the file, without the contexts, which are most of a case."""
    query = (
        sa.select(test_case.c.case_no, test_case.c.input, test_case.c.answer)
        .where(test_case.c.dataset == name, test_case.c.version == version)
        .order_by(test_case.c.case_no)
    )
    return [(row.case_no, row.input, row.answer) for row in connection.execute(query)]


def load_cases(connection: sa.Connection, name: str, version: int, numbers: Sequence[int]) -> dict[int, Case]:
    """Load the cases with these numbers; fewer than a thousand per call, one bound parameter each."""
    query = sa.select(test_case).where(
        test_case.c.dataset == name, test_case.c.version == version, test_case.c.case_no.in_(numbers)
    )
    return {row.case_no: build_case(row) for row in connection.execute(query)}


def export_cases(
    connection: sa.Connection, name: str, version: int | None = None
) -> Iterator[dict[str, Any]]:
    """Iterate over the cases as JSON objects: input, answer, contexts, reference, metadata."""
    dataset_version_row = get_version(connection, name, version)
    query = (
        sa.select(test_case)
        .where(test_case.c.dataset == name, test_case.c.version == dataset_version_row.version)
        .order_by(test_case.c.case_no)
        .execution_options(yield_per=500)
    )
    for row in connection.execute(query):
        yield build_case(row).as_json()


def delete_dataset(engine: sa.Engine, *, actor: str, name: str, reason: str = "") -> None:
    """Delete a dataset with all its versions.

    Raises:
        NotFound: the dataset does not exist.
        Conflict: the dataset has evaluations, whose results would lose their cases.
    """
    with writing(engine) as connection:
        versions = list_versions(connection, name)
        if list_uses(connection, name, limit=1):
            raise Conflict(
                f"Dataset {name} has evaluations, whose results would lose their cases; it cannot be deleted."
            )
        # The tables have no foreign keys, so nothing is deleted by cascade.
        for table in (test_case, dataset_tag, dataset_version):
            connection.execute(sa.delete(table).where(table.c.dataset == name))
        connection.execute(sa.delete(dataset_table).where(dataset_table.c.name == name))
        before = {"versions": len(versions), "cases": versions[0].cases}
        audit.record(
            connection, actor=actor, action="dataset.delete", subject=name, reason=reason, before=before
        )


def build_case(row: sa.Row[Any]) -> Case:
    """Build a case from a row of `test_case`."""
    return build_record(Case, row, contexts=None if row.contexts is None else tuple(row.contexts))


def _unknown_dataset(connection: sa.Connection, name: str) -> NotFound:
    names = connection.execute(
        sa.select(dataset_table.c.name).order_by(dataset_table.c.name).limit(10)
    ).scalars()
    known_names = ", ".join(names)
    return NotFound(
        f"Dataset '{name}' does not exist"
        + (f"; the datasets are: {known_names}." if known_names else "; import a dataset first.")
    )
