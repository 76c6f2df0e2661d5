"""What a thumb or a rating is worth as a score: pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.telemetry.scores import Score

METRIC = "user_feedback"
JUDGE = "user"

LOWEST_RATING, HIGHEST_RATING = 1.0, 5.0
_NEGATIVE_UP_TO = 2.0
"""A rating up to here counts as dislike."""

_THUMBS = {"up": 1.0, "down": 0.0}


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What one user said of one answer."""

    user_id: str
    rating: float | None
    thumb: str | None
    comment: str
    received_at: dt.datetime

    @property
    def value(self) -> float | None:
        """0 to 1: the thumb, else a rating from 1 to 5; None for a rating on another scale."""
        if self.thumb in _THUMBS:
            return _THUMBS[self.thumb]
        if self.rating is not None and LOWEST_RATING <= self.rating <= HIGHEST_RATING:
            return (self.rating - LOWEST_RATING) / (HIGHEST_RATING - LOWEST_RATING)
        return None

    @property
    def is_negative(self) -> bool:
        """A thumb down, or without a thumb a rating of 1 or 2."""
        if self.thumb in _THUMBS:
            return self.thumb == "down"
        return self.rating is not None and LOWEST_RATING <= self.rating <= _NEGATIVE_UP_TO


def build_feedback(row: Any) -> Feedback:
    """The opinion of a row of table `feedback`."""
    return Feedback(
        user_id=row.user_id,
        rating=row.rating,
        thumb=row.thumb,
        comment=row.comment,
        received_at=row.received_at,
    )


def score_feedback(request: Any, opinions: Sequence[Feedback]) -> Score:
    """The opinions on one request as one score: their mean.

    Args:
        request: has application, trace_id, start_ns, environment and release.
        opinions: at least one.
    """
    values = [one.value for one in opinions if one.value is not None]
    return Score(
        application=request.application,
        trace_id=request.trace_id,
        metric=METRIC,
        judge=JUDGE,
        value=sum(values) / len(values) if values else None,
        reason="" if values else f"the rating is not on a scale from {LOWEST_RATING:g} to {HIGHEST_RATING:g}",
        start_ns=request.start_ns,
        environment=request.environment,
        release=request.release,
    )
