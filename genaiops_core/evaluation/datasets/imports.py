"""Imports of uploaded files as test cases, with a preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import file_origins
from genaiops_core.evaluation.datasets.case import Case, build_cases
from genaiops_core.evaluation.datasets.reading_notes import describe_reading, list_unrecognised
from genaiops_core.evaluation.datasets.versions import (
    DatasetVersion,
    hash_cases,
    store_version,
    validate_name,
)
from genaiops_core.evaluation.readers.columns import SAMPLE_ROWS, list_object_paths, resolve_mapping
from genaiops_core.evaluation.readers.tables import Problem, Table
from genaiops_core.evaluation.readers.uploads import read_table

PREVIEW_CASES = 20
_HEAD_ROWS = 6
PREVIEW_ROWS = 5_000
"""Number of rows of a preview: enough to see the problems of a file, and fast for a file of any size."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The expected result of an import; nothing is stored."""

    columns: tuple[str, ...]
    """All columns of the file."""
    paths: tuple[str, ...]
    """Paths into columns of objects, such as `outputs.answer`; they can be mapped like columns."""
    mapping: dict[str, str]
    """Field -> column; an import requires `input`."""
    head: tuple[tuple[Any, ...], ...]
    """The first rows of the file, for choosing columns."""
    cases: tuple[Case, ...]
    """The first cases."""
    problems: tuple[Problem, ...]
    accepted: int
    rejected: int
    is_partial: bool
    """Whether the file has more rows than the preview read: then both counts and the problems are lower bounds."""
    sheets: tuple[str, ...]
    """Names of the sheets of a workbook that are not empty."""
    sheet: str
    """Name of the sheet that was read; '' for other files."""
    encoding: str = ""
    """Name of the encoding that the text was decoded from; '' for binary formats."""
    unrecognised: tuple[str, ...] = ()
    """Columns, and parts of columns of objects, that are no field; they are stored as metadata."""
    notes: tuple[str, ...] = ()
    """How the file was read, in sentences."""


def preview_import(
    data: bytes,
    filename: str,
    mapping: Mapping[str, str] | None = None,
    *,
    sheet: str | None = None,
    limit: int = PREVIEW_CASES,
    max_rows: int | None = PREVIEW_ROWS,
) -> Preview:
    """Read the beginning of a file and preview its import.

    Args:
        data: the whole file.
        filename: its extension indicates the format.
        mapping: field -> column; overrides the columns recognised by alias.
        sheet: name of the sheet of a workbook; None selects the first that resembles a dataset.
        limit: number of cases returned.
        max_rows: number of rows to read; None for all.

    Raises:
        BadInput: nothing can be read, or the mapping names an unknown field or column.
    """
    table = read_table(data, filename, sheet=sheet, max_rows=max_rows)
    # Preview and import sample the same rows, so both recognise the same columns.
    head = [row.cells for row in table.rows[:SAMPLE_ROWS]]
    resolved_mapping = _map_columns(table, mapping)
    cases: tuple[Case, ...] = ()
    problems = (
        Problem(row=None, column="input", problem="no column is recognised as the input; choose one"),
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
        encoding=table.encoding,
        unrecognised=list_unrecognised(table, resolved_mapping),
        notes=describe_reading(table, resolved_mapping),
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
    origin: str = "",
    is_named_by_file: bool = False,
    reason: str = "",
    is_demo: bool = False,
) -> DatasetVersion:
    """Import the readable rows of a file as the next version of dataset `name`.

    If a version with the same content exists, it is returned and nothing is stored.

    Args:
        engine: the database.
        actor: for the audit log.
        name: of the dataset; created if it does not exist.
        data: the whole file.
        filename: its extension indicates the format.
        mapping: field -> column; overrides the columns recognised by alias.
        sheet: name of the sheet of a workbook; None selects the first that resembles a dataset.
        origin: the file with its folders, as `file_origins.describe_origin` returns it; '' when they are unknown.
        is_named_by_file: whether `name` is that of the file: then a dataset with the files of another folder is left
            alone, and another name is chosen.
        reason: for the audit log.
        is_demo: whether the dataset belongs to the demo.

    Raises:
        BadInput: nothing can be read, or no column contains the input.
    """
    name = validate_name(name)
    table = read_table(data, filename, sheet=sheet)
    resolved_mapping = _map_columns(table, mapping)
    if "input" not in resolved_mapping:
        raise BadInput(_describe_missing_input(table, filename))
    parsed = build_cases(table, resolved_mapping)
    if is_named_by_file and origin:
        with reading(engine) as connection:
            name = file_origins.choose_name(connection, name, origin, hash_cases(parsed.cases))
    return store_version(
        engine,
        actor=actor,
        name=name,
        parsed=parsed,
        notes=describe_reading(table, resolved_mapping),
        columns=resolved_mapping,
        # Without the folders of the user's machine.
        source=origin or PurePath(filename).name,
        reason=reason,
        is_demo=is_demo,
    )


def _map_columns(table: Table, mapping: Mapping[str, str] | None) -> dict[str, str]:
    # The objects in the texts of an export are texts.
    sample = [] if table.is_export else [row.cells for row in table.rows[:SAMPLE_ROWS]]
    return resolve_mapping(table.columns, mapping, sample, table.hints)


def _describe_missing_input(table: Table, filename: str) -> str:
    listed_columns = ", ".join(table.columns[:20]) + (", ..." if len(table.columns) > 20 else "")
    sheet_hint = f" The sheet is {table.sheet}." if len(table.sheets) > 1 else ""
    return f"No column of {filename} is recognised as the input; use --map input=COLUMN with one of: {listed_columns}.{sheet_hint}"
