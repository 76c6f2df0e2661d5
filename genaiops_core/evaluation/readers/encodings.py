"""Decodes an uploaded file: by its byte order mark, else as UTF-8, else in a guessed encoding."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import NamedTuple

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.east_asian import guess_east_asian_encoding

_BYTE_ORDER_MARKS = (
    # The mark of UTF-32 LE starts with that of UTF-16 LE, so it is tried first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_HEAD_BYTES = 8_000
_GUESS_BYTES = 64_000
"""Maximum sample size for the guess; a larger one is slower and no more certain."""

_AROUND_BYTES = 200
"""Context sampled before and after non-ASCII bytes of a line."""

_NON_ASCII = re.compile(rb"[\x80-\xff]++")
_ISOLATED_NON_ASCII = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254")
_EAST_ASIAN = (
    *("big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jis_2004", "euc_jisx0213", "euc_jp", "euc_kr"),
    *("gb18030", "gb2312", "gbk", "hz", "johab", "shift_jis", "shift_jis_2004", "shift_jisx0213"),
)
_TURKISH = frozenset(b"\xf0\xfd\xfe\xd0\xdd\xde")
"""Letters of Turkish in cp1254, of Icelandic in cp1252."""
_ICELANDIC = frozenset(b"\xe6\xe1\xed\xc6")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class DecodedText(NamedTuple):
    """The text of a file, and what decoding lost; '' for nothing."""

    text: str
    problem: str = ""


def decode_text(data: bytes, filename: str) -> str:
    """Decode a file as `decode_file` does, without the problem.

    Args:
        data: the whole file.
        filename: named in the error.

    Raises:
        BadInput: no encoding fits.
    """
    return decode_file(data, filename).text


def decode_file(data: bytes, filename: str) -> DecodedText:
    """Decode a file; a few invalid bytes in UTF-8 are replaced rather than read in another encoding.

    Raises:
        BadInput: no encoding fits.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return DecodedText(_decode(data, encoding, filename))
    utf16_encoding = _detect_unmarked_utf16(data[:_HEAD_BYTES])
    if utf16_encoding:
        return DecodedText(_decode(data, utf16_encoding, filename))
    # The escape sequence with which ISO-2022-JP begins Japanese text.
    if b"\x1b$" in data[:_HEAD_BYTES]:
        return DecodedText(_decode(data, "iso2022_jp", filename))
    try:
        return DecodedText(data.decode("utf-8"))
    except UnicodeDecodeError:
        sample = _sample_non_ascii_lines(data)
    sequences = len(_UTF8_SEQUENCE.findall(sample))
    # Bytes outside valid sequences; a text in another encoding has hardly any valid sequences.
    broken = len(_NON_ASCII.findall(_UTF8_SEQUENCE.sub(b" ", sample)))
    if sequences > 10 * broken:
        text = data.decode("utf-8", "replace")
        return DecodedText(text, "is UTF-8 with invalid bytes; each was replaced by \ufffd")
    return DecodedText(_decode(data, _guess_encoding(sample), filename))


def replace_unstorable(text: str) -> str:
    """Replace the characters that databases reject (NUL and lone surrogates) by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def _decode(data: bytes, encoding: str, filename: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{filename} appears to be {encoding}, but byte {error.start} is invalid; save it again as UTF-8."
        ) from error


def _detect_unmarked_utf16(head: bytes) -> str | None:
    """Detect UTF-16 without a mark: spaces, delimiters and line ends have a zero byte, always on the same side."""
    if len(head) < 4 or b"\x00" not in head:
        return None
    high_zeros, low_zeros = head[1::2].count(0), head[0::2].count(0)
    encoding = "utf-16-le" if high_zeros > low_zeros else "utf-16-be"
    if (
        max(high_zeros, low_zeros) < 4 * min(high_zeros, low_zeros)
        or 100 * max(high_zeros, low_zeros) < len(head) // 2
    ):
        return None
    text = head[: len(head) // 2 * 2].decode(encoding, "ignore")
    unusual_characters = sum(
        unicodedata.category(character) in ("Cc", "Cn", "Co")
        for character in text
        if character not in "\t\r\n"
    )
    # Plain text with a few NUL bytes gives rare characters and no line end when it is decoded in pairs.
    return encoding if "\n" in text and 50 * unusual_characters <= len(text) else None


def _guess_encoding(sample: bytes) -> str:
    """Guess the most likely one-byte or East Asian encoding; Windows-1252 when nothing is more likely.

    When non-ASCII bytes are mostly isolated, the script is Latin with accents: the detector is limited to Latin
    encodings, because it may read an accent and the next letter as one Chinese character. Otherwise East Asian
    encodings are tried first by their most frequent characters, because the detector confuses them in short texts.
    """
    from charset_normalizer import from_bytes

    non_ascii_bytes = sum(byte > 127 for byte in sample)
    if 2 * len(_ISOLATED_NON_ASCII.findall(sample)) > non_ascii_bytes:
        # Mac Roman has accented letters where Windows-1252 has quotes and dashes, and few where Windows-1252 has letters.
        is_mac = sum(0x80 <= byte <= 0x9F for byte in sample) > sum(byte >= 0xC0 for byte in sample)
        matches = from_bytes(sample, cp_isolation=[*_LATIN, *(["mac_roman"] if is_mac else [])])
    else:
        east_asian_encoding = guess_east_asian_encoding(sample)
        if east_asian_encoding:
            return east_asian_encoding
        matches = from_bytes(sample, cp_exclusion=list(_EAST_ASIAN))
    best = matches.best()
    if best is None:
        # Latin-1 decodes any bytes, so the user sees the text and can judge it in the preview.
        return "latin-1"
    # Western and Central European encodings share most letters; among equal matches the most common one wins.
    for match in matches:
        is_as_good = match.chaos <= best.chaos + 0.01 and match.coherence >= best.coherence - 0.03
        if is_as_good and "cp1252" in (match.encoding, *match.could_be_from_charset):
            return "cp1254" if _TURKISH & set(sample) and not _ICELANDIC & set(sample) else "cp1252"
    return best.encoding


def _sample_non_ascii_lines(data: bytes) -> bytes:
    """Sample the pieces of lines around non-ASCII bytes, up to `_GUESS_BYTES`; only they depend on the encoding."""
    pieces: list[bytes] = []
    size = position = 0
    while size < _GUESS_BYTES and (non_ascii := _NON_ASCII.search(data, position)) is not None:
        begin = max(
            position, non_ascii.start() - _AROUND_BYTES, data.rfind(b"\n", position, non_ascii.start()) + 1
        )
        end = min(non_ascii.end(), non_ascii.start() + _GUESS_BYTES) + _AROUND_BYTES
        line_end = data.find(b"\n", non_ascii.end(), end)
        end = line_end if line_end >= 0 else end
        pieces.append(data[begin:end])
        size += end - begin
        position = max(end, non_ascii.start() + 1)
    return b"\n".join(pieces)
