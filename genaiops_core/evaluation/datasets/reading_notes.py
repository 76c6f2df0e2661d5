"""Describes how a file was read: its encoding, the columns that are no field, and the columns that became one list."""

from __future__ import annotations

from collections.abc import Mapping

from genaiops_core.evaluation.readers.columns import (
    SAMPLE_ROWS,
    find_column_field,
    find_source_column,
    list_object_paths,
)
from genaiops_core.evaluation.readers.tables import Table

_MAX_LISTED = 20
_SURE_ENCODINGS = frozenset(("UTF-8", "UTF-16", "UTF-32"))


def list_unrecognised(table: Table, mapping: Mapping[str, str]) -> tuple[str, ...]:
    """List the columns, and the parts of columns of objects, that are no field of a case."""
    used_columns = set(mapping.values())
    for column in mapping.values():
        used_columns.update(table.lists.get(column, ()))
    paths_by_column: dict[str, list[str]] = {}
    for path in list_object_paths(table.columns, [row.cells for row in table.rows[:SAMPLE_ROWS]]):
        paths_by_column.setdefault(find_source_column(path, table.columns), []).append(path)
    unrecognised: list[str] = []
    for column in table.columns:
        if column in used_columns or column in table.lists:
            continue
        paths = paths_by_column.get(column, [])
        if used_columns & set(paths):
            unrecognised += [path for path in paths if path not in used_columns]
        else:
            unrecognised.append(column)
    return tuple(unrecognised)


def describe_reading(table: Table, mapping: Mapping[str, str]) -> tuple[str, ...]:
    """Describe the reading of a file in sentences."""
    notes: list[str] = []
    if table.encoding:
        is_sure = table.encoding in _SURE_ENCODINGS
        hint = "" if is_sure else " The encoding is detected: check letters with accents and other scripts."
        notes.append(f"The text is read as {table.encoding}.{hint}")
    for column, parts in table.lists.items():
        if column in mapping.values():
            notes.append(f"The columns {_join(parts)} are read as one list.")
    unrecognised = list_unrecognised(table, mapping)
    for column in unrecognised:
        field = find_column_field(column)
        if field in mapping and field != "metadata" and table.hints.get(column) != "":
            notes.append(
                f"The column {column} also has a name of the field {field}; {mapping[field]} is used for it."
            )
    if unrecognised:
        notes.append(f"Not recognised as a field, stored as metadata: {_join(unrecognised)}.")
    return tuple(notes)


def _join(columns: tuple[str, ...]) -> str:
    listed = ", ".join(columns[:_MAX_LISTED])
    return listed + (f" and {len(columns) - _MAX_LISTED} more" if len(columns) > _MAX_LISTED else "")
