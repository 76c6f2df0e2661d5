"""Request bodies that may be compressed, with a limit that a small body cannot be blown up beyond."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from fastapi import Request

from genaiops_core.errors import BadInput, GenAIOpsError

_CHUNK_BYTES = 1 << 18
_SMALL_BYTES = 8 << 20
_GZIP = 16 + zlib.MAX_WBITS


class TooLarge(GenAIOpsError):
    """The body is longer than this server accepts; send smaller batches."""

    http_status = 413


class UnsupportedEncoding(GenAIOpsError):
    """The Content-Encoding is not supported."""

    http_status = 415


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The body as sent.

    Raises:
        TooLarge: it is longer than `limit_bytes`; the rest is not read.
    """
    chunks = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > limit_bytes:
            raise _too_large(limit_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def decompress(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """`body` without its Content-Encoding.

    Args:
        body: as sent.
        encoding: gzip, deflate, identity or ''.
        limit_bytes: the longest result. A body that inflates beyond it never takes more than a few MB of memory.

    Raises:
        TooLarge: the result would be longer.
        BadInput: the body is damaged.
        UnsupportedEncoding: `encoding` is another one.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise UnsupportedEncoding(f"Content-Encoding {encoding!r} is not supported; use gzip or deflate.")
    window = _deflate_window(body) if encoding == "deflate" else _GZIP
    try:
        return _inflate(body, window, limit_bytes)
    except zlib.error as error:
        raise BadInput(f"The body is not complete {encoding} data: {error}") from error


def _inflate(body: bytes, window: int, limit_bytes: int) -> bytes:
    chunks = []
    length = 0
    is_small = True
    for chunk in _chunks(body, window):
        length += len(chunk)
        if length > limit_bytes:
            raise _too_large(limit_bytes)
        if is_small and length <= _SMALL_BYTES:
            chunks.append(chunk)
        elif is_small:
            # Long bodies are measured first, so that a decompression bomb is never held in memory.
            is_small = False
            chunks.clear()
    return b"".join(chunks) if is_small else b"".join(_chunks(body, window))


def _chunks(body: bytes, window: int) -> Iterator[bytes]:
    rest = body
    while rest:  # gzip data may be several members, one after another
        decompressor = zlib.decompressobj(window)
        while not decompressor.eof:
            chunk = decompressor.decompress(rest, _CHUNK_BYTES)
            rest = decompressor.unconsumed_tail
            if chunk:
                yield chunk
            elif not rest and not decompressor.eof:
                raise zlib.error("it ends too early")
        rest = decompressor.unused_data


def _deflate_window(body: bytes) -> int:
    """HTTP's deflate is zlib data, but some clients send raw deflate data."""
    is_zlib = len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(
        f"The request is longer than {limit_bytes // 2**20} MB (GENAIOPS_MAX_REQUEST_MB); send smaller batches."
    )
