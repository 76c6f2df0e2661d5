"""Agreement of two reviewers by metric, over requests that both have reviewed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.reviews import review
from genaiops_core.statistics.agreement import cohen


@dataclass(frozen=True, kw_only=True)
class MetricAgreement:
    """Agreement of two reviewers on one metric."""

    metric: str
    items: int
    agreed: int
    percent_agreement: float
    """0 to 100."""
    kappa: float | None
    """Agreement beyond chance: 1 is perfect, 0 is chance; None when all ratings are equal."""
    low: float | None
    high: float | None
    method: str


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One request with different ratings of one metric."""

    application: str
    trace_id: str
    metric: str
    first_reviewer: str
    first_value: float
    second_reviewer: str
    second_value: float
    difference: float
    comments: tuple[str, str]


def nearest_label(value: float) -> float:
    """Round to bad (0), partly (0.5) or good (1); ratings with equal results agree."""
    # Python rounds half to even, so 0.25 becomes 0 and 0.75 becomes 1.
    return round(value * 2) / 2


def read_agreement(connection: sa.Connection, application: str | None = None) -> list[MetricAgreement]:
    """Agreement by metric.

    The two reviewers of a request are ordered by name. With two reviewers in total, kappa is Cohen's; with more, the
    two raters are mixtures of them.
    """
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for first, second in _reviewer_pairs(connection, application):
        for metric in sorted(set(first.ratings) & set(second.ratings)):
            pairs[metric].append(
                (nearest_label(first.ratings[metric]), nearest_label(second.ratings[metric]))
            )
    agreements = []
    for metric, label_pairs in sorted(pairs.items()):
        kappa = cohen(label_pairs)
        assert kappa is not None
        agreements.append(
            MetricAgreement(
                metric=metric,
                items=kappa.items,
                agreed=kappa.agreed,
                percent_agreement=100 * kappa.share,
                kappa=kappa.kappa,
                low=kappa.low,
                high=kappa.high,
                method=kappa.method,
            )
        )
    return agreements


def read_disagreements(
    connection: sa.Connection, application: str | None = None, *, limit: int = 50
) -> list[Disagreement]:
    """Disagreements of two reviewers, the largest first, equal ones newest first."""
    disagreements = [
        Disagreement(
            application=first.application,
            trace_id=first.trace_id,
            metric=metric,
            first_reviewer=first.reviewer,
            first_value=first.ratings[metric],
            second_reviewer=second.reviewer,
            second_value=second.ratings[metric],
            difference=abs(first.ratings[metric] - second.ratings[metric]),
            comments=(first.comment, second.comment),
        )
        for first, second in reversed(list(_reviewer_pairs(connection, application)))
        for metric in sorted(set(first.ratings) & set(second.ratings))
        if nearest_label(first.ratings[metric]) != nearest_label(second.ratings[metric])
    ]
    return sorted(disagreements, key=lambda disagreement: -disagreement.difference)[:limit]


def _reviewer_pairs(connection: sa.Connection, application: str | None) -> Iterator[tuple[Any, Any]]:
    """The first two reviews of each request with two or more, ordered by reviewer; oldest request first."""
    query = sa.select(review).where(sa.not_(review.c.is_skipped)).order_by(review.c.id)
    if application is not None:
        query = query.where(review.c.application == application)
    by_request: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        by_request[row.trace_id, row.application].append(row)
    for rows in by_request.values():
        if len(rows) >= 2:
            # A fixed order: kappa depends on each reviewer's label shares, which a changing order would mix.
            first, second = sorted(rows[:2], key=lambda row: row.reviewer)
            yield first, second
