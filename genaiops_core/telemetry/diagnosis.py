"""What plain evidence in one trace says about why it went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TRUNCATED_REASONS = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "token_limit"})
"""Finish reasons, in lower case, that mean the answer was cut off at a token limit."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one span says about itself."""

    span_id: str
    name: str
    component: str
    is_error: bool
    status_message: str
    finish_reasons: Sequence[str]
    has_failed_child: bool


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A verdict and the sentences it rests on; `can't tell` when nothing in the trace says anything."""

    verdict: Literal["error", "truncated", "can't tell"]
    evidence: tuple[str, ...]


def diagnose(observations: Sequence[Observation]) -> Diagnosis:
    """A failed span outweighs a cut-off answer; without either, nothing can be said.

    Of spans that failed, those are named where the failure began: the ones without a failed child.
    """
    failures = [one for one in observations if one.is_error]
    # Spans that name each other as parents have no beginning: then all of them are named.
    origins = [one for one in failures if not one.has_failed_child] or failures
    failed = [
        f"{one.component} '{one.name}' failed{': ' + one.status_message if one.status_message else ''}"
        for one in origins
    ]
    cut = [
        f"{one.component} '{one.name}' stopped at its token limit (finish reason {reason})"
        for one in observations
        for reason in one.finish_reasons
        if reason.lower() in TRUNCATED_REASONS
    ]
    if failed:
        return Diagnosis(verdict="error", evidence=(*failed, *cut))
    if cut:
        return Diagnosis(verdict="truncated", evidence=tuple(cut))
    return Diagnosis(verdict="can't tell", evidence=())
