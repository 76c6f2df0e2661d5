"""Reads invocation log entries from JSON lines, JSON documents and CloudWatch exports, compressed with gzip or not.

An entry that cannot be read becomes a problem with file and line; reading continues with the next entry.
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
    """One entry, or the problem that prevented reading it."""

    location: str  # file and line
    entry: LogEntry | None
    problem: str  # '' with an entry


def find_log_files(paths: Iterable[Path]) -> list[Path]:
    """List the log files of `paths`: files as they are, folders with all their log files, sorted by name.

    Folders leave out hidden files, the bodies that Bedrock stores beside its logs, and its permission check.

    Raises:
        BadInput: a path does not exist.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(file for file in path.rglob("*") if file.is_file() and is_log(file.as_posix()))
        elif path.is_file():
            files.append(path)
        else:
            raise BadInput(f"{path} does not exist.")
    return list(dict.fromkeys(files))


def is_log(name: str) -> bool:
    """Whether a file of a folder, or an S3 key, may contain log entries."""
    folder, _, file = name.rpartition("/")
    if not file or file.startswith(".") or file in _NO_LOGS:
        return False
    return not (folder.endswith("/data") or folder == "data") or not file.endswith(_BODY_ENDINGS)


def read_file(file: Path, *, application: str | None = None) -> Iterator[ReadResult]:
    """Read the entries of one file; memory use does not grow with the length of a JSON lines file."""
    try:
        with file.open("rb", buffering=0) as stream:
            yield from read_stream(stream, str(file), application=application)
    except OSError as error:
        yield ReadResult(str(file), None, f"it cannot be read: {error.strerror or error}")


def read_stream(stream: io.RawIOBase, name: str, *, application: str | None = None) -> Iterator[ReadResult]:
    """Read the entries of an open, unbuffered file or S3 object; see `read_file`."""
    buffered = io.BufferedReader(stream)
    is_gzip = buffered.peek(2)[:2] == _GZIP_MAGIC
    text = cast(IO[bytes], gzip.GzipFile(fileobj=buffered) if is_gzip else buffered)
    try:
        yield from _read_text(text, name, application)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield ReadResult(name, None, f"its gzip is damaged; entries after this point were not read: {error}")
    finally:
        # The caller closes the stream.
        buffered.detach()


def read_message(message: str, location: str, *, application: str | None = None) -> Iterator[ReadResult]:
    """Read the entries of one CloudWatch Logs message, normally one."""
    yield from _parse_line(message.encode(errors="replace"), location, application)


def _read_text(text: IO[bytes], name: str, application: str | None) -> Iterator[ReadResult]:
    number = 0
    while line := text.readline(MAX_LINE_BYTES + 1):
        number += 1
        location = f"{name}:{number}"
        if len(line) > MAX_LINE_BYTES:
            yield ReadResult(location, None, f"the line is longer than {MAX_LINE_BYTES >> 20} MB")
            # Skips the rest of the line in bounded pieces.
            while line and not line.endswith(b"\n"):
                line = text.readline(MAX_LINE_BYTES)
            continue
        # Some tools write a byte order mark.
        stripped = line.strip().removeprefix(b"\xef\xbb\xbf")
        if not stripped:
            continue
        if number == 1 and _is_document_start(stripped):
            yield from _read_document(stripped, text, name, application)
            return
        yield from _parse_line(stripped, location, application)


def _is_document_start(line: bytes) -> bool:
    """Whether the first line begins a JSON document of several lines."""
    if line[:1] not in (b"[", b"{"):
        return False
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        # A damaged line of a JSON lines file ends like an object.
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
        # Not a document: JSON lines, of which the first is damaged.
        for number, line in enumerate(document.splitlines(), 1):
            if line.strip():
                yield from _parse_line(line.strip(), f"{name}:{number}", application)
        return
    yield from _read_entries(value, name, application)


def _parse_line(line: bytes, location: str, application: str | None) -> Iterator[ReadResult]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        # CloudWatch exports to S3 put the time before each message.
        start = line.find(b"{")
        if start <= 0:
            yield ReadResult(location, None, f"it is not JSON: {error}")
            return
        try:
            value = orjson.loads(line[start:])
        except orjson.JSONDecodeError:
            yield ReadResult(location, None, f"it is not JSON: {error}")
            return
    yield from _read_entries(value, location, application)


def _read_entries(value: Any, location: str, application: str | None) -> Iterator[ReadResult]:
    """Read the entries in `value`: an entry, a list of entries, or a CloudWatch object around them."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _read_entries(item, f"{location}[{index}]", application)
        return
    if isinstance(value, dict) and "schemaType" not in value and "requestId" not in value:
        for name in _LISTS:
            if isinstance(value.get(name), list):
                yield from _read_entries(value[name], location, application)
                return
        if isinstance(value.get("message"), str):
            yield from _parse_line(value["message"].strip().encode(errors="replace"), location, application)
            return
    try:
        yield ReadResult(location, read_entry(value, application=application), "")
    except BadInput as error:
        yield ReadResult(location, None, str(error))
