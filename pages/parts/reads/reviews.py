"""Cached reads of what was chosen for scoring, and of what people think of answers."""

from __future__ import annotations

from genaiops_core.evaluation.human import review_agreement, reviews
from genaiops_core.telemetry.sampling import samples
from genaiops_core.telemetry.time_window import Filters
from pages.parts import reads
from pages.parts.reads import QUICK_S, STEADY_S, cached, snapshot


@cached(QUICK_S)
def queue(url: str, reviewer: str, application: str | None, limit: int) -> list[reviews.ReviewItem]:
    """What this reviewer should read next, in order."""
    with snapshot(url) as connection:
        return reviews.queue(connection, reviewer=reviewer, application=application, limit=limit)


@cached(QUICK_S)
def open_count(url: str, reviewer: str, application: str | None) -> int:
    """How many this reviewer has not read."""
    with snapshot(url) as connection:
        return reviews.open_count(connection, reviewer=reviewer, application=application)


@cached(QUICK_S)
def read(url: str, reviewer: str, application: str, trace_id: str) -> reviews.ReviewPage | None:
    """One answer as this reviewer may see it."""
    with snapshot(url) as connection:
        return reviews.read(connection, reviewer=reviewer, application=application, trace_id=trace_id)


@cached(QUICK_S)
def agreement(url: str, application: str | None) -> list[review_agreement.MetricAgreement]:
    """How far two reviewers agree, by criterion."""
    with snapshot(url) as connection:
        return review_agreement.agreement(connection, application)


@cached(QUICK_S)
def disagreements(url: str, application: str | None, limit: int) -> list[review_agreement.Disagreement]:
    """Where two reviewers differ most."""
    with snapshot(url) as connection:
        return review_agreement.disagreements(connection, application, limit=limit)


@cached(STEADY_S)
def sampling(url: str, filters: Filters) -> samples.SamplingSummary:
    """How much of the traffic of a window was chosen for scoring, and why."""
    with snapshot(url) as connection:
        return samples.sampling_summary(connection, filters)


@cached(STEADY_S)
def sample(url: str, application: str, trace_id: str) -> samples.Sample | None:
    """Whether and why one request was chosen."""
    with snapshot(url) as connection:
        return samples.get_sample(connection, application, trace_id)


reads.forgets("reviews", queue, open_count, read, agreement, disagreements, reads.audit_entries)
