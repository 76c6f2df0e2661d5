"""The file of a backup: a compressed stream of lines in chunks whose checksums form a chain.

Layout: `MAGIC`, then chunks of at most `CHUNK_BYTES`. A chunk is a 4-byte length, a SHA-256 digest and that many bytes of one
Zstandard stream; the digest covers the digest before it, the length and the bytes. The last chunk is empty, and nothing
follows it. A changed, missing, repeated, exchanged or additional byte therefore breaks the chain at its chunk.

Files of format 1 are the Zstandard stream alone, without checksums.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

import orjson
import zstandard

MAGIC = b"genaiops backup 2\n"
"""Differs in many bits from the first bytes of a Zstandard stream, so that damage never turns format 2 into format 1."""
CHUNK_BYTES = 1 << 20

_LENGTH = struct.Struct(">I")
_DIGEST_BYTES = hashlib.sha256().digest_size
_HEADER_BYTES = _LENGTH.size + _DIGEST_BYTES


class BackupError(ValueError):
    """The file or the target database cannot be used."""


class LineWriter(Protocol):
    """Writes one JSON value as a line."""

    def __call__(self, value: Any) -> None: ...


@contextmanager
def write_backup_file(file: Path) -> Iterator[LineWriter]:
    """Write lines to `file`, which appears, readable by its owner only, when all of them are on the disk."""
    partial = file.with_name(file.name + ".part")
    # A file left behind by a killed command may have other permissions.
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            chunks = _ChunkWriter(raw)
            with zstandard.ZstdCompressor(level=6).stream_writer(
                cast(IO[bytes], chunks), closefd=False
            ) as stream:

                def write_line(value: Any) -> None:
                    stream.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))

                yield write_line
            chunks.finish()
            raw.flush()
            os.fsync(raw.fileno())
        partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def detect_checksums(file: Path) -> bool:
    """Whether `file` is a backup with checksums; False for format 1.

    Raises:
        BackupError: the file is no backup.
    """
    with file.open("rb") as raw:
        start = raw.read(len(MAGIC))
    if start == MAGIC:
        return True
    if start.startswith(zstandard.FRAME_HEADER):
        return False
    raise BackupError(
        f"{file} is not a backup made by 'genaiops db backup', or its first {len(MAGIC)} bytes are damaged; "
        "use another copy of the backup."
    )


def verify_checksums(file: Path) -> None:
    """Read the whole of a file with checksums.

    Raises:
        BackupError: a byte differs from what was written; the sentence names the place.
    """
    with file.open("rb") as raw:
        for _chunk in _read_chunks(raw, file):
            pass


def read_lines(file: Path) -> Iterator[Any]:
    """The JSON values of a backup in either format; checksums are verified while reading."""
    has_checksums = detect_checksums(file)
    number = 0
    with file.open("rb") as raw:
        source = io.BufferedReader(_ChunkReader(_read_chunks(raw, file))) if has_checksums else raw
        stream = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
        try:
            for line in io.BufferedReader(stream):
                yield orjson.loads(line)
                number += 1
        except (zstandard.ZstdError, orjson.JSONDecodeError) as error:
            raise BackupError(
                f"{file} is damaged after line {number:,}: {error}. Use another copy of the backup."
            ) from error


class _ChunkWriter(io.RawIOBase):
    """Collects the compressed stream in chunks."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._pending = bytearray()
        self._digest = _chain_start()
        raw.write(MAGIC)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pending += data
        while len(self._pending) >= CHUNK_BYTES:
            self._write_chunk(bytes(self._pending[:CHUNK_BYTES]))
            del self._pending[:CHUNK_BYTES]
        return len(data)

    def finish(self) -> None:
        """Write the rest and the empty chunk that ends the file."""
        if self._pending:
            self._write_chunk(bytes(self._pending))
        self._write_chunk(b"")

    def _write_chunk(self, content: bytes) -> None:
        self._digest = _chain(self._digest, content)
        self._raw.write(_LENGTH.pack(len(content)) + self._digest + content)


class _ChunkReader(io.RawIOBase):
    """The contents of verified chunks as one stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._chunks, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _read_chunks(raw: BinaryIO, file: Path) -> Iterator[bytes]:
    """The contents of the chunks, each after its checksum was verified; the end of the file is verified too."""
    position = len(raw.read(len(MAGIC)))
    digest = _chain_start()
    number = 0
    while True:
        number += 1
        header = raw.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            raise _truncated(file, number, position + len(header))
        (length,) = _LENGTH.unpack_from(header)
        end = position + _HEADER_BYTES + length
        damaged = BackupError(
            f"{file} is damaged in part {number}, at byte {position:,} or later: its checksum does not match. "
            "Use another copy of the backup."
        )
        # Before anything of this size is read.
        if length > CHUNK_BYTES:
            raise damaged
        content = raw.read(length)
        digest = _chain(digest, content)
        if len(content) < length:
            raise _truncated(file, number, position + _HEADER_BYTES + len(content))
        if header[_LENGTH.size :] != digest:
            raise damaged
        position = end
        if not length:
            break
        yield content
    if raw.read(1):
        raise BackupError(
            f"{file} is damaged: the backup ends at byte {position:,}, but the file continues. "
            "Use another copy of the backup."
        )


def _truncated(file: Path, number: int, position: int) -> BackupError:
    return BackupError(
        f"{file} is damaged or truncated: it ends at byte {position:,}, within part {number}. Use another copy of the backup."
    )


def _chain_start() -> bytes:
    return hashlib.sha256(MAGIC).digest()


def _chain(digest: bytes, content: bytes) -> bytes:
    """The digest of a chunk; the length is covered because `content` is all that follows the fixed-size fields."""
    return hashlib.sha256(digest + _LENGTH.pack(len(content)) + content).digest()
