"""Exports of cases: JSON Lines, and CSV without formula injection. An import returns the same cases."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.case import FIELDS
from genaiops_core.formulas import guard_formula

FORMATS = ("jsonl", "csv")


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


def _write_csv(cases: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    stream = io.StringIO()
    csv.writer(stream).writerow(FIELDS)
    # Quoted, because readers of delimited text drop the spaces before a cell without quotes.
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    for case in cases:
        writer.writerow([_format_cell(case[name]) for name in FIELDS])
        yield stream.getvalue().encode()
        stream.seek(0)
        stream.truncate()


def _format_cell(value: Any) -> str:
    if value is None or value == {}:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return guard_formula(text)
