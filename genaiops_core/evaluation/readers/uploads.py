"""Reads an uploaded file into a table: CSV of any delimiter and encoding, TSV, JSON, JSONL, XLSX, XLS, ODS, Parquet."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.binaries import read_parquet, read_xls
from genaiops_core.evaluation.readers.delimited import read_delimited
from genaiops_core.evaluation.readers.encodings import decode_file
from genaiops_core.evaluation.readers.json_files import read_json, read_jsonl
from genaiops_core.evaluation.readers.opendocument import read_ods
from genaiops_core.evaluation.readers.own_exports import normalise_line_ends, restore_export
from genaiops_core.evaluation.readers.peers import arrange_layout
from genaiops_core.evaluation.readers.tables import MAX_FILE_BYTES, Problem, Row, Table
from genaiops_core.evaluation.readers.workbooks import read_workbook

__all__ = ["ACCEPTED", "Problem", "Row", "Table", "read_table"]

ACCEPTED = "CSV, TSV, JSON, JSONL, XLSX, XLS, ODS and Parquet"

_JSON_LINES = (".jsonl", ".ndjson", ".jl")
_DELIMITED = (".csv", ".tsv", ".tab", ".ssv", ".psv", ".txt", "")

_HEAD = 65_536

# Formats that are refused whatever the file name is: (first bytes, description).
_REFUSED_FORMATS = (
    (b"PARE", "an encrypted Parquet file"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89PNG", "an image"),
    (b"ARROW1", "an Arrow file"),
    (b"<!DOCTYPE html", "a web page"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
)
_EMPTY = re.compile(rb"[\x00\xef\xbb\xbf\xff\xfe \t\r\n]*+")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# An encrypted XLSX is an OLE file with a stream of this name.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read_table(data: bytes, filename: str, *, sheet: str | None = None, max_rows: int | None = None) -> Table:
    """Read a file in the format that its name and its first bytes indicate.

    Args:
        data: the whole file.
        filename: its extension selects the format, unless the first bytes identify another one.
        sheet: name of the sheet of a workbook; None selects the first that resembles a dataset.
        max_rows: number of rows to read, for a preview; None for all. `Table.is_partial` is set when there are more.

    Returns:
        The columns, the readable rows, and the problems of the others by row.

    Raises:
        BadInput: nothing can be read; the message names the accepted formats.
    """
    name = PurePath(filename).name or "the file"
    if _EMPTY.fullmatch(data):
        raise BadInput(f"{name} is empty.")
    if len(data) > MAX_FILE_BYTES:
        raise BadInput(
            f"{name} has {len(data) / 1e6:,.0f} MB; the maximum is {MAX_FILE_BYTES / 1e6:,.0f} MB. Split the file."
        )
    ending = PurePath(filename).suffix.lower()
    _refuse_other_formats(data, name, ending)
    table = _read_format(data, name, ending, sheet, max_rows)
    is_json = ending in (*_JSON_LINES, ".json") or data.startswith(b"PAR1")
    table = restore_export(table, is_guarded=not is_json)
    return table if table.is_export else arrange_layout(table if is_json else normalise_line_ends(table))


def _read_format(data: bytes, name: str, ending: str, sheet: str | None, max_rows: int | None) -> Table:
    # Content before extension: exported files are often renamed.
    if data.startswith(b"PAR1"):
        return read_parquet(data, name, max_rows)
    if data.startswith(_OLE):
        return read_xls(data, name, sheet, max_rows)
    if data.startswith(b"PK\x03\x04"):
        is_ods = ending == ".ods" or b"opendocument" in data[:200]
        read_sheet = read_ods if is_ods else read_workbook
        return read_sheet(data, name, sheet, max_rows)
    if ending == ".xlsx":
        raise BadInput(f"{name} is not an XLSX workbook (not a ZIP archive); save it again as XLSX.")
    decoded = decode_file(data, name)
    table = replace(_read_text(decoded.text, name, ending, max_rows), encoding=decoded.encoding)
    if decoded.problem:
        # First, because it concerns every cell of its lines.
        table.problems.insert(0, Problem(row=None, column="", problem=decoded.problem))
    return table


def _read_text(text: str, name: str, ending: str, max_rows: int | None) -> Table:
    if ending in _JSON_LINES:
        return _read_json_lines(text, name, max_rows)
    if ending == ".json":
        return read_json(text, name, max_rows)
    if ending in (".tsv", ".tab") and "\t" in text[:_HEAD].lstrip().partition("\n")[0]:
        return read_delimited(text, name, "\t", max_rows)
    if ending not in _DELIMITED:
        raise BadInput(f"{name} has the unsupported extension {ending}; use one of {ACCEPTED}.")
    return read_delimited(text, name, None, max_rows)


def _read_json_lines(text: str, name: str, max_rows: int | None) -> Table:
    """Read JSON Lines, or a whole JSON document with an extension of JSON Lines."""
    start = text[:_HEAD].lstrip()[:1]
    if start == "[":
        return read_json(text, name, max_rows)
    table = read_jsonl(text, name, max_rows)
    if not table.rows and start == "{":
        return read_json(text, name, max_rows)
    return table


def _refuse_other_formats(data: bytes, name: str, ending: str) -> None:
    for start, kind in _REFUSED_FORMATS:
        if data.startswith(start):
            raise BadInput(f"{name} is {kind}, which is not supported; use one of {ACCEPTED}.")
    if data.startswith(_OLE) and _ENCRYPTED in data:
        raise BadInput(f"{name} is encrypted; open it, remove the password and save it again as XLSX.")
    is_container = data.startswith((b"PK\x03\x04", b"PAR1", _OLE))
    if ending in (".xls", ".ods", ".parquet", ".pq", ".xlsm", ".xlsb") and not is_container:
        raise BadInput(f"{name} does not have the format of its extension {ending}; use one of {ACCEPTED}.")
