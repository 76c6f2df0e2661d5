"""Human reviews of sampled answers: two reviewers per answer, who see each other's review only after both have rated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from db.tables.reviews import review
from db.transaction import insert, reading, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.evaluation.datasets.add_trace import add_trace
from genaiops_core.evaluation.human.review_queue import (
    CRITERIA,
    REVIEWERS,
    Criterion,
    Review,
    ReviewItem,
    ReviewPage,
    open_count,
    queue,
    read,
    reviews_of,
)
from genaiops_core.telemetry.sampling import sample_queue
from genaiops_core.telemetry.scores import Score, replace_scores

__all__ = [
    "JUDGE",
    "LABELS",
    "METRICS",
    "REVIEWERS",
    "Criterion",
    "Review",
    "ReviewItem",
    "ReviewPage",
    "add_trace",
    "open_count",
    "queue",
    "read",
    "skip",
    "submit",
    "undo_skip",
]

JUDGE = "human"
MAX_COMMENT_LENGTH = 10_000

LABELS: Mapping[str, float] = MappingProxyType({"good": 1.0, "partly": 0.5, "bad": 0.0})
"""Words that are accepted instead of a number."""

METRICS = CRITERIA
"""The criteria of a review."""

_METRIC = re.compile(r"[a-z][a-z0-9_]{0,99}")


def submit(
    engine: sa.Engine,
    *,
    actor: str,
    application: str,
    trace_id: str,
    ratings: Mapping[str, float | str],
    comment: str = "",
    reviewers: int = REVIEWERS,
) -> ReviewPage:
    """Store the review of `actor`; it replaces their earlier one until the last reviewer has submitted.

    The last review sets the score of each metric by the judge `human` to the mean of the ratings. A request that was not
    sampled may be reviewed too; it represents itself only.

    Args:
        engine: the database.
        actor: the reviewer.
        application: of the request.
        trace_id: 32 hexadecimal digits.
        ratings: metric -> a number from 0 to 1, or one of `LABELS`.
        comment: free text; the others see it after all have submitted.
        reviewers: number of reviews that complete a request.

    Raises:
        BadInput: there is no rating, or one is invalid.
        NotFound: there is no such request.
        Conflict: the review is complete.
    """
    values = _parse_ratings(ratings)
    with writing(engine) as connection:
        # The lock orders reviewers: without it two could both be the second one, and no score would be
        # written.
        row = sample_queue.lock_or_choose(connection, application=application, trace_id=trace_id)
        reviews = reviews_of(connection, application, row.trace_id)
        ratings_given = [review_row for review_row in reviews if not review_row.is_skipped]
        if len(ratings_given) >= reviewers:
            names = " and ".join(review_row.reviewer for review_row in ratings_given)
            raise Conflict(
                f"The review of this answer is complete (rated by {names}); review another answer."
            )
        _write_review(connection, row, actor, ratings=values, comment=comment, is_skipped=False)
        # Read again after the write: `actor` may have replaced an earlier rating.
        ratings_given = [
            review_row
            for review_row in reviews_of(connection, application, row.trace_id)
            if not review_row.is_skipped
        ]
        if len(ratings_given) >= reviewers:
            replace_scores(connection, _mean_scores(row, ratings_given))
        _record(connection, "review.submit", actor, row, {"metrics": sorted(values)})
    return _read_page(engine, actor, application, trace_id, reviewers)


def skip(engine: sa.Engine, *, actor: str, application: str, trace_id: str, comment: str = "") -> None:
    """Skip an answer; after two skips it leaves the queue.

    Raises:
        NotFound: there is no such request.
        Conflict: `actor` rated it.
    """
    with writing(engine) as connection:
        row = sample_queue.lock_or_choose(connection, application=application, trace_id=trace_id)
        own_reviews = [
            own_review
            for own_review in reviews_of(connection, application, row.trace_id)
            if own_review.reviewer == actor
        ]
        if any(not own_review.is_skipped for own_review in own_reviews):
            raise Conflict("You rated this answer; rate it again instead of skipping it.")
        _write_review(connection, row, actor, ratings={}, comment=comment, is_skipped=True)
        _record(connection, "review.skip", actor, row, None)


def undo_skip(engine: sa.Engine, *, actor: str, application: str, trace_id: str) -> None:
    """Put an answer that `actor` skipped back into their queue; do nothing if they did not skip it."""
    with writing(engine) as connection:
        row = sample_queue.lock_or_choose(connection, application=application, trace_id=trace_id)
        undone = connection.execute(
            sa.delete(review).where(
                review.c.trace_id == row.trace_id,
                review.c.application == application,
                review.c.reviewer == actor,
                review.c.is_skipped,
            )
        )
        if undone.rowcount:
            _record(connection, "review.undo_skip", actor, row, None)


def _parse_ratings(ratings: Mapping[str, float | str]) -> dict[str, float]:
    if not ratings:
        raise BadInput("A review needs a rating of at least one metric.")
    values = {}
    for metric, rating in ratings.items():
        if not _METRIC.fullmatch(metric):
            raise BadInput(
                f"'{metric}' is not a valid name of a metric; use lower-case letters, digits and _."
            )
        value = LABELS.get(rating.strip().lower()) if isinstance(rating, str) else float(rating)
        # NaN fails both comparisons.
        if value is None or not 0.0 <= value <= 1.0:
            label_names = ", ".join(LABELS)
            raise BadInput(
                f"The rating of {metric} is {rating!r}; write a number from 0 to 1 or one of: {label_names}."
            )
        values[metric] = value
    return values


def _write_review(connection: sa.Connection, row: Any, actor: str, **values: Any) -> None:
    # PostgreSQL cannot store NUL in a text.
    values["comment"] = values["comment"].replace("\x00", "")[:MAX_COMMENT_LENGTH]
    statement = insert(connection, review).values(
        application=row.application,
        trace_id=row.trace_id,
        reviewer=actor,
        start_ns=row.start_ns,
        reviewed_at=now(),
        **values,
    )
    changed = ("ratings", "comment", "is_skipped", "reviewed_at")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["trace_id", "application", "reviewer"],
            set_={name: statement.excluded[name] for name in changed},
        )
    )


def _mean_scores(row: Any, reviews: list[Review]) -> list[Score]:
    scores = []
    for metric in sorted({name for rating in reviews for name in rating.ratings}):
        values = [rating.ratings[metric] for rating in reviews if metric in rating.ratings]
        scores.append(
            Score(
                application=row.application,
                trace_id=row.trace_id,
                metric=metric,
                judge=JUDGE,
                value=sum(values) / len(values),
                start_ns=row.start_ns,
                environment=row.environment,
                release=row.release,
                rate_ppm=row.rate_ppm,
            )
        )
    return scores


def _record(connection: sa.Connection, action: str, actor: str, row: Any, after: Any) -> None:
    # Without the verdict: the other reviewer may read the audit log.
    audit.record(
        connection, actor=actor, action=action, subject=row.trace_id, application=row.application, after=after
    )


def _read_page(engine: sa.Engine, actor: str, application: str, trace_id: str, reviewers: int) -> ReviewPage:
    with reading(engine) as connection:
        page = read(
            connection, reviewer=actor, application=application, trace_id=trace_id, reviewers=reviewers
        )
    if page is None:
        raise NotFound(f"There is no request {trace_id} of {application}.")
    return page
