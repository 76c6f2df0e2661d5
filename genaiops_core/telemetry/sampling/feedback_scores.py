"""Converts thumbs and ratings into scores. Pure functions without I/O."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.telemetry.scores import Score

METRIC = "user_feedback"
JUDGE = "user"

MIN_RATING, MAX_RATING = 1.0, 5.0
_MAX_NEGATIVE_RATING = 2.0
"""A rating up to this is negative."""

_THUMB_VALUES = {"up": 1.0, "down": 0.0}


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """The feedback of one user on one answer."""

    user_id: str
    rating: float | None
    thumb: str | None
    comment: str
    received_at: dt.datetime

    @property
    def value(self) -> float | None:
        """0 to 1: the thumb, else a rating from 1 to 5; None for a rating on another scale."""
        if self.thumb in _THUMB_VALUES:
            return _THUMB_VALUES[self.thumb]
        if self.rating is not None and MIN_RATING <= self.rating <= MAX_RATING:
            return (self.rating - MIN_RATING) / (MAX_RATING - MIN_RATING)
        return None

    @property
    def is_negative(self) -> bool:
        """A thumb down, or without a thumb a rating of 1 or 2."""
        if self.thumb in _THUMB_VALUES:
            return self.thumb == "down"
        return self.rating is not None and MIN_RATING <= self.rating <= _MAX_NEGATIVE_RATING


def build_feedback(row: Any) -> Feedback:
    """Feedback from a row of table `feedback`."""
    return Feedback(
        user_id=row.user_id,
        rating=row.rating,
        thumb=row.thumb,
        comment=row.comment,
        received_at=row.received_at,
    )


def score_feedback(request: Any, entries: Sequence[Feedback]) -> Score:
    """The score of one request: the mean of its feedback values.

    Args:
        request: a row with application, trace_id, start_ns, environment and release.
        entries: the feedback of its users; at least one.
    """
    values = [entry.value for entry in entries if entry.value is not None]
    return Score(
        application=request.application,
        trace_id=request.trace_id,
        metric=METRIC,
        judge=JUDGE,
        value=sum(values) / len(values) if values else None,
        reason="" if values else f"the rating is not on a scale from {MIN_RATING:g} to {MAX_RATING:g}",
        start_ns=request.start_ns,
        environment=request.environment,
        release=request.release,
    )
