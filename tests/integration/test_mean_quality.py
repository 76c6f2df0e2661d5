"""The mean quality is one figure: of the hour rollups that screens read and of the requests that the watch reads."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from db.tables.reviews import sample
from db.transaction import reading, writing
from genaiops_core.rollbacks.mean_quality import mean_quality
from genaiops_core.rollbacks.observations import observe
from genaiops_core.telemetry.sampling import feedback
from genaiops_core.telemetry.scores import Score, record_scores
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.quality import MetricQuality, read_quality
from tests.integration import sampled


def metric_quality(
    metric: str, *, judge: str = "paid", mean: float, requests: float, n: float
) -> MetricQuality:
    return MetricQuality(
        metric=metric,
        judge=judge,
        mean=mean,
        low=None,
        high=None,
        method="",
        scored=int(n),
        undefined=0,
        effective_n=n,
        requests_represented=requests,
    )


def test_metrics_weigh_by_the_requests_they_represent() -> None:
    # (0.9 * 100 + 0.6 * 50) / 150 = 0.8; effective n = 150^2 / (100^2 / 10 + 50^2 / 5) = 22500 / 1500 = 15.
    quality = mean_quality(
        [
            metric_quality("faithfulness", mean=0.9, requests=100, n=10),
            metric_quality("answer_relevancy", mean=0.6, requests=50, n=5),
        ]
    )
    assert quality.mean == pytest.approx(0.8)
    assert quality.effective_n == pytest.approx(15)


def test_proxies_and_self_selected_judges_do_not_count() -> None:
    quality = mean_quality(
        [
            metric_quality("grounding_overlap", mean=0.1, requests=100, n=100),
            metric_quality("user_feedback", judge="user", mean=0.1, requests=100, n=100),
            metric_quality("faithfulness", judge="human", mean=0.1, requests=100, n=100),
        ]
    )
    assert (quality.mean, quality.effective_n) == (None, 0.0)


def test_screens_and_watch_agree_on_the_same_scores(engine: sa.Engine) -> None:
    requests = sampled.traces(60, users=1)
    sampled.ingest_and_sample(engine, requests, rate=0.4)
    for request in requests[5:15]:
        feedback.record_feedback(engine, trace_id=request.trace_id, thumb="down")
    with writing(engine) as connection:
        rows = connection.execute(sa.select(sample)).all()
        # Two metrics with different values, one of them undefined for every third request.
        record_scores(
            connection,
            [
                Score(
                    application=row.application,
                    trace_id=row.trace_id,
                    metric=metric,
                    judge="paid",
                    value=None if metric == "context_recall" and number % 3 == 0 else value,
                    start_ns=row.start_ns,
                    environment=row.environment,
                    release=row.release,
                    rate_ppm=row.rate_ppm,
                )
                for number, row in enumerate(rows)
                for metric, value in (
                    ("faithfulness", 0.2 if row.rate_ppm == 1_000_000 else 0.95),
                    ("context_recall", 0.7),
                )
            ],
        )
    with reading(engine) as connection:
        observation = observe(
            connection,
            application=sampled.APPLICATION,
            release=requests[0].release,
            variant="canary",
            now=sampled.NOW,
            window_min=int(dt.timedelta(hours=5).total_seconds() // 60),
        )
        screen = mean_quality(
            read_quality(
                connection,
                Filters(
                    start=sampled.NOW - dt.timedelta(hours=5),
                    end=sampled.NOW,
                    application=sampled.APPLICATION,
                ),
            )
        )
    assert observation.avg_quality_score == pytest.approx(screen.mean, abs=1e-12)
    assert observation.scores == int(screen.effective_n)
