"""Chooses the sheet of a workbook to read: the requested one, or the first that resembles a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.columns import recognise_columns
from genaiops_core.evaluation.readers.headers import Record, find_header


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The name of a sheet and its first records, none of them blank."""

    name: str
    head: Sequence[Record]


def choose_sheet(sheets: Sequence[Sheet], requested: str | None, filename: str) -> str:
    """Choose the sheet to read and return its name.

    A sheet whose header names an input is preferred, then one whose header has any known name, then one with several
    columns. A cover sheet with a title and a date has none of these.

    Raises:
        BadInput: the requested sheet does not exist, or every sheet is empty.
    """
    filled_sheets = [sheet for sheet in sheets if sheet.head]
    if requested is not None:
        for sheet in filled_sheets:
            if sheet.name == requested:
                return requested
        names = ", ".join(sheet.name for sheet in filled_sheets)
        raise BadInput(f"{filename} has no sheet '{requested}' with rows; its sheets are: {names or 'none'}.")
    if not filled_sheets:
        raise BadInput(f"{filename} is empty: no sheet has a header and rows.")
    return max(filled_sheets, key=_rate_likeness).name  # the first one among equals


def _rate_likeness(sheet: Sheet) -> tuple[bool, int, bool]:
    records = [cells for _number, cells in sheet.head]
    header_position = find_header(records)
    if header_position is None:
        return False, 0, max(map(len, records)) > 1
    mapping = recognise_columns([str(cell) for cell in records[header_position] if cell is not None])
    return (
        "input" in mapping,
        len(mapping),
        len(records[header_position]) > 1 and len(records) > header_position + 1,
    )
