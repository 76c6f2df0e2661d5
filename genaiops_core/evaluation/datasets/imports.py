"""From an uploaded file to test cases: a look at what would come of it, then the import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import sqlalchemy as sa

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.case import Case, build_cases
from genaiops_core.evaluation.datasets.versions import DatasetVersion, store_version, validate_name
from genaiops_core.evaluation.readers.columns import SAMPLE_ROWS, list_object_paths, resolve_mapping
from genaiops_core.evaluation.readers.tables import Problem, Table
from genaiops_core.evaluation.readers.uploads import read_table

PREVIEW_CASES = 20
_HEAD_ROWS = 6
PREVIEW_ROWS = 5_000
"""Rows a look reads: enough to see what is wrong with a file, and quick however large it is."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an import of a file would do; nothing is stored."""

    columns: tuple[str, ...]
    """All columns of the file."""
    paths: tuple[str, ...]
    """Paths into columns of objects, such as `outputs.answer`; they can be mapped like columns."""
    mapping: dict[str, str]
    """Field -> column; without `input` nothing can be imported."""
    head: tuple[tuple[Any, ...], ...]
    """The first rows as they stand in the file, for choosing columns."""
    cases: tuple[Case, ...]
    """The first cases."""
    problems: tuple[Problem, ...]
    accepted: int
    rejected: int
    is_partial: bool
    """Whether the file goes on behind what was looked at: then both counts, and the problems, are "at least"."""
    sheets: tuple[str, ...]
    """Sheets of a workbook that hold anything."""
    sheet: str
    """The one that was read."""


def preview_import(
    data: bytes,
    filename: str,
    mapping: Mapping[str, str] | None = None,
    *,
    sheet: str | None = None,
    limit: int = PREVIEW_CASES,
    max_rows: int | None = PREVIEW_ROWS,
) -> Preview:
    """Read the beginning of a file and show what its import would give.

    Args:
        data: the whole file.
        filename: its name; the ending tells the format.
        mapping: field -> column, over what the aliases recognise.
        sheet: of a workbook; None takes the first that looks like a dataset.
        limit: cases shown.
        most_rows: rows looked at; None for all.

    Raises:
        BadInput: nothing can be read, or the mapping names an unknown field or column.
    """
    table = read_table(data, filename, sheet=sheet, max_rows=max_rows)
    head = [row.cells for row in table.rows[:SAMPLE_ROWS]]
    resolved_mapping = resolve_mapping(table.columns, mapping, head)
    cases: tuple[Case, ...] = ()
    problems = (
        Problem(row=None, column="input", problem="no column was recognised as the input; choose one"),
        *table.problems,
    )
    accepted, rejected = 0, len(table.rows) + table.rejected
    if "input" in resolved_mapping:
        parsed = build_cases(table, resolved_mapping)
        cases, problems = tuple(parsed.cases[:limit]), tuple(parsed.problems)
        accepted, rejected = len(parsed.cases), parsed.rejected
    return Preview(
        columns=table.columns,
        paths=list_object_paths(table.columns, head),
        mapping=resolved_mapping,
        head=tuple(head[:_HEAD_ROWS]),
        cases=cases,
        problems=problems,
        accepted=accepted,
        rejected=rejected,
        is_partial=table.is_partial,
        sheets=table.sheets,
        sheet=table.sheet,
    )


def import_dataset(
    engine: sa.Engine,
    *,
    actor: str,
    name: str,
    data: bytes,
    filename: str,
    mapping: Mapping[str, str] | None = None,
    sheet: str | None = None,
    reason: str = "",
    is_demo: bool = False,
) -> DatasetVersion:
    """Import the readable rows of a file as the next version of dataset `name`.

    The same content imported again gives the version that is already there.

    Args:
        engine: the database.
        actor: who acts.
        name: of the dataset; made when there is none.
        data: the whole file.
        filename: its name; the ending tells the format.
        mapping: field -> column, over what the aliases recognise.
        sheet: of a workbook; None takes the first that looks like a dataset.
        reason: why, for the audit log.
        is_demo: whether it is no real data.

    Raises:
        BadInput: nothing can be read, or no column holds the input.
    """
    name = validate_name(name)
    table = read_table(data, filename, sheet=sheet)
    resolved_mapping = resolve_mapping(
        table.columns, mapping, [row.cells for row in table.rows[:SAMPLE_ROWS]]
    )
    if "input" not in resolved_mapping:
        raise BadInput(_describe_missing_input(table, filename))
    return store_version(
        engine,
        actor=actor,
        name=name,
        parsed=build_cases(table, resolved_mapping),
        columns=resolved_mapping,
        source=PurePath(filename).name,
        reason=reason,
        is_demo=is_demo,
    )


def _describe_missing_input(table: Table, filename: str) -> str:
    listed_columns = ", ".join(table.columns[:20]) + (", ..." if len(table.columns) > 20 else "")
    sheet_hint = f" It was read from sheet {table.sheet}." if len(table.sheets) > 1 else ""
    return f"No column of {filename} was recognised as the input; say --map input=COLUMN with one of: {listed_columns}.{sheet_hint}"
