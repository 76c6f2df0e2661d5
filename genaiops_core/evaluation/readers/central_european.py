"""Detects Windows-1250 and Latin-2 by the letters of their languages.

They share most letters with Windows-1252, so that nearly any text is valid in both: a Polish `ł` is `³`, a Czech `ř` is `ø`.
What tells them apart is a sign within a word, or letters that no Western language has together.
"""

from __future__ import annotations

import re

CENTRAL_EUROPEAN = ("cp1250", "iso8859_2")
_ASCII_LETTER = re.compile(rb"[A-Za-z]")
_SIGN_IN_WORD = re.compile(r"[^\W\d_][¹³¿£¥¯¼¾±¶]+[^\W\d_]|[£¯][^\W\d_]")
"""A sign within a word of Polish, in Latin-2 also of Czech, when it is decoded as Windows-1252."""

_LATIN_2 = re.compile(r"[^\W\d_][±¶]|[±¶][^\W\d_]|(?=.*[èìø])[^\W\d_][¹¾]", re.DOTALL)


def guess_central_european_encoding(sample: bytes) -> str | None:
    """Guess the encoding of a sample with accented Latin letters; None when they are Western."""
    if len(_ASCII_LETTER.findall(sample)) <= sum(byte > 127 for byte in sample):
        return None  # another script
    western = sample.decode("cp1252", "replace")
    if not _SIGN_IN_WORD.search(western) and not _has_languages_letters(frozenset(western)):
        return None
    is_latin_2 = not any(0x80 <= byte <= 0x9F for byte in sample) and _LATIN_2.search(western)
    encoding = "iso8859_2" if is_latin_2 else "cp1250"
    return encoding if is_decodable(sample, encoding) else None


def _has_languages_letters(western: frozenset[str]) -> bool:
    """Whether letters, decoded as Windows-1252, are together only in a Central European language."""
    is_slavic = western & set("šžŠŽ") and western & set("èìøùòïÈÌØ")
    is_hungarian = western & set("õûÕÛ") and western & set("éá") and not western & set("ãçâêîôàèùñ")
    is_romanian = "ã" in western and western & set("ºþ")
    return bool(is_slavic or is_hungarian or is_romanian)


def is_decodable(sample: bytes, encoding: str) -> bool:
    """Whether every byte of a sample is a character of an encoding."""
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
