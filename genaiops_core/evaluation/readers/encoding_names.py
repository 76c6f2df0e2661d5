"""Names of encodings as people know them."""

from __future__ import annotations

import re

_NAMES = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
    "iso2022_jp": "ISO-2022-JP",
    "mac_roman": "Mac Roman",
    "latin-1": "Latin-1",
    "iso8859_2": "Latin-2",
    "gb18030": "GB18030",
    "big5": "Big5",
    "cp949": "EUC-KR",
    "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "koi8_r": "KOI8-R",
}


def name_encoding(encoding: str) -> str:
    """Name an encoding of Python as people know it: cp1252 is Windows-1252."""
    return _NAMES.get(encoding) or re.sub(r"^cp(?=125\d)", "Windows-", encoding)
