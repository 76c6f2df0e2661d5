"""Bytes of an uploaded file to text: byte order marks first, then UTF-8, then a guess from the odd bytes."""

from __future__ import annotations

import codecs
import re

from genaiops_core.errors import BadInput

_MARKS = (
    # UTF-32 LE starts with the mark of UTF-16 LE, so it is asked first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_GUESS_BYTES = 64_000
"""How much of the telling lines the guess looks at; more is slow and no surer."""

_AROUND_BYTES = 200
"""How much of a line is shown around its odd bytes."""

_ODD = re.compile(rb"[\x80-\xff]++")
_LONELY = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254", "mac_roman")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def decode(data: bytes, filename: str) -> str:
    """The text of `data`.

    Args:
        data: the whole file.
        filename: named in the error.

    Raises:
        BadInput: no encoding fits.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode(data, encoding, filename)
    wide = _unmarked_utf16(data[:4000])
    if wide:
        return _decode(data, wide, filename)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode(data, _guess(data), filename)


def storable(text: str) -> str:
    """`text` without the characters no database keeps: NUL and half surrogate pairs become U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def _decode(data: bytes, encoding: str, filename: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{filename} looks like {encoding} but byte {error.start} does not fit; save it again as UTF-8."
        ) from error


def _unmarked_utf16(head: bytes) -> str | None:
    """Text mostly below U+0100 in UTF-16 has a zero in every second byte."""
    if len(head) < 4 or b"\x00" not in head:
        return None
    half = len(head) // 2
    if head[1::2].count(0) > 0.7 * half and head[0::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if head[0::2].count(0) > 0.7 * half and head[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return None


def _guess(data: bytes) -> str:
    """The most likely one-byte or East Asian encoding; Windows-1252 where nothing is more likely.

    Only text around a byte above 127 says anything about the encoding, so only that is shown to the detector. Where
    those bytes stand mostly alone between plain ones, the script is Latin with accents, and the detector is kept from
    reading an accent with the letter after it as one Chinese character.
    """
    from charset_normalizer import from_bytes

    sample = _telling(data)
    odd = sum(byte > 127 for byte in sample)
    is_latin = 2 * len(_LONELY.findall(sample)) > odd
    matches = from_bytes(sample, cp_isolation=list(_LATIN)) if is_latin else from_bytes(sample)
    best = matches.best()
    if best is None:
        return "latin-1"
    # Western and Central European encodings share most letters; where they read alike the most used one wins.
    for match in matches:
        is_as_good = match.chaos <= best.chaos + 0.01 and match.coherence >= best.coherence - 0.03
        if is_as_good and "cp1252" in (match.encoding, *match.could_be_from_charset):
            return "cp1252"
    return best.encoding


def _telling(data: bytes) -> bytes:
    """Pieces of lines around odd bytes, up to `_GUESS_BYTES`."""
    pieces: list[bytes] = []
    size = at = 0
    while size < _GUESS_BYTES and (odd := _ODD.search(data, at)) is not None:
        begin = max(at, odd.start() - _AROUND_BYTES, data.rfind(b"\n", at, odd.start()) + 1)
        end = min(odd.end(), odd.start() + _GUESS_BYTES) + _AROUND_BYTES
        line_end = data.find(b"\n", odd.end(), end)
        end = line_end if line_end >= 0 else end
        pieces.append(data[begin:end])
        size += end - begin
        at = max(end, odd.start() + 1)
    return b"\n".join(pieces)
