"""Cached reads of the review queue, of reviewer agreement and of sampling."""

from __future__ import annotations

from genaiops_core.evaluation.human import review_agreement, reviews
from genaiops_core.telemetry.sampling import samples
from genaiops_core.telemetry.time_window import Filters
from pages.parts.reads.cache import QUICK_S, STEADY_S, cache_for, register_reads
from pages.parts.reads.connection import open_snapshot


@cache_for(QUICK_S)
def list_queue(url: str, reviewer: str, application: str | None, limit: int) -> list[reviews.ReviewItem]:
    """The next answers for this reviewer, in order."""
    with open_snapshot(url) as connection:
        return reviews.queue(connection, reviewer=reviewer, application=application, limit=limit)


@cache_for(QUICK_S)
def count_open_reviews(url: str, reviewer: str, application: str | None) -> int:
    """Number of answers that this reviewer has not reviewed."""
    with open_snapshot(url) as connection:
        return reviews.open_count(connection, reviewer=reviewer, application=application)


@cache_for(QUICK_S)
def get_review_page(url: str, reviewer: str, application: str, trace_id: str) -> reviews.ReviewPage | None:
    """One answer as this reviewer may see it: without the other review until their own is done."""
    with open_snapshot(url) as connection:
        return reviews.read(connection, reviewer=reviewer, application=application, trace_id=trace_id)


@cache_for(QUICK_S)
def measure_agreement(url: str, application: str | None) -> list[review_agreement.MetricAgreement]:
    """Agreement of two reviewers, by criterion."""
    with open_snapshot(url) as connection:
        return review_agreement.read_agreement(connection, application)


@cache_for(QUICK_S)
def list_disagreements(url: str, application: str | None, limit: int) -> list[review_agreement.Disagreement]:
    """Answers on which two reviewers differ most."""
    with open_snapshot(url) as connection:
        return review_agreement.read_disagreements(connection, application, limit=limit)


@cache_for(STEADY_S)
def summarise_sampling(url: str, filters: Filters) -> samples.SamplingSummary:
    """How many requests of a window were sampled for scoring, and why."""
    with open_snapshot(url) as connection:
        return samples.read_sampling_summary(connection, filters)


@cache_for(STEADY_S)
def get_sample(url: str, application: str, trace_id: str) -> samples.Sample | None:
    """Whether and why one request was sampled."""
    with open_snapshot(url) as connection:
        return samples.get_sample(connection, application, trace_id)


register_reads(
    "reviews", list_queue, count_open_reviews, get_review_page, measure_agreement, list_disagreements
)
