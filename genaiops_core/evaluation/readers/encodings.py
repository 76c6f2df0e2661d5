"""Bytes of an uploaded file to text: byte order marks first, then UTF-8, then a guess from the odd bytes."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import NamedTuple

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.east_asian import eastern_encoding

_MARKS = (
    # UTF-32 LE starts with the mark of UTF-16 LE, so it is asked first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_HEAD_BYTES = 8_000
_GUESS_BYTES = 64_000
"""How much of the telling lines the guess looks at; more is slow and no surer."""

_AROUND_BYTES = 200
"""How much of a line is shown around its odd bytes."""

_ODD = re.compile(rb"[\x80-\xff]++")
_LONELY = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254")
_EASTERN = (
    *("big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jis_2004", "euc_jisx0213", "euc_jp", "euc_kr"),
    *("gb18030", "gb2312", "gbk", "hz", "johab", "shift_jis", "shift_jis_2004", "shift_jisx0213"),
)
_TURKISH = frozenset(b"\xf0\xfd\xfe\xd0\xdd\xde")
"""Letters of Turkish in cp1254, of Icelandic in cp1252."""
_ICELANDIC = frozenset(b"\xe6\xe1\xed\xc6")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Decoded(NamedTuple):
    """The text of a file, and what was lost on the way; '' for nothing."""

    text: str
    problem: str = ""


def decode(data: bytes, filename: str) -> str:
    """The text of `data`.

    Args:
        data: the whole file.
        filename: named in the error.

    Raises:
        BadInput: no encoding fits.
    """
    return decoded(data, filename).text


def decoded(data: bytes, filename: str) -> Decoded:
    """The text of `data`; a few broken bytes in UTF-8 do not make it another encoding.

    Raises:
        BadInput: no encoding fits.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(_decode(data, encoding, filename))
    wide = _unmarked_utf16(data[:_HEAD_BYTES])
    if wide:
        return Decoded(_decode(data, wide, filename))
    if b"\x1b$" in data[:_HEAD_BYTES]:
        return Decoded(_decode(data, "iso2022_jp", filename))
    try:
        return Decoded(data.decode("utf-8"))
    except UnicodeDecodeError:
        sample = _telling(data)
    sequences = len(_SEQUENCE.findall(sample))
    # What is left once whole sequences are taken out; a text in another encoding holds hardly any of them.
    broken = len(_ODD.findall(_SEQUENCE.sub(b" ", sample)))
    if sequences > 10 * broken:
        text = data.decode("utf-8", "replace")
        return Decoded(text, "is UTF-8 with bytes that do not fit; each was replaced by \ufffd")
    return Decoded(_decode(data, _guess(sample), filename))


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
    """Spaces, delimiters and line ends of any script have a zero byte in UTF-16, always on the same side."""
    if len(head) < 4 or b"\x00" not in head:
        return None
    high, low = head[1::2].count(0), head[0::2].count(0)
    encoding = "utf-16-le" if high > low else "utf-16-be"
    if max(high, low) < 4 * min(high, low) or 100 * max(high, low) < len(head) // 2:
        return None
    text = head[: len(head) // 2 * 2].decode(encoding, "ignore")
    odd = sum(unicodedata.category(one) in ("Cc", "Cn", "Co") for one in text if one not in "\t\r\n")
    # Plain text with a few NUL bytes gives rare signs and no line end when it is read in pairs.
    return encoding if "\n" in text and 50 * odd <= len(text) else None


def _guess(sample: bytes) -> str:
    """The most likely one-byte or East Asian encoding; Windows-1252 where nothing is more likely.

    Where odd bytes stand mostly alone between plain ones, the script is Latin with accents, and the detector is kept
    from reading an accent with the letter after it as one Chinese character. Elsewhere East Asian encodings are told
    by their commonest characters first, because the detector takes one for another in short texts.
    """
    from charset_normalizer import from_bytes

    odd = sum(byte > 127 for byte in sample)
    if 2 * len(_LONELY.findall(sample)) > odd:
        # The Macintosh has its accented letters where Windows has quotes and dashes, and none where Windows has them.
        is_mac = sum(0x80 <= byte <= 0x9F for byte in sample) > sum(byte >= 0xC0 for byte in sample)
        matches = from_bytes(sample, cp_isolation=[*_LATIN, *(["mac_roman"] if is_mac else [])])
    else:
        eastern = eastern_encoding(sample)
        if eastern:
            return eastern
        matches = from_bytes(sample, cp_exclusion=list(_EASTERN))
    best = matches.best()
    if best is None:
        return "latin-1"
    # Western and Central European encodings share most letters; where they read alike the most used one wins.
    for match in matches:
        is_as_good = match.chaos <= best.chaos + 0.01 and match.coherence >= best.coherence - 0.03
        if is_as_good and "cp1252" in (match.encoding, *match.could_be_from_charset):
            return "cp1254" if _TURKISH & set(sample) and not _ICELANDIC & set(sample) else "cp1252"
    return best.encoding


def _telling(data: bytes) -> bytes:
    """Pieces of lines around odd bytes, up to `_GUESS_BYTES`: only those say anything about the encoding."""
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
