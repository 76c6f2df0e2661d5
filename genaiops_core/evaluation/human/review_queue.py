"""The queue of a reviewer, and the parts of a request that a reviewer may see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.reviews import review, sample
from genaiops_core.evaluation.datasets.trace_case import read_trace_case
from genaiops_core.telemetry.sampling import sample_queue
from genaiops_core.telemetry.sampling.policy import PRIORITIES
from genaiops_core.telemetry.time_window import to_instant

REVIEWERS = 2
"""Reviews that complete a request."""

SKIPS = 2
"""A request leaves the queue after this number of skips."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One question to a reviewer."""

    name: str
    """Name of its metric."""
    title: str
    question: str


CRITERIA = (
    Criterion(
        name="answer_quality",
        title="Answer",
        question="Does the answer give the information that the user needs?",
    ),
    Criterion(
        name="groundedness",
        title="Grounded",
        question="Is every statement of the answer supported by the retrieved texts?",
    ),
    Criterion(
        name="helpfulness",
        title="Helpful",
        question="Is the answer clear, complete and of a suitable length?",
    ),
)
"""The criteria of the review screen; `submit` accepts other metrics too."""


@dataclass(frozen=True, kw_only=True)
class ReviewItem:
    """A request to review."""

    application: str
    trace_id: str
    reason: str
    """Why it was sampled: a key of `telemetry.sampling.REASONS`."""
    priority: int
    start: dt.datetime
    environment: str | None
    release: str | None
    reviews: int
    """By other reviewers."""


@dataclass(frozen=True, kw_only=True)
class Review:
    """One review."""

    reviewer: str
    ratings: Mapping[str, float]
    comment: str
    reviewed_at: dt.datetime
    is_skipped: bool


@dataclass(frozen=True, kw_only=True)
class ReviewPage:
    """Everything a reviewer may see of one request."""

    item: ReviewItem
    question: str | None
    answer: str | None
    contexts: tuple[str, ...] | None
    problem: str
    """Why the trace is incomplete; '' when it is complete."""
    mine: Review | None
    others: tuple[Review, ...]
    """Empty until all reviewers have submitted."""
    is_done: bool


def queue(
    connection: sa.Connection,
    *,
    reviewer: str,
    application: str | None = None,
    limit: int = 20,
    reviewers: int = REVIEWERS,
) -> list[ReviewItem]:
    """The next requests for `reviewer`: by priority, then those with one review, then the newest.

    Without requests that they have rated or skipped, and without complete ones.
    """
    progress = _read_progress(connection, application)
    entries: list[tuple[Any, int]] = []
    for priority in sorted(set(PRIORITIES.values())):
        keys = [key for key, state in progress.items() if state.is_open(reviewer, reviewers)]
        rows = _read_samples(connection, keys, priority)
        entries += [(row, progress[row.trace_id, row.application].rated) for row in rows]
        if len(entries) < limit:
            entries += [
                (row, 0) for row in _read_unreviewed(connection, application, priority, limit - len(entries))
            ]
        if len(entries) >= limit:
            break
    return [_build_item(row, rated) for row, rated in entries[:limit]]


def open_count(
    connection: sa.Connection,
    *,
    reviewer: str,
    application: str | None = None,
    reviewers: int = REVIEWERS,
) -> int:
    """Number of requests that `reviewer` has not reviewed."""
    query = sa.select(sa.func.count()).select_from(sample)
    if application is not None:
        query = query.where(sample.c.application == application)
    progress = _read_progress(connection, application)
    closed = sum(not state.is_open(reviewer, reviewers) for state in progress.values())
    return max(0, (connection.scalar(query) or 0) - closed)


def read(
    connection: sa.Connection,
    *,
    reviewer: str,
    application: str,
    trace_id: str,
    reviewers: int = REVIEWERS,
) -> ReviewPage | None:
    """One request with its texts, sampled or not; None when it does not exist."""
    trace_id = trace_id.strip().lower()
    row = sample_queue.find_sample_or_request(connection, application=application, trace_id=trace_id)
    if row is None:
        return None
    # The texts come from the trace, which retention may have deleted since the request was sampled.
    trace_case = read_trace_case(connection, trace_id)
    reviews = reviews_of(connection, application, trace_id)
    others = [review_row for review_row in reviews if review_row.reviewer != reviewer]
    is_done = sum(not review_row.is_skipped for review_row in reviews) >= reviewers
    return ReviewPage(
        item=_build_item(row, sum(not review_row.is_skipped for review_row in others)),
        question=trace_case.case.input if trace_case.case else None,
        answer=trace_case.case.answer if trace_case.case else None,
        contexts=trace_case.case.contexts if trace_case.case else None,
        problem=trace_case.problem,
        mine=next((review_row for review_row in reviews if review_row.reviewer == reviewer), None),
        others=tuple(others) if is_done else (),
        is_done=is_done,
    )


def reviews_of(connection: sa.Connection, application: str, trace_id: str) -> list[Review]:
    """All reviews of one request, oldest first; callers must hide them from reviewers who have not submitted."""
    rows = connection.execute(
        sa.select(review)
        .where(review.c.trace_id == trace_id, review.c.application == application)
        .order_by(review.c.id)
    )
    return [
        Review(
            reviewer=row.reviewer,
            ratings=dict(row.ratings),
            comment=row.comment,
            reviewed_at=row.reviewed_at,
            is_skipped=row.is_skipped,
        )
        for row in rows
    ]


@dataclass
class _Progress:
    """The reviews of one request so far."""

    rated: int = 0
    skipped: int = 0
    reviewer_names: frozenset[str] = frozenset()

    def is_open(self, reviewer: str, reviewers: int) -> bool:
        return reviewer not in self.reviewer_names and self.rated < reviewers and self.skipped < SKIPS


def _read_progress(connection: sa.Connection, application: str | None) -> dict[tuple[str, str], _Progress]:
    """(trace ID, application) -> progress. All reviews fit in memory, because people write them."""
    query = sa.select(review.c.trace_id, review.c.application, review.c.reviewer, review.c.is_skipped)
    if application is not None:
        query = query.where(review.c.application == application)
    progress: dict[tuple[str, str], _Progress] = {}
    for trace_id, name, reviewer, is_skipped in connection.execute(query):
        state = progress.setdefault((trace_id, name), _Progress())
        state.rated += not is_skipped
        state.skipped += is_skipped
        state.reviewer_names |= {reviewer}
    return progress


def _read_samples(connection: sa.Connection, keys: list[tuple[str, str]], priority: int) -> list[Any]:
    samples: list[Any] = []
    for start in range(0, len(keys), 500):
        traces = [trace_id for trace_id, _ in keys[start : start + 500]]
        # In chunks: databases limit the bound parameters of a statement.
        samples += connection.execute(
            sa.select(sample).where(sample.c.trace_id.in_(traces), sample.c.priority == priority)
        ).all()
    key_set = set(keys)
    return sorted(
        (row for row in samples if (row.trace_id, row.application) in key_set), key=lambda row: -row.start_ns
    )


def _read_unreviewed(
    connection: sa.Connection, application: str | None, priority: int, limit: int
) -> list[Any]:
    """Samples without any review."""
    is_begun = sa.exists().where(
        review.c.trace_id == sample.c.trace_id, review.c.application == sample.c.application
    )
    query = sa.select(sample).where(sample.c.priority == priority, ~is_begun)
    if application is not None:
        query = query.where(sample.c.application == application)
    return list(connection.execute(query.order_by(sample.c.start_ns.desc()).limit(limit)).all())


def _build_item(row: Any, reviews: int) -> ReviewItem:
    return ReviewItem(
        application=row.application,
        trace_id=row.trace_id,
        reason=row.reason,
        priority=row.priority,
        start=to_instant(row.start_ns),
        environment=row.environment or None,
        release=row.release or None,
        reviews=reviews,
    )
