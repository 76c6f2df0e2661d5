"""Scores: stored once, rolled up by the hour, with 95 % intervals of their mean."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import sqlalchemy as sa

from db.tables.telemetry import application
from db.transaction import reading, writing
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.scores import Score, fetch_trace_scores, record_scores
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.quality import (
    estimate_interval,
    read_quality,
    read_quality_by,
    read_quality_series,
)
from tests.integration.traffic import DAY, MINUTE_NS

DAY_NS = 1_767_571_200 * 10**9
ALL_DAY = Filters(start=DAY, end=DAY + dt.timedelta(days=1))


def build_score(number: int, value: float | None, *, release: str = "r1") -> Score:
    return Score(
        application="shop",
        trace_id=f"{number:032x}",
        metric="grounding_overlap",
        judge="offline",
        value=value,
        start_ns=DAY_NS + number * 30 * MINUTE_NS,
        release=release,
    )


def store_scores(engine: sa.Engine, *scores: Score) -> int:
    with writing(engine) as connection:
        if connection.execute(sa.select(application)).first() is None:
            connection.execute(
                application.insert(), {"application": "shop", "is_demo": False, "first_seen_at": DAY}
            )
        return record_scores(connection, scores)


def test_duplicate_scores_count_once(engine: sa.Engine) -> None:
    scores = [build_score(0, 0.5), build_score(1, 0.7), build_score(2, None)]
    assert store_scores(engine, *scores, scores[0]) == 3
    assert store_scores(engine, *scores, build_score(3, 0.9)) == 1
    with reading(engine) as connection:
        (quality,) = read_quality(connection, ALL_DAY)
    # t of 2 degrees of freedom at 97.5 % is 4.303; s = 0.2, so 0.7 +- 4.303 * 0.2 / sqrt(3) = +- 0.497, cut at 1.
    assert (quality.metric, quality.judge, quality.scored, quality.undefined) == (
        "grounding_overlap",
        "offline",
        3,
        1,
    )
    assert quality.mean == pytest.approx(0.7)
    assert quality.low == pytest.approx(0.203, abs=1e-3)
    assert quality.high == 1.0


def test_scores_of_one_request(engine: sa.Engine) -> None:
    store_scores(engine, build_score(1, 0.5), build_score(2, None))
    with reading(engine) as connection:
        assert fetch_trace_scores(connection, f"{1:032x}") == [build_score(1, 0.5)]
        assert fetch_trace_scores(connection, f"{3:032x}") == []


def test_quality_over_time_and_by_release(engine: sa.Engine) -> None:
    store_scores(engine, build_score(0, 0.5), build_score(1, 0.7), build_score(2, 0.9, release="r2"))
    with reading(engine) as connection:
        points = read_quality_series(connection, ALL_DAY)
        assert [(point.start, point.quality.scored) for point in points] == [
            (DAY, 2),
            (DAY + dt.timedelta(hours=1), 1),
        ]
        by_release = read_quality_by(connection, ALL_DAY, "release")
        assert [(key, quality.mean) for key, quality in by_release] == [
            ("r1", pytest.approx(0.6)),
            ("r2", pytest.approx(0.9)),
        ]
        filters = Filters(start=DAY, end=DAY + dt.timedelta(days=1), release="r2", application="shop")
        assert [quality.scored for quality in read_quality(connection, filters)] == [1]


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_score_outside_zero_to_one_is_refused(value: float) -> None:
    with pytest.raises(BadInput, match="from 0 to 1"):
        build_score(0, value)


def test_interval_is_unknown_with_fewer_than_two_scores() -> None:
    assert estimate_interval(0, 0.0, 0.0).mean is None
    assert (estimate_interval(1, 0.8, 0.64).mean, estimate_interval(1, 0.8, 0.64).low) == (0.8, None)


def test_equal_scores_still_have_an_interval() -> None:
    # Wilson for 10 of 10: low = 10 / (10 + 1.96^2) = 0.7225.
    interval = estimate_interval(10, 10.0, 10.0)
    assert interval.low == pytest.approx(0.7225, abs=1e-4)
    assert interval.high == pytest.approx(1.0)
    assert "Wilson" in interval.method


def test_interval_covers_the_true_mean_in_95_percent() -> None:
    random = np.random.default_rng(11)
    values = random.beta(8, 2, size=(2000, 30))
    covered = 0
    for row in values:
        interval = estimate_interval(30, float(row.sum()), float((row * row).sum()))
        assert interval.low is not None
        assert interval.high is not None
        covered += interval.low <= 0.8 <= interval.high
    assert 0.93 <= covered / 2000 <= 0.97
