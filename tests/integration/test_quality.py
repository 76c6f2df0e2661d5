"""Scores: kept once, rolled up by the hour, told with an interval that says how much is known."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import sqlalchemy as sa

from db.tables.telemetry import application
from db.transaction import reading, writing
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.scores import fetch_trace_scores
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.quality import (
    Score,
    estimate_interval,
    read_quality,
    read_quality_by,
    read_quality_series,
    record_scores,
)
from tests.integration.traffic import DAY, MINUTE_NS

DAY_NS = 1_767_571_200 * 10**9
ALL_DAY = Filters(start=DAY, end=DAY + dt.timedelta(days=1))


def score(number: int, value: float | None, *, release: str = "r1") -> Score:
    return Score(
        application="shop",
        trace_id=f"{number:032x}",
        metric="grounding_overlap",
        judge="offline",
        value=value,
        start_ns=DAY_NS + number * 30 * MINUTE_NS,
        release=release,
    )


def record(engine: sa.Engine, *scores: Score) -> int:
    with writing(engine) as connection:
        if connection.execute(sa.select(application)).first() is None:
            connection.execute(
                application.insert(), {"application": "shop", "is_demo": False, "first_seen_at": DAY}
            )
        return record_scores(connection, scores)


def test_scores_told_twice_count_once(engine: sa.Engine) -> None:
    told = [score(0, 0.5), score(1, 0.7), score(2, None)]
    assert record(engine, *told, told[0]) == 3
    assert record(engine, *told, score(3, 0.9)) == 1
    with reading(engine) as connection:
        (found,) = read_quality(connection, ALL_DAY)
    # t of 2 degrees of freedom at 97.5 % is 4.303; s = 0.2, so 0.7 +- 4.303 * 0.2 / sqrt(3) = +- 0.497, cut at 1.
    assert (found.metric, found.judge, found.scored, found.undefined) == (
        "grounding_overlap",
        "offline",
        3,
        1,
    )
    assert found.mean == pytest.approx(0.7)
    assert found.low == pytest.approx(0.203, abs=1e-3)
    assert found.high == 1.0


def test_the_scores_of_one_request(engine: sa.Engine) -> None:
    record(engine, score(1, 0.5), score(2, None))
    with reading(engine) as connection:
        assert fetch_trace_scores(connection, f"{1:032x}") == [score(1, 0.5)]
        assert fetch_trace_scores(connection, f"{3:032x}") == []


def test_quality_over_time_and_by_release(engine: sa.Engine) -> None:
    record(engine, score(0, 0.5), score(1, 0.7), score(2, 0.9, release="r2"))
    with reading(engine) as connection:
        points = read_quality_series(connection, ALL_DAY)
        assert [(point.start, point.quality.scored) for point in points] == [
            (DAY, 2),
            (DAY + dt.timedelta(hours=1), 1),
        ]
        split = read_quality_by(connection, ALL_DAY, "release")
        assert [(key, one.mean) for key, one in split] == [
            ("r1", pytest.approx(0.6)),
            ("r2", pytest.approx(0.9)),
        ]
        narrowed = Filters(start=DAY, end=DAY + dt.timedelta(days=1), release="r2", application="shop")
        assert [one.scored for one in read_quality(connection, narrowed)] == [1]


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_score_outside_zero_to_one_is_refused(value: float) -> None:
    with pytest.raises(BadInput, match="from 0 to 1"):
        score(0, value)


def test_little_evidence_says_so() -> None:
    assert estimate_interval(0, 0.0, 0.0).mean is None
    assert (estimate_interval(1, 0.8, 0.64).mean, estimate_interval(1, 0.8, 0.64).low) == (0.8, None)


def test_equal_values_are_not_certainty() -> None:
    # Wilson for 10 of 10: low = 10 / (10 + 1.96^2) = 0.7225.
    found = estimate_interval(10, 10.0, 10.0)
    assert found.low == pytest.approx(0.7225, abs=1e-4)
    assert found.high == pytest.approx(1.0)
    assert "Wilson" in found.method


def test_the_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    random = np.random.default_rng(11)
    values = random.beta(8, 2, size=(2000, 30))
    held = 0
    for row in values:
        found = estimate_interval(30, float(row.sum()), float((row * row).sum()))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.8 <= found.high
    assert 0.93 <= held / 2000 <= 0.97
