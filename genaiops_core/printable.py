"""Removes the characters of untrusted text that control a terminal or change the writing direction."""

from __future__ import annotations

import re

# Control characters except tab and line feed, lone surrogates, and marks of writing direction.
_COMMANDS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Replace each such character by U+FFFD, so that text cannot colour or overwrite the terminal."""
    return _COMMANDS.sub("\ufffd", text.replace("\r\n", "\n"))
