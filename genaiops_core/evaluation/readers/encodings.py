"""Decodes an uploaded file: by its byte order mark, else as UTF-8, else line by line, with a guessed encoding."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import NamedTuple

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.central_european import (
    CENTRAL_EUROPEAN,
    guess_central_european_encoding,
    is_decodable,
)
from genaiops_core.evaluation.readers.east_asian import guess_east_asian_encoding
from genaiops_core.evaluation.readers.encoding_names import name_encoding
from genaiops_core.evaluation.readers.line_encodings import decode_lines

_BYTE_ORDER_MARKS = (
    # The mark of UTF-32 LE starts with that of UTF-16 LE, so it is tried first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
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
_LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254")
_EAST_ASIAN = (
    *("big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jis_2004", "euc_jisx0213", "euc_jp", "euc_kr"),
    *("gb18030", "gb2312", "gbk", "hz", "johab", "shift_jis", "shift_jis_2004", "shift_jisx0213"),
)
_WIDE = ("utf_7", "utf_8", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le")
"""Excluded from the guess: a byte order mark or zero bytes have decided about them."""

_TURKISH = frozenset(b"\xf0\xfd\xfe\xd0\xdd\xde")
"""Letters of Turkish in cp1254, of Icelandic in cp1252."""
_ICELANDIC = frozenset(b"\xe6\xe1\xed\xc6")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class DecodedText(NamedTuple):
    """The text of a file, the name of its encoding, and what decoding changed; '' for nothing."""

    text: str
    encoding: str = ""
    problem: str = ""


def decode_text(data: bytes, filename: str) -> str:
    """Decode a file as `decode_file` does, without encoding and problem.

    Args:
        data: the whole file.
        filename: named in the error.

    Raises:
        BadInput: no encoding fits.
    """
    return decode_file(data, filename).text


def decode_file(data: bytes, filename: str) -> DecodedText:
    """Decode a file; each line of UTF-8 and another encoding, pasted together, is decoded in its own.

    Raises:
        BadInput: no encoding fits.
    """
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
    else:
        encoding = _detect_wide_encoding(data)
        if encoding:
            return DecodedText(_decode(data, encoding, filename), name_encoding(encoding))
    try:
        return DecodedText(data.decode("utf-8"), name_encoding("utf-8"))
    except UnicodeDecodeError:
        lines = decode_lines(data, lambda: _guess_encoding(_sample_non_ascii_lines(data)), _guess_encoding)
    return DecodedText(lines.text, " and ".join(map(name_encoding, lines.encodings)), lines.problem)


def _detect_wide_encoding(data: bytes) -> str | None:
    """Detect UTF-16 and UTF-32, and ISO-2022-JP by the escape sequence that begins Japanese text; None for others."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return encoding
    utf16_encoding = _detect_unmarked_utf16(data[:_HEAD_BYTES])
    if utf16_encoding:
        return utf16_encoding
    return "iso2022_jp" if b"\x1b$" in data[:_HEAD_BYTES] else None


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
        central_encoding = guess_central_european_encoding(sample)
        if central_encoding:
            return central_encoding
        # Mac Roman has accented letters where Windows-1252 has quotes and dashes, and few where Windows-1252 has letters.
        is_mac = sum(0x80 <= byte <= 0x9F for byte in sample) > sum(byte >= 0xC0 for byte in sample)
        matches = from_bytes(sample, cp_isolation=[*_LATIN, *(["mac_roman"] if is_mac else [])])
    else:
        east_asian_encoding = guess_east_asian_encoding(sample)
        if east_asian_encoding:
            return east_asian_encoding
        central_encoding = guess_central_european_encoding(sample)
        if central_encoding:
            return central_encoding
        matches = from_bytes(sample, cp_exclusion=[*_EAST_ASIAN, *_WIDE])
    best = matches.best()
    if best is None:
        # Latin-1 decodes any bytes, so the user sees the text and can judge it in the preview.
        return "latin-1"
    # Western and Central European encodings share most letters; among equal matches the most common one wins.
    if best.encoding in CENTRAL_EUROPEAN and is_decodable(sample, "cp1252"):
        # The languages were examined above; the detector confuses them with Western ones in short texts.
        return _choose_western(sample)
    for match in matches:
        is_as_good = match.chaos <= best.chaos + 0.01 and match.coherence >= best.coherence - 0.03
        if is_as_good and "cp1252" in (match.encoding, *match.could_be_from_charset):
            return _choose_western(sample)
    return best.encoding


def _choose_western(sample: bytes) -> str:
    return "cp1254" if _TURKISH & set(sample) and not _ICELANDIC & set(sample) else "cp1252"


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
