"""Exports of cases: JSON Lines, and CSV without formula injection."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.case import FIELDS

FORMATS = ("jsonl", "csv")

# Tab and carriage return too: spreadsheets skip them and then see a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_cases(cases: Iterable[Mapping[str, Any]], format: str) -> Iterator[bytes]:
    """Write cases as the lines of a file.

    Args:
        cases: as `datasets.export_cases` returns them.
        format: one of `FORMATS`.

    Raises:
        BadInput: the format does not exist.
    """
    if format == "jsonl":
        return (orjson.dumps(case) + b"\n" for case in cases)
    if format == "csv":
        return _write_csv(cases)
    raise BadInput(f"'{format}' is not a valid format; use one of {', '.join(FORMATS)}.")


def escape_formula(text: str) -> str:
    """Prefix a text with an apostrophe if a spreadsheet would compute it as a formula.

    Source:
        OWASP, CSV Injection.
    """
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def _write_csv(cases: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(FIELDS)
    for case in cases:
        writer.writerow([_format_cell(case[name]) for name in FIELDS])
        yield stream.getvalue().encode()
        stream.seek(0)
        stream.truncate()


def _format_cell(value: Any) -> str:
    if value is None or value == {}:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escape_formula(text)
