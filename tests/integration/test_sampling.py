"""Selection of requests: each is considered once, also with late or out-of-order rows and restarts."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from db.engine import is_sqlite
from db.tables.reviews import sample, sample_rollup_hour, sample_waiting
from db.tables.telemetry import request, score, score_rollup_hour
from db.transaction import reading, writing
from genaiops_core.telemetry.sampling import feedback, selection
from genaiops_core.telemetry.sampling.policy import hash_to_bucket
from genaiops_core.telemetry.sampling.samples import get_sample, list_samples, read_sampling_summary
from genaiops_core.telemetry.scores import Score, record_scores
from genaiops_core.telemetry.traffic.quality import read_quality
from tests.integration.request_rows import ALL_DAY, DAY_NS, LATER, NOW, POLICY, add_request, consider_all


def count_by_rate(engine: sa.Engine) -> dict[int, int]:
    with reading(engine) as connection:
        c = sample_rollup_hour.c
        rows = connection.execute(sa.select(c.rate_ppm, sa.func.sum(c.requests)).group_by(c.rate_ppm))
        return {rate: int(count) for rate, count in rows if count}


def read_reasons(engine: sa.Engine) -> dict[str, str]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(sample.c.trace_id, sample.c.reason))
        return {str(trace_id): str(reason) for trace_id, reason in rows}


def list_randomly_selected(numbers: range) -> list[str]:
    return [f"{n:032x}" for n in numbers if hash_to_bucket(f"{n:032x}") < POLICY.rate_ppm]


def test_every_request_is_considered_once(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for number in range(1, 41):
            add_request(connection, number)
    assert selection.consider(engine, POLICY, NOW).requests == 0  # within the settling time
    assert selection.consider(engine, POLICY, NOW + dt.timedelta(seconds=9)).requests == 0
    assert consider_all(engine, limit=7) == 40
    assert consider_all(engine, now=LATER + dt.timedelta(minutes=1)) == 0
    chosen = read_reasons(engine)
    # The first request of u1, and the requests selected by their hash.
    assert chosen.pop(f"{1:032x}") == "new_user"
    assert sorted(chosen) == list_randomly_selected(range(2, 41))
    assert set(chosen.values()) == {"base_rate"}
    assert count_by_rate(engine) == {1_000_000: 1, 500_000: 39}
    with reading(engine) as connection:
        summary = read_sampling_summary(connection, ALL_DAY)
        assert (summary.considered, summary.sampled, summary.queued) == (40, len(chosen) + 1, len(chosen) + 1)
        assert summary.base_rate == 0.5
        assert [(reason.reason, reason.priority, reason.queued) for reason in summary.by_reason] == [
            ("new_user", 2, 1),
            ("base_rate", 4, len(chosen)),
        ]
        newest = list_samples(connection, ALL_DAY, limit=1)[0]
        assert newest.trace_id == max(chosen)
        assert newest.rate == 0.5
        assert get_sample(connection, "shop", f"{1:032x}") is not None


def test_new_users_are_those_without_an_earlier_request(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add_request(connection, 9, user_id="u1")
        add_request(connection, 3, user_id="u1")  # came later, started earlier
        add_request(connection, 5, user_id="u1", application="desk")
        add_request(connection, 6, user_id="")
        add_request(connection, 7, user_id="u2", start_ns=DAY_NS)
        add_request(connection, 8, user_id="u2", start_ns=DAY_NS)  # at the same instant
    consider_all(engine)
    new = {trace_id for trace_id, reason in read_reasons(engine).items() if reason == "new_user"}
    assert new == {f"{n:032x}" for n in (3, 5, 7)}


def test_request_waits_for_its_root_span(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add_request(connection, 1, duration_ns=None, user_id="")
        add_request(connection, 2, duration_ns=None, user_id="")
    assert consider_all(engine) == 0
    with writing(engine) as connection:
        connection.execute(
            sa.update(request).where(request.c.trace_id == f"{1:032x}").values(duration_ns=10**10)
        )
    at = LATER + dt.timedelta(minutes=1)
    assert selection.consider(engine, POLICY, at).requests == 0  # other spans may still arrive
    assert selection.consider(engine, POLICY, at + dt.timedelta(seconds=10)).requests == 1
    assert read_reasons(engine) == {f"{1:032x}": "high_latency"}
    selection.consider(engine, POLICY, at + dt.timedelta(hours=7))
    with reading(engine) as connection:
        assert connection.execute(sa.select(sample_waiting)).first() is None


def test_crash_neither_repeats_nor_loses_requests(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(engine) as connection:
        for number in range(1, 31):
            add_request(connection, number, user_id="")
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
    assert count_by_rate(engine) == {500_000: 30}
    assert sorted(read_reasons(engine)) == list_randomly_selected(range(1, 31))


def test_requests_after_a_deletion_are_considered(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for number in range(1, 11):
            add_request(connection, number)
    assert consider_all(engine) == 10
    with writing(engine) as connection:
        connection.execute(sa.delete(request))
        for number in range(11, 21):
            add_request(connection, number)
    assert consider_all(engine, now=LATER + dt.timedelta(minutes=1)) == 10


def test_ids_visible_out_of_order_are_considered(engine: sa.Engine) -> None:
    if is_sqlite(engine):
        return  # SQLite has one writer, so ids become visible in order
    with writing(engine) as connection:
        add_request(connection, 1, user_id="")
    with engine.connect() as slow:
        add_request(slow, 2, user_id="")
        with writing(engine) as connection:
            add_request(connection, 3, user_id="")
        selection.consider(engine, POLICY, NOW)  # sees 1 and 3, and an open transaction
        assert selection.consider(engine, POLICY, LATER).requests == 0
        slow.commit()
    assert selection.consider(engine, POLICY, LATER).requests == 3


def store_score(engine: sa.Engine, number: int, value: float, rate_ppm: int) -> None:
    new_score = Score(
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
        assert record_scores(connection, [new_score]) == 1


def test_late_negative_feedback_queues_the_request(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for number in range(1, 41):
            add_request(connection, number, user_id="")
    consider_all(engine)
    chosen = list_randomly_selected(range(1, 41))
    judged = int(chosen[0], 16)
    not_chosen = next(n for n in range(1, 41) if f"{n:032x}" not in chosen)
    store_score(engine, judged, 0.2, 500_000)
    store_score(engine, int(chosen[1], 16), 0.9, 500_000)
    store_score(engine, int(chosen[2], 16), 0.8, 500_000)
    for number in (judged, not_chosen):
        for _ in range(2):  # the second time is a duplicate
            feedback.record_feedback(engine, trace_id=f"{number:032x}", user_id="anna", thumb="down")
    assert count_by_rate(engine) == {1_000_000: 2, 500_000: 38}
    with reading(engine) as connection:
        for number in (judged, not_chosen):
            changed_sample = get_sample(connection, "shop", f"{number:032x}")
            assert changed_sample is not None
            assert (changed_sample.reason, changed_sample.priority, changed_sample.rate) == (
                "negative_feedback",
                1,
                1.0,
            )
        rates = dict(
            connection.execute(
                sa.select(score.c.trace_id, score.c.rate_ppm).where(score.c.judge == "j")
            ).all()
        )
        assert rates[f"{judged:032x}"] == 1_000_000
        by_metric = {quality.metric: quality for quality in read_quality(connection, ALL_DAY)}
        # Of the two requests with negative feedback one is judged: 2 * 0.2 and 38 * 0.85 of 40.
        assert by_metric["faithfulness"].mean == pytest.approx((2 * 0.2 + 38 * 0.85) / 40)
        assert by_metric["faithfulness"].population == 40
        assert by_metric["user_feedback"].mean == 0.0
        cells = connection.execute(
            sa.select(score_rollup_hour.c.rate_ppm, score_rollup_hour.c.scored).where(
                score_rollup_hour.c.judge == "j"
            )
        ).all()
        assert dict(cells) == {500_000: 2, 1_000_000: 1}


def test_feedback_before_its_request_is_used(engine: sa.Engine) -> None:
    feedback.record_feedback(engine, trace_id=f"{1:032x}", user_id="anna", rating=2)
    feedback.record_feedback(engine, trace_id=f"{2:032x}", user_id="anna", rating=5)
    with writing(engine) as connection:
        add_request(connection, 1, user_id="")
        add_request(connection, 2, user_id="")
    consider_all(engine)
    assert read_reasons(engine)[f"{1:032x}"] == "negative_feedback"
    with reading(engine) as connection:
        (quality,) = read_quality(connection, ALL_DAY)
    assert (quality.metric, quality.judge, quality.scored) == ("user_feedback", "user", 2)
    assert quality.mean == pytest.approx((0.25 + 1.0) / 2)
    assert not quality.is_sampled


def test_mean_is_unknown_when_most_traffic_is_unscored(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add_request(connection, 1, user_id="", duration_ns=10**10)
        for number in range(2, 12):
            add_request(connection, number, user_id="")
    consider_all(engine)
    store_score(engine, 1, 0.1, 1_000_000)
    with reading(engine) as connection:
        (quality,) = read_quality(connection, ALL_DAY)
    assert quality.mean is None
    assert quality.is_sampled
    assert quality.unscored_share == pytest.approx(10 / 11)
