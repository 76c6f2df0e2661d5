"""Compressed bodies: what clients send is read, and a bomb costs no memory."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from genaiops_core.api.bodies import TooLarge, UnsupportedEncoding, decompress
from genaiops_core.errors import BadInput

MB = 1 << 20
TEXT = b"spans and spans " * 1000


def bare_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("GZIP ", gzip.compress(TEXT, mtime=0)),
        ("gzip", gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", bare_deflate(TEXT)),
    ],
)
def test_every_encoding_is_read(encoding: str, sent: bytes) -> None:
    assert decompress(sent, encoding, MB) == TEXT


def test_a_long_body_within_the_limit_is_read_whole() -> None:
    long = bytes(20 * MB) + b"end"
    assert decompress(gzip.compress(long, 1), "gzip", 21 * MB) == long


def test_a_bomb_is_refused_without_being_kept() -> None:
    bomb = gzip.compress(bytes(200 * MB), 9)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="longer than 64 MB"):
            decompress(bomb, "gzip", 64 * MB)
        assert tracemalloc.get_traced_memory()[1] < 12 * MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "sent", [b"not gzip", gzip.compress(TEXT, mtime=0)[:-20], gzip.compress(TEXT, mtime=0)[:30]]
)
def test_damaged_bodies_are_refused(sent: bytes) -> None:
    with pytest.raises(BadInput, match="not complete gzip"):
        decompress(sent, "gzip", MB)


def test_other_encodings_are_named() -> None:
    with pytest.raises(UnsupportedEncoding, match="'br' is not supported"):
        decompress(TEXT, "br", MB)
