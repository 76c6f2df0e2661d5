"""The four verdicts and how several become one."""

from __future__ import annotations

from collections.abc import Sequence

VERDICTS = ("failed", "error", "inconclusive", "passed")
"""In the order in which one decides for all: a failure is certain, an error or a gap leaves it open."""


def combine_verdicts(verdicts: Sequence[str]) -> str:
    """The verdict over several; without any evidence it is inconclusive, never passed."""
    for verdict in VERDICTS:
        if verdict in verdicts:
            return verdict
    return "inconclusive"
