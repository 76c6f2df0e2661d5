"""Which sheet of a workbook is the dataset: the one asked for, or the first that looks like one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.columns import recognise
from genaiops_core.evaluation.headers import Record, find_header


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A sheet by its name and its first records, none of them blank."""

    name: str
    head: Sequence[Record]


def choose(sheets: Sequence[Sheet], wanted: str | None, filename: str) -> str:
    """The name of the sheet to read.

    A sheet whose header names an input comes first, then one whose header names anything known, then one with several
    columns: a cover with a title and a date is neither.

    Raises:
        BadInput: the sheet asked for is not there, or no sheet holds anything.
    """
    filled = [sheet for sheet in sheets if sheet.head]
    if wanted is not None:
        for sheet in filled:
            if sheet.name == wanted:
                return wanted
        shown = ", ".join(sheet.name for sheet in filled)
        raise BadInput(f"{filename} has no sheet '{wanted}' with rows; it has: {shown or 'none'}.")
    if not filled:
        raise BadInput(f"{filename} is empty: no sheet has a header and rows.")
    return max(filled, key=_likeness).name  # the first of the best


def _likeness(sheet: Sheet) -> tuple[bool, int, bool]:
    records = [cells for _number, cells in sheet.head]
    at = find_header(records)
    if at is None:
        return False, 0, max(map(len, records)) > 1
    mapping = recognise([str(cell) for cell in records[at] if cell is not None])
    return "input" in mapping, len(mapping), len(records[at]) > 1 and len(records) > at + 1
