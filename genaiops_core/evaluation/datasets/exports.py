"""Cases as files: JSON Lines, and CSV that no spreadsheet mistakes for formulas."""

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

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_cases(cases: Iterable[Mapping[str, Any]], format: str) -> Iterator[bytes]:
    """The lines of a file.

    Args:
        cases: as `datasets.export` gives them.
        format: one of `FORMATS`.

    Raises:
        BadInput: there is no such format.
    """
    if format == "jsonl":
        return (orjson.dumps(case) + b"\n" for case in cases)
    if format == "csv":
        return _write_csv(cases)
    raise BadInput(f"There is no format '{format}'; there are: {', '.join(FORMATS)}.")


def escape_formula(text: str) -> str:
    """`text` with an apostrophe before it where a spreadsheet would compute it.

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
