"""What a reviewer reads next, and what they may see of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.reviews import review, sample
from db.tables.telemetry import request
from genaiops_core.evaluation.datasets.trace_case import read_trace_case
from genaiops_core.telemetry.sampling.policy import PRIORITIES
from genaiops_core.telemetry.time_window import to_instant

REVIEWERS = 2
"""People who must rate a request before it is done."""

SKIPS = 2
"""Skipped by so many, a request leaves the queue."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One thing a reviewer is asked."""

    name: str
    """The metric it becomes."""
    title: str
    question: str


CRITERIA = (
    Criterion(
        name="answer_quality",
        title="Answer",
        question="Does the answer say what the user needed to know?",
    ),
    Criterion(
        name="groundedness",
        title="Grounded",
        question="Does everything it says stand in the retrieved texts?",
    ),
    Criterion(
        name="helpfulness",
        title="Helpful",
        question="Is it clear, complete and as long as it should be?",
    ),
)
"""What the review screen asks; `submit` takes other metrics too."""


@dataclass(frozen=True, kw_only=True)
class ReviewItem:
    """A request to be read."""

    application: str
    trace_id: str
    reason: str
    """Why it was sampled: a key of `telemetry.sampling.REASONS`."""
    priority: int
    start: dt.datetime
    environment: str | None
    release: str | None
    reviews: int
    """By other people."""


@dataclass(frozen=True, kw_only=True)
class Review:
    """What one person said."""

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
    """'' or why the trace does not tell enough."""
    mine: Review | None
    others: tuple[Review, ...]
    """Empty until all reviewers are done."""
    is_done: bool


def queue(
    connection: sa.Connection,
    *,
    reviewer: str,
    application: str | None = None,
    limit: int = 20,
    reviewers: int = REVIEWERS,
) -> list[ReviewItem]:
    """What `reviewer` should read next: by priority, those that only lack one rating first, then the newest.

    Nothing that they rated or skipped, and nothing that is done.
    """
    begun = _begun(connection, application)
    found: list[tuple[Any, int]] = []
    for priority in sorted(set(PRIORITIES.values())):
        keys = [key for key, said in begun.items() if said.is_open(reviewer, reviewers)]
        rows = _rows_of(connection, keys, priority)
        found += [(row, begun[row.trace_id, row.application].rated) for row in rows]
        if len(found) < limit:
            found += [(row, 0) for row in _fresh(connection, application, priority, limit - len(found))]
        if len(found) >= limit:
            break
    return [_item(row, rated) for row, rated in found[:limit]]


def open_count(
    connection: sa.Connection,
    *,
    reviewer: str,
    application: str | None = None,
    reviewers: int = REVIEWERS,
) -> int:
    """How many requests `reviewer` has still to read."""
    query = sa.select(sa.func.count()).select_from(sample)
    if application is not None:
        query = query.where(sample.c.application == application)
    begun = _begun(connection, application)
    closed = sum(not said.is_open(reviewer, reviewers) for said in begun.values())
    return max(0, (connection.scalar(query) or 0) - closed)


def read(
    connection: sa.Connection,
    *,
    reviewer: str,
    application: str,
    trace_id: str,
    reviewers: int = REVIEWERS,
) -> ReviewPage | None:
    """One request with its texts, or None when there is none; works for requests that were not sampled too."""
    trace_id = trace_id.strip().lower()
    row = connection.execute(
        sa.select(sample).where(sample.c.trace_id == trace_id, sample.c.application == application)
    ).first()
    if row is None:
        # As if somebody chose it now.
        row = connection.execute(
            sa.select(
                request,
                sa.literal("chosen").label("reason"),
                sa.literal(PRIORITIES["chosen"]).label("priority"),
            ).where(request.c.trace_id == trace_id, request.c.application == application)
        ).first()
    if row is None:
        return None
    told = read_trace_case(connection, trace_id)
    said = reviews_of(connection, application, trace_id)
    others = [one for one in said if one.reviewer != reviewer]
    is_done = sum(not one.is_skipped for one in said) >= reviewers
    return ReviewPage(
        item=_item(row, sum(not one.is_skipped for one in others)),
        question=told.case.input if told.case else None,
        answer=told.case.answer if told.case else None,
        contexts=told.case.contexts if told.case else None,
        problem=told.problem,
        mine=next((one for one in said if one.reviewer == reviewer), None),
        others=tuple(others) if is_done else (),
        is_done=is_done,
    )


def reviews_of(connection: sa.Connection, application: str, trace_id: str) -> list[Review]:
    """What everybody said of one request, the first first; who shows it must keep it from open reviewers."""
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
class _Begun:
    """Who has done what with one request."""

    rated: int = 0
    skipped: int = 0
    by: frozenset[str] = frozenset()

    def is_open(self, reviewer: str, reviewers: int) -> bool:
        return reviewer not in self.by and self.rated < reviewers and self.skipped < SKIPS


def _begun(connection: sa.Connection, application: str | None) -> dict[tuple[str, str], _Begun]:
    """(trace id, application) -> what was said; people write reviews, so there are few."""
    query = sa.select(review.c.trace_id, review.c.application, review.c.reviewer, review.c.is_skipped)
    if application is not None:
        query = query.where(review.c.application == application)
    found: dict[tuple[str, str], _Begun] = {}
    for trace_id, name, reviewer, is_skipped in connection.execute(query):
        said = found.setdefault((trace_id, name), _Begun())
        said.rated += not is_skipped
        said.skipped += is_skipped
        said.by |= {reviewer}
    return found


def _rows_of(connection: sa.Connection, keys: list[tuple[str, str]], priority: int) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(keys), 500):
        traces = [trace_id for trace_id, _ in keys[start : start + 500]]
        found += connection.execute(
            sa.select(sample).where(sample.c.trace_id.in_(traces), sample.c.priority == priority)
        ).all()
    wanted = set(keys)
    return sorted(
        (row for row in found if (row.trace_id, row.application) in wanted), key=lambda row: -row.start_ns
    )


def _fresh(connection: sa.Connection, application: str | None, priority: int, limit: int) -> list[Any]:
    """Samples that nobody has said anything about."""
    is_begun = sa.exists().where(
        review.c.trace_id == sample.c.trace_id, review.c.application == sample.c.application
    )
    query = sa.select(sample).where(sample.c.priority == priority, ~is_begun)
    if application is not None:
        query = query.where(sample.c.application == application)
    return list(connection.execute(query.order_by(sample.c.start_ns.desc()).limit(limit)).all())


def _item(row: Any, reviews: int) -> ReviewItem:
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
