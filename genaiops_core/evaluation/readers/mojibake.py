"""Detects text that was decoded in a wrong encoding before it was saved: 'GrÃ¶ÃŸe' for 'Größe'."""

from __future__ import annotations

import re

_BYTES_BY_CHARACTER = {bytes([byte]).decode("cp1252", "ignore"): byte for byte in range(0x80, 0x100)}
_BYTES_BY_CHARACTER |= {chr(byte): byte for byte in range(0x80, 0x100)}
_CONTINUATION = (
    "[" + "".join(re.escape(c) for c, byte in _BYTES_BY_CHARACTER.items() if c and byte < 0xC0) + "]"
)
_SEQUENCE = re.compile(
    f"[\xc2-\xdf]{_CONTINUATION}|[\xe0-\xef]{_CONTINUATION}{{2}}|[\xf0-\xf4]{_CONTINUATION}{{3}}"
)
_SURE = re.compile(r"[\u00c0-\u00ff\u2010-\u203a\u20ac]")
"""Letters with accents, quotes, dashes and the euro: as UTF-8 read in Windows-1252, nobody writes them."""

_MIN_SEQUENCES = 3
"""Number of sequences of other scripts that are no coincidence."""


def find_mojibake(text: str) -> str:
    """Find a wrongly decoded character and describe it; '' when there is none."""
    if text.isascii():
        return ""
    repaired = [(match[0], _decode_again(match[0])) for match in _SEQUENCE.finditer(text)]
    repaired = [(wrong, right) for wrong, right in repaired if right]
    for wrong, right in repaired:
        if _SURE.fullmatch(right) or len(repaired) >= _MIN_SEQUENCES:
            return f"holds '{wrong}', probably '{right}' decoded in a wrong encoding; save the source again as UTF-8"
    return ""


def _decode_again(wrong: str) -> str:
    try:
        return bytes(_BYTES_BY_CHARACTER[character] for character in wrong).decode()
    except UnicodeDecodeError:
        return ""
