"""Reads invocation log entries from text as it is found: JSON lines, JSON documents, CloudWatch exports, gzip or not.

What cannot be read is one problem, named by file and line, and the rest goes on.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.ingest.invocation_entries import LogEntry, read_entry

MAX_LINE_BYTES = 64 << 20
"""A longer line is no log entry: Bedrock stores bodies of more than 100 KB elsewhere."""

MAX_DOCUMENT_BYTES = 512 << 20
"""Largest file that is one JSON document, unzipped; JSON lines may be of any length."""

_GZIP_MAGIC = b"\x1f\x8b"
_LISTS = ("events", "logEvents", "Records", "records")
_NO_LOGS = ("amazon-bedrock-logs-permission-check",)
_BODY_ENDINGS = (
    "_input.json.gz",
    "_output.json.gz",
    "_input.json",
    "_output.json",
    "_input.bin",
    "_output.bin",
)


class ReadResult(NamedTuple):
    """One entry, or why there is none."""

    where: str  # file and line
    entry: LogEntry | None
    problem: str  # '' with an entry


def find_log_files(paths: Iterable[Path]) -> list[Path]:
    """The log files that `paths` name: files as given, folders with all that is in them, in order of name.

    Left out of folders are hidden files, the bodies that Bedrock stores beside its logs, and its permission check.

    Raises:
        BadInput: a path does not exist.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if file.is_file() and is_log(file.as_posix()))
        elif path.is_file():
            found.append(path)
        else:
            raise BadInput(f"{path} does not exist.")
    return list(dict.fromkeys(found))


def is_log(name: str) -> bool:
    """Whether a file or S3 key found beside others may hold log entries."""
    folder, _, file = name.rpartition("/")
    if not file or file.startswith(".") or file in _NO_LOGS:
        return False
    return not (folder.endswith("/data") or folder == "data") or not file.endswith(_BODY_ENDINGS)


def read_file(file: Path, *, application: str | None = None) -> Iterator[ReadResult]:
    """The entries of one file, one after the other; memory does not grow with a file of JSON lines."""
    try:
        with file.open("rb", buffering=0) as stream:
            yield from read_stream(stream, str(file), application=application)
    except OSError as error:
        yield ReadResult(str(file), None, f"it cannot be read: {error.strerror or error}")


def read_stream(stream: io.RawIOBase, name: str, *, application: str | None = None) -> Iterator[ReadResult]:
    """The entries of an open file or S3 object, not buffered yet; see `read_file`."""
    buffered = io.BufferedReader(stream)
    is_gzip = buffered.peek(2)[:2] == _GZIP_MAGIC
    text = cast(IO[bytes], gzip.GzipFile(fileobj=buffered) if is_gzip else buffered)
    try:
        yield from _read_text(text, name, application)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield ReadResult(name, None, f"its gzip is damaged, so it was read to there only: {error}")
    finally:
        # Whoever opened the stream closes it.
        buffered.detach()


def read_message(message: str, where: str, *, application: str | None = None) -> Iterator[ReadResult]:
    """The entries of one CloudWatch Logs message, which is one entry as it is meant."""
    yield from _parse_line(message.encode(errors="replace"), where, application)


def _read_text(text: IO[bytes], name: str, application: str | None) -> Iterator[ReadResult]:
    number = 0
    while line := text.readline(MAX_LINE_BYTES + 1):
        number += 1
        where = f"{name}:{number}"
        if len(line) > MAX_LINE_BYTES:
            yield ReadResult(where, None, f"the line is longer than {MAX_LINE_BYTES >> 20} MB")
            while line and not line.endswith(b"\n"):
                line = text.readline(MAX_LINE_BYTES)
            continue
        stripped = line.strip().removeprefix(b"\xef\xbb\xbf")
        if not stripped:
            continue
        if number == 1 and _is_document_start(stripped):
            yield from _read_document(stripped, text, name, application)
            return
        yield from _parse_line(stripped, where, application)


def _is_document_start(line: bytes) -> bool:
    """Whether the first line is the beginning of a JSON document that goes on in the next."""
    if line[:1] not in (b"[", b"{"):
        return False
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        # A line of JSON lines that is broken ends as an object does.
        return line[:1] == b"[" or not line.endswith(b"}")
    return False


def _read_document(first: bytes, rest: IO[bytes], name: str, application: str | None) -> Iterator[ReadResult]:
    document = first + b"\n" + rest.read(MAX_DOCUMENT_BYTES + 1)
    if len(document) > MAX_DOCUMENT_BYTES:
        yield ReadResult(name, None, f"it is one JSON document of more than {MAX_DOCUMENT_BYTES >> 20} MB")
        return
    try:
        value = orjson.loads(document)
    except orjson.JSONDecodeError:
        # No document after all: lines, of which the first is broken.
        for number, line in enumerate(document.splitlines(), 1):
            if line.strip():
                yield from _parse_line(line.strip(), f"{name}:{number}", application)
        return
    yield from _read_entries(value, name, application)


def _parse_line(line: bytes, where: str, application: str | None) -> Iterator[ReadResult]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        # CloudWatch exports to S3 put the instant before each message.
        start = line.find(b"{")
        if start <= 0:
            yield ReadResult(where, None, f"it is not JSON: {error}")
            return
        try:
            value = orjson.loads(line[start:])
        except orjson.JSONDecodeError:
            yield ReadResult(where, None, f"it is not JSON: {error}")
            return
    yield from _read_entries(value, where, application)


def _read_entries(value: Any, where: str, application: str | None) -> Iterator[ReadResult]:
    """Entries inside `value`: itself, a list of them, or what CloudWatch wraps them in."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _read_entries(one, f"{where}[{index}]", application)
        return
    if isinstance(value, dict) and "schemaType" not in value and "requestId" not in value:
        for name in _LISTS:
            if isinstance(value.get(name), list):
                yield from _read_entries(value[name], where, application)
                return
        if isinstance(value.get("message"), str):
            yield from _parse_line(value["message"].strip().encode(errors="replace"), where, application)
            return
    try:
        yield ReadResult(where, read_entry(value, application=application), "")
    except BadInput as error:
        yield ReadResult(where, None, str(error))
