"""The verdicts, and how several are combined."""

from __future__ import annotations

from collections.abc import Sequence

WARNING = "warning"
"""Passed, but close to a limit: nothing is blocked, and somebody should know."""

VERDICTS = ("failed", "error", "inconclusive", WARNING, "passed")
"""In order of precedence: a failure is certain, an error or missing evidence leaves the result open."""

ACCEPTED = (WARNING, "passed")
"""Verdicts that let a release through."""


def combine_verdicts(verdicts: Sequence[str]) -> str:
    """The combined verdict; without any evidence it is inconclusive, never passed."""
    for verdict in VERDICTS:
        if verdict in verdicts:
            return verdict
    return "inconclusive"
