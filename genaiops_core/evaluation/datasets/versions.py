"""Versions of datasets: immutable, numbered, and identified by a hash of their content, which is stored once."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import sqlalchemy as sa

from db.tables.evaluations import dataset as dataset_table
from db.tables.evaluations import dataset_version, test_case
from db.transaction import insert, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.case import Case, Cases
from genaiops_core.evaluation.readers.tables import Problem
from genaiops_core.rows import build_record

MAX_NAME_LENGTH = 200
# Rows per statement, so that the rows of a large import are not all in memory twice.
_INSERT_ROWS = 500
_NOTE = "note"
"""Key of an entry of `dataset_version.problems` that is a note on the reading."""


@dataclass(frozen=True, kw_only=True)
class DatasetVersion:
    """One version of a dataset; its cases never change."""

    dataset: str
    version: int
    cases: int
    rejected: int
    columns: dict[str, str]
    """Field -> column of the imported file."""
    problems: tuple[Problem, ...]
    content_sha256: str
    source: str
    created_by: str
    created_at: dt.datetime
    notes: tuple[str, ...] = ()
    """How the file was read: its encoding, the columns that are no field."""
    is_new: bool = False
    """Whether the call created the version; False if a version with the same content exists."""


def validate_name(name: str) -> str:
    """Validate the name of a dataset and strip spaces around it.

    Raises:
        BadInput: the name is empty, too long or not printable.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise BadInput(f"The name of a dataset must be 1 to {MAX_NAME_LENGTH} printable characters.")
    return name


def hash_cases(cases: Sequence[Case]) -> str:
    """Hash the content of a version: all fields of all cases, in order."""
    digest = hashlib.sha256()
    for case in cases:
        # Sorted keys: the order of metadata columns in a file does not change the content.
        digest.update(orjson.dumps(case.as_json(), option=orjson.OPT_SORT_KEYS))
        digest.update(b"\n")
    return digest.hexdigest()


def store_version(
    engine: sa.Engine,
    *,
    actor: str,
    name: str,
    parsed: Cases,
    columns: Mapping[str, str],
    source: str,
    reason: str,
    is_demo: bool,
    notes: Sequence[str] = (),
    action: str = "dataset.import",
) -> DatasetVersion:
    """Store cases as the next version of `name`, or return the version with the same content.

    `action` is recorded in the audit log.

    Raises:
        BadInput: there is no case.
    """
    if not parsed.cases:
        first_problem = parsed.problems[0] if parsed.problems else None
        hint = (
            ""
            if first_problem is None
            else f" It {first_problem.problem}."
            if first_problem.row is None
            else f" Row {first_problem.row}: {first_problem.problem}."
        )
        raise BadInput(f"{source} has no readable case.{hint}")
    digest = hash_cases(parsed.cases)
    at = now()
    with writing(engine) as connection:
        connection.execute(
            insert(connection, dataset_table)
            .values(name=name, created_by=actor, created_at=at, is_demo=is_demo)
            .on_conflict_do_nothing()
        )
        # Concurrent imports would choose the same number, so they lock the row of the dataset first.
        connection.execute(sa.select(dataset_table).where(dataset_table.c.name == name).with_for_update())
        same_version = connection.execute(
            sa.select(dataset_version).where(
                dataset_version.c.dataset == name, dataset_version.c.content_sha256 == digest
            )
        ).first()
        if same_version is not None:
            # What the caller learns is about this file, which may have been read differently.
            return replace(build_version(same_version), notes=tuple(notes))
        newest = connection.execute(
            sa.select(sa.func.max(dataset_version.c.version)).where(dataset_version.c.dataset == name)
        ).scalar()
        stored = DatasetVersion(
            dataset=name,
            version=(newest or 0) + 1,
            cases=len(parsed.cases),
            rejected=parsed.rejected,
            columns=dict(columns),
            problems=tuple(parsed.problems),
            content_sha256=digest,
            source=source,
            created_by=actor,
            created_at=at,
            notes=tuple(notes),
            is_new=True,
        )
        _insert(connection, stored, parsed.cases)
        audit_entry = {
            "version": stored.version,
            "cases": stored.cases,
            "rejected": stored.rejected,
            "sha256": digest,
            "source": stored.source,
        }
        before = {"version": newest} if newest else None
        audit.record(
            connection,
            actor=actor,
            action=action,
            subject=name,
            reason=reason,
            before=before,
            after=audit_entry,
        )
        return stored


def build_version(row: sa.Row[Any]) -> DatasetVersion:
    """Build a version from a row of `dataset_version`."""
    problems = tuple(Problem(**problem) for problem in row.problems if _NOTE not in problem)
    notes = tuple(problem[_NOTE] for problem in row.problems if _NOTE in problem)
    return build_record(DatasetVersion, row, problems=problems, notes=notes, is_new=False)


def _insert(connection: sa.Connection, stored: DatasetVersion, cases: Sequence[Case]) -> None:
    connection.execute(
        sa.insert(dataset_version).values(
            dataset=stored.dataset,
            version=stored.version,
            content_sha256=stored.content_sha256,
            cases=stored.cases,
            rejected=stored.rejected,
            columns=stored.columns,
            problems=[
                *(problem.as_json() for problem in stored.problems),
                *({_NOTE: note} for note in stored.notes),
            ],
            source=stored.source,
            created_by=stored.created_by,
            created_at=stored.created_at,
        )
    )
    for start in range(0, len(cases), _INSERT_ROWS):
        rows = [
            # Case numbers have no gaps; `catalogue.list_cases` pages by them.
            {"dataset": stored.dataset, "version": stored.version, "case_no": start + i, **case.as_json()}
            for i, case in enumerate(cases[start : start + _INSERT_ROWS], start=1)
        ]
        connection.execute(sa.insert(test_case), rows)
