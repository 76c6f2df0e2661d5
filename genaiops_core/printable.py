"""Text of other people without the characters that command a terminal or turn the direction of a line."""

from __future__ import annotations

import re

# Control characters but tab and line feed, halves of surrogate pairs, and the marks of writing direction.
_COMMANDS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """`text` with U+FFFD for each such character: no colour, no cursor move, no turned line can come of it."""
    return _COMMANDS.sub("\ufffd", text.replace("\r\n", "\n"))
