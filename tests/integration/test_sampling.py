"""Choosing requests from traffic: each is considered once, whatever comes late, out of order, or is restarted."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from db.engine import is_sqlite
from db.tables.reviews import sample, sample_rollup_hour, sample_waiting
from db.tables.telemetry import application, request, score, score_rollup_hour
from db.transaction import reading, writing
from genaiops_core.telemetry.sampling import feedback, selection
from genaiops_core.telemetry.sampling.policy import Policy, hash_to_bucket
from genaiops_core.telemetry.sampling.samples import get_sample, list_samples, read_sampling_summary
from genaiops_core.telemetry.scores import Score, record_scores
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.quality import read_quality
from tests.integration.traffic import DAY

POLICY = Policy(rate=0.5)
NOW = DAY + dt.timedelta(hours=12)
LATER = NOW + dt.timedelta(seconds=11)
DAY_NS = int(DAY.timestamp()) * 10**9
ALL_DAY = Filters(start=DAY, end=DAY + dt.timedelta(days=1))


def add(connection: sa.Connection, number: int, **changes: Any) -> str:
    """One finished request of user u1, an hour into the day."""
    if connection.execute(sa.select(application)).first() is None:
        connection.execute(
            application.insert(), {"application": "shop", "is_demo": False, "first_seen_at": DAY}
        )
    row: dict[str, Any] = {c.name: 0 for c in request.c if isinstance(c.type, sa.BigInteger)}
    row |= {c.name: "" for c in request.c if isinstance(c.type, sa.String)}
    row |= {
        "trace_id": f"{number:032x}",
        "application": "shop",
        "release": "r1",
        "user_id": "u1",
        "is_error": False,
        "start_ns": DAY_NS + 3_600 * 10**9 + number,
        "duration_ns": 10**9,
    }
    row |= changes
    row.pop("id")
    connection.execute(request.insert(), row)
    return str(row["trace_id"])


def consider_all(engine: sa.Engine, *, now: dt.datetime = LATER, limit: int = 1_000) -> int:
    """Mark, let it settle, and go through; how many were considered."""
    selection.consider(engine, POLICY, now - dt.timedelta(seconds=11))
    done = 0
    while True:
        step = selection.consider(engine, POLICY, now, limit=limit)
        done += step.requests
        if not step.has_more:
            return done


def considered(engine: sa.Engine) -> dict[int, int]:
    with reading(engine) as connection:
        c = sample_rollup_hour.c
        rows = connection.execute(sa.select(c.rate_ppm, sa.func.sum(c.requests)).group_by(c.rate_ppm))
        return {rate: int(count) for rate, count in rows if count}


def reasons(engine: sa.Engine) -> dict[str, str]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(sample.c.trace_id, sample.c.reason))
        return {str(trace_id): str(reason) for trace_id, reason in rows}


def drawn(numbers: range) -> list[str]:
    return [f"{n:032x}" for n in numbers if hash_to_bucket(f"{n:032x}") < POLICY.rate_ppm]


def test_every_request_is_considered_once(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for number in range(1, 41):
            add(connection, number)
    assert selection.consider(engine, POLICY, NOW).requests == 0  # it has to settle first
    assert selection.consider(engine, POLICY, NOW + dt.timedelta(seconds=9)).requests == 0
    assert consider_all(engine, limit=7) == 40
    assert consider_all(engine, now=LATER + dt.timedelta(minutes=1)) == 0
    chosen = reasons(engine)
    # The first request of u1, and those whose hash says so.
    assert chosen.pop(f"{1:032x}") == "new_user"
    assert sorted(chosen) == drawn(range(2, 41))
    assert set(chosen.values()) == {"base_rate"}
    assert considered(engine) == {1_000_000: 1, 500_000: 39}
    with reading(engine) as connection:
        told = read_sampling_summary(connection, ALL_DAY)
        assert (told.considered, told.sampled, told.queued) == (40, len(chosen) + 1, len(chosen) + 1)
        assert told.base_rate == 0.5
        assert [(one.reason, one.priority, one.queued) for one in told.by_reason] == [
            ("new_user", 2, 1),
            ("base_rate", 4, len(chosen)),
        ]
        newest = list_samples(connection, ALL_DAY, limit=1)[0]
        assert newest.trace_id == max(chosen)
        assert newest.rate == 0.5
        assert get_sample(connection, "shop", f"{1:032x}") is not None


def test_new_users_are_those_without_an_earlier_request(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add(connection, 9, user_id="u1")
        add(connection, 3, user_id="u1")  # came later, started earlier
        add(connection, 5, user_id="u1", application="desk")
        add(connection, 6, user_id="")
        add(connection, 7, user_id="u2", start_ns=DAY_NS)
        add(connection, 8, user_id="u2", start_ns=DAY_NS)  # at the same instant
    consider_all(engine)
    new = {trace_id for trace_id, reason in reasons(engine).items() if reason == "new_user"}
    assert new == {f"{n:032x}" for n in (3, 5, 7)}


def test_a_request_without_root_waits_for_it(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add(connection, 1, duration_ns=None, user_id="")
        add(connection, 2, duration_ns=None, user_id="")
    assert consider_all(engine) == 0
    with writing(engine) as connection:
        connection.execute(
            sa.update(request).where(request.c.trace_id == f"{1:032x}").values(duration_ns=10**10)
        )
    at = LATER + dt.timedelta(minutes=1)
    assert selection.consider(engine, POLICY, at).requests == 0  # its other spans may still come
    assert selection.consider(engine, POLICY, at + dt.timedelta(seconds=10)).requests == 1
    assert reasons(engine) == {f"{1:032x}": "high_latency"}
    selection.consider(engine, POLICY, at + dt.timedelta(hours=7))
    with reading(engine) as connection:
        assert connection.execute(sa.select(sample_waiting)).first() is None


def test_a_crash_half_way_repeats_or_loses_nothing(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(engine) as connection:
        for number in range(1, 31):
            add(connection, number, user_id="")
    selection.consider(engine, POLICY, NOW)
    chance = random.Random(4)
    real: Callable[..., Any] = selection.count_considered

    def failing(*args: Any) -> None:
        real(*args)
        if chance.random() < 0.5:
            raise RuntimeError("killed")

    monkeypatch.setattr(selection, "count_considered", failing)
    total = 0
    for _ in range(60):
        try:
            total += selection.consider(engine, POLICY, LATER, limit=3).requests
        except RuntimeError:
            continue
    assert total == 30
    assert considered(engine) == {500_000: 30}
    assert sorted(reasons(engine)) == drawn(range(1, 31))


def test_what_is_deleted_does_not_hide_what_comes_after(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for number in range(1, 11):
            add(connection, number)
    assert consider_all(engine) == 10
    with writing(engine) as connection:
        connection.execute(sa.delete(request))
        for number in range(11, 21):
            add(connection, number)
    assert consider_all(engine, now=LATER + dt.timedelta(minutes=1)) == 10


def test_ids_that_become_visible_out_of_order_are_not_passed_over(engine: sa.Engine) -> None:
    if is_sqlite(engine):
        return  # one writer at a time: the other order cannot happen
    with writing(engine) as connection:
        add(connection, 1, user_id="")
    with engine.connect() as slow:
        add(slow, 2, user_id="")
        with writing(engine) as connection:
            add(connection, 3, user_id="")
        selection.consider(engine, POLICY, NOW)  # sees 1 and 3, and that somebody is still writing
        assert selection.consider(engine, POLICY, LATER).requests == 0
        slow.commit()
    assert selection.consider(engine, POLICY, LATER).requests == 3


def scored(engine: sa.Engine, number: int, value: float, rate_ppm: int) -> None:
    one = Score(
        application="shop",
        trace_id=f"{number:032x}",
        metric="faithfulness",
        judge="j",
        value=value,
        start_ns=DAY_NS + 3_600 * 10**9 + number,
        release="r1",
        rate_ppm=rate_ppm,
    )
    with writing(engine) as connection:
        assert record_scores(connection, [one]) == 1


def test_dislike_that_comes_later_moves_a_request(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for number in range(1, 41):
            add(connection, number, user_id="")
    consider_all(engine)
    chosen = drawn(range(1, 41))
    judged = int(chosen[0], 16)
    left_out = next(n for n in range(1, 41) if f"{n:032x}" not in chosen)
    scored(engine, judged, 0.2, 500_000)
    scored(engine, int(chosen[1], 16), 0.9, 500_000)
    scored(engine, int(chosen[2], 16), 0.8, 500_000)
    for number in (judged, left_out):
        for _ in range(2):  # told twice
            feedback.record_feedback(engine, trace_id=f"{number:032x}", user_id="anna", thumb="down")
    assert considered(engine) == {1_000_000: 2, 500_000: 38}
    with reading(engine) as connection:
        for number in (judged, left_out):
            found = get_sample(connection, "shop", f"{number:032x}")
            assert found is not None
            assert (found.reason, found.priority, found.rate) == ("negative_feedback", 1, 1.0)
        rates = dict(
            connection.execute(
                sa.select(score.c.trace_id, score.c.rate_ppm).where(score.c.judge == "j")
            ).all()
        )
        assert rates[f"{judged:032x}"] == 1_000_000
        by_metric = {one.metric: one for one in read_quality(connection, ALL_DAY)}
        # Of the two disliked one is judged: 2 * 0.2 and 38 * 0.85 of 40.
        assert by_metric["faithfulness"].mean == pytest.approx((2 * 0.2 + 38 * 0.85) / 40)
        assert by_metric["faithfulness"].population == 40
        assert by_metric["user_feedback"].mean == 0.0
        cells = connection.execute(
            sa.select(score_rollup_hour.c.rate_ppm, score_rollup_hour.c.scored).where(
                score_rollup_hour.c.judge == "j"
            )
        ).all()
        assert dict(cells) == {500_000: 2, 1_000_000: 1}


def test_feedback_before_its_request_is_found_by_the_sampler(engine: sa.Engine) -> None:
    feedback.record_feedback(engine, trace_id=f"{1:032x}", user_id="anna", rating=2)
    feedback.record_feedback(engine, trace_id=f"{2:032x}", user_id="anna", rating=5)
    with writing(engine) as connection:
        add(connection, 1, user_id="")
        add(connection, 2, user_id="")
    consider_all(engine)
    assert reasons(engine)[f"{1:032x}"] == "negative_feedback"
    with reading(engine) as connection:
        (found,) = read_quality(connection, ALL_DAY)
    assert (found.metric, found.judge, found.scored) == ("user_feedback", "user", 2)
    assert found.mean == pytest.approx((0.25 + 1.0) / 2)
    assert not found.is_sampled


def test_most_of_the_traffic_unscored_is_unknown_not_bad(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add(connection, 1, user_id="", duration_ns=10**10)
        for number in range(2, 12):
            add(connection, number, user_id="")
    consider_all(engine)
    scored(engine, 1, 0.1, 1_000_000)
    with reading(engine) as connection:
        (found,) = read_quality(connection, ALL_DAY)
    assert found.mean is None
    assert found.is_sampled
    assert found.unscored_share == pytest.approx(10 / 11)
