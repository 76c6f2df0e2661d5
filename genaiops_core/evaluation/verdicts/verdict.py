"""The four verdicts, and how several are combined."""

from __future__ import annotations

from collections.abc import Sequence

VERDICTS = ("failed", "error", "inconclusive", "passed")
"""In order of precedence: a failure is certain, an error or missing evidence leaves the result open."""


def combine_verdicts(verdicts: Sequence[str]) -> str:
    """The combined verdict; without any evidence it is inconclusive, never passed."""
    for verdict in VERDICTS:
        if verdict in verdicts:
            return verdict
    return "inconclusive"
