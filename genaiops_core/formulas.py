"""Guards CSV cells against spreadsheets, which evaluate a text that begins like a formula.

Source:
    OWASP, CSV Injection.
"""

from __future__ import annotations

import re
import unicodedata

_STARTS = "=+-@"
_INVISIBLE = frozenset(("Cc", "Cf", "Zl", "Zp", "Zs"))
"""Unicode categories of white space, control and format characters, which a spreadsheet may skip."""

_QUANTITY = re.compile(r"[+-] ?\d[\d.,]*(e[+-]?\d+)?( ?[%A-Za-zµ/$€]{0,12}){0,3}")
"""A signed number with its unit; it has nothing that a spreadsheet would call."""


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may evaluate `text`: it begins like a formula, also in full width or after white space."""
    for character in text:
        if unicodedata.category(character) not in _INVISIBLE:
            # Full-width and small forms are the same characters to a spreadsheet.
            return unicodedata.normalize("NFKC", character)[0] in _STARTS
        if character in "\t\r":
            return True
    return False


def escape_formula(text: str) -> str:
    """Prefix a text with an apostrophe if a spreadsheet would evaluate it as a formula."""
    return "'" + text if is_formula(text) else text


def escape_displayed(text: str) -> str:
    """The same for a text on a screen: a signed quantity such as '+1.2 %' stays as it is."""
    return text if _QUANTITY.fullmatch(text) else escape_formula(text)


def guard_formula(text: str) -> str:
    """The same as `escape_formula` for a file that is imported again: `restore_guarded` returns the text.

    A text that begins with apostrophes before a formula is prefixed too; otherwise its own would be removed.
    """
    return "'" + text if is_formula(text.lstrip("'")) else text


def restore_guarded(text: str) -> str:
    """Return the text that `guard_formula` prefixed; any other text is unchanged."""
    return text[1:] if text.startswith("'") and is_formula(text.lstrip("'")) else text
