"""Retention: what is too old goes, in every table; the figures that remain are exact."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections import Counter

import pytest
import sqlalchemy as sa

from db.tables.evaluations import judge_call
from db.tables.telemetry import (
    feedback,
    payload,
    request,
    rollup_day,
    rollup_hour,
    rollup_minute,
    saved_settings,
    score,
    span,
    usage_user_day,
)
from db.transaction import reading, writing
from genaiops_core.errors import BadInput
from genaiops_core.jobs.retention import RetentionRun
from genaiops_core.settings import Settings
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.privacy import retention
from genaiops_core.telemetry.privacy.retention import RetentionPeriods
from genaiops_core.telemetry.rollups import minutes, usage
from genaiops_core.telemetry.rollups.closing import close_hours
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.queries import read_breakdown, read_summary
from tests.integration.traffic import DAY, Call, add_requests, tell
from tests.otlp_samples import SECOND_NS, body, call

NOW = dt.datetime(2026, 4, 20, 12, 34, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def some_calls(*, days: int = 2, seed: int = 1, n: int = 300) -> list[Call]:
    chance = random.Random(seed)
    return [
        Call(
            at=DAY + dt.timedelta(seconds=chance.randrange(days * 86_400)),
            application=chance.choice(("shop", "desk")),
            release=chance.choice(("r1", "r2")),
            model=chance.choice(("m1", "m2", "")),
            duration_ns=chance.randrange(1, 10**10),
            is_error=chance.random() < 0.1,
        )
        for _ in range(n)
    ]


def count(engine: sa.Engine, table: sa.Table) -> int:
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def figures(engine: sa.Engine) -> object:
    with reading(engine) as connection:
        window = Filters(start=DAY - dt.timedelta(days=9), end=DAY + dt.timedelta(days=9))
        rows = read_breakdown(connection, window, by=("application", "release", "model", "hour"))
        return read_summary(connection, window), sorted(map(repr, rows))


def bound(day: dt.datetime) -> int:
    return int(day.timestamp()) // 60


@pytest.mark.parametrize("is_closed_first", [True, False])
def test_joined_minutes_leave_every_hour_exact(engine: sa.Engine, is_closed_first: bool) -> None:
    with writing(engine) as connection:
        calls = some_calls()
        tell(connection, calls[:150], shard=0)
        tell(connection, calls[150:], shard=7)
    if is_closed_first:
        close_hours(engine, NOW)
    before, rows = figures(engine), count(engine, rollup_minute)

    joined = minutes.join_minutes(engine, bound(DAY + dt.timedelta(days=5)))

    assert figures(engine) == before
    assert count(engine, rollup_minute) == rows - joined
    assert joined > 30
    with reading(engine) as connection:
        assert set(connection.scalars(sa.select(rollup_minute.c.bucket % 60))) == {0}
    close_hours(engine, NOW)
    assert figures(engine) == before
    assert minutes.join_minutes(engine, bound(DAY + dt.timedelta(days=5))) == 0


def test_a_span_that_comes_after_its_minutes_were_joined_is_counted_with_the_others(
    engine: sa.Engine,
) -> None:
    calls = some_calls(n=50)
    with writing(engine) as connection:
        tell(connection, calls)
    close_hours(engine, NOW)
    minutes.join_minutes(engine, bound(NOW))
    late = [Call(at=call.at + dt.timedelta(seconds=1), application=call.application) for call in calls[:7]]
    with writing(engine) as connection:
        tell(connection, late, shard=3)
    window = Filters(start=DAY, end=DAY + dt.timedelta(days=3))
    for _ in range(2):
        with reading(engine) as connection:
            assert read_summary(connection, window).requests == 57
        close_hours(engine, NOW)


def test_only_minutes_before_the_bound_are_joined(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        tell(connection, [Call(at=DAY + dt.timedelta(minutes=m)) for m in range(120)])
    assert minutes.join_minutes(engine, bound(DAY + HOUR)) == 59
    assert count(engine, rollup_minute) == 61


def test_a_dry_run_says_what_the_run_then_does(engine: sa.Engine) -> None:
    old, new = some_calls(seed=2), [Call(at=NOW - dt.timedelta(days=2))]
    with writing(engine) as connection:
        tell(connection, [*old, *new])
        traces = add_requests(connection, [*old, *new])
        connection.execute(
            score.insert(),
            [
                {"application": c.application, "trace_id": t, "metric": "m", "judge": "j", "value": 1.0}
                | {"reason": "", "start_ns": c.start_ns}
                for c, t in zip([*old, *new], traces, strict=True)
            ],
        )
        connection.execute(
            feedback.insert(),
            [
                {
                    "trace_id": t,
                    "user_id": "",
                    "rating": 1.0,
                    "thumb": None,
                    "comment": "",
                    "received_at": c.at,
                }
                for c, t in zip([*old, *new], traces, strict=True)
            ],
        )
        connection.execute(
            payload.insert(),
            [
                {"application": c.application, "trace_id": t, "spans_zstd": b"", "start_ns": c.start_ns}
                for c, t in zip([*old, *new], traces, strict=True)
            ],
        )
    close_hours(engine, NOW)
    before = figures(engine)
    promised = retention.delete_expired(engine, RetentionPeriods(), NOW, is_dry_run=True)
    assert figures(engine) == before
    done = retention.delete_expired(engine, RetentionPeriods(), NOW)
    assert done.rows == promised.rows
    assert {name: done.rows[name] for name in ("payload", "score", "feedback", "request")} == {
        "payload": 300,
        "score": 300,
        "feedback": 300,
        "request": 300,
    }
    assert done.minutes_joined == promised.minutes_joined > 0
    assert figures(engine) == before
    assert [count(engine, table) for table in (payload, score, feedback, request)] == [1, 1, 1, 1]
    assert retention.delete_expired(engine, RetentionPeriods(), NOW).rows == {}


def test_figures_older_than_their_days_go_as_whole_days(engine: sa.Engine) -> None:
    keep = RetentionPeriods(payload_days=0, span_days=0, rollup_days=10, minute_days=0)
    first_kept = dt.datetime(2026, 4, 10, tzinfo=dt.UTC)
    with writing(engine) as connection:
        tell(connection, [Call(at=first_kept - dt.timedelta(minutes=1)), Call(at=first_kept)])
    close_hours(engine, NOW)
    assert retention.delete_expired(engine, keep, NOW).rows == {"rollup_minute": 1, "rollup_hour": 1, "rollup_day": 1}
    for table in (rollup_minute, rollup_hour, rollup_day):
        assert count(engine, table) == 1


def test_nought_days_are_for_ever(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        tell(connection, [Call(at=DAY)])
        add_requests(connection, [Call(at=DAY)])
    keep = RetentionPeriods(payload_days=0, span_days=0, rollup_days=0, minute_days=0)
    assert retention.delete_expired(engine, keep, NOW + dt.timedelta(days=9999)).rows == {}


def test_payloads_go_with_their_spans_even_if_they_might_stay(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as connection:
        tell(connection, [Call(at=DAY)])
        old = int(DAY.timestamp()) * 10**9
        connection.execute(
            payload.insert(), {"application": "shop", "trace_id": "a", "spans_zstd": b"", "start_ns": old}
        )
    keep = RetentionPeriods(payload_days=0, span_days=20, rollup_days=0, minute_days=0)
    assert retention.delete_expired(sqlite_engine, keep, NOW).rows == {"payload": 1}


def test_many_rows_go_in_portions_and_a_stop_leaves_the_rest(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_A_TRANSACTION", 40)
    calls = [Call(at=DAY + dt.timedelta(seconds=s)) for s in range(100)]
    with writing(sqlite_engine) as connection:
        tell(connection, calls[:1])
        add_requests(connection, calls)
    asked: list[bool] = []

    def is_stopping() -> bool:
        asked.append(True)
        return len(asked) > 2

    keep = RetentionPeriods(payload_days=0, span_days=10, rollup_days=0, minute_days=0)
    assert retention.delete_expired(sqlite_engine, keep, NOW, is_stopping=is_stopping).rows == {"request": 80}
    assert retention.delete_expired(sqlite_engine, keep, NOW).rows == {"request": 20}


def test_negative_days_are_refused() -> None:
    with pytest.raises(BadInput, match="span_days"):
        RetentionPeriods(span_days=-1)


def test_a_scheduled_run_waits_an_hour_and_is_one_workers(engine: sa.Engine) -> None:
    assert not retention.claim_run(engine, NOW)
    assert not retention.claim_run(engine, NOW + dt.timedelta(minutes=59))
    assert retention.claim_run(engine, NOW + HOUR)
    assert not retention.claim_run(engine, NOW + HOUR)
    assert retention.claim_run(engine, NOW + 2 * HOUR)


def test_span_table_is_among_those_that_grow_old() -> None:
    assert span.name in {aged.table for aged in retention._AGED}


def told_days_ago(engine: sa.Engine, days: int, *, trace: int, user: str = "ada") -> None:
    start_ns = int((NOW - dt.timedelta(days=days)).timestamp()) * SECOND_NS
    ingest(engine, decode_json(body(call(1, trace=trace, start_ns=start_ns, user__id=user))))


def used(engine: sa.Engine) -> dict[str, int]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(usage_user_day.c.user_id, usage_user_day.c.requests))
        sums: Counter[str] = Counter()
        for user_id, requests in rows:
            sums[user_id] += requests
    return dict(sums)


def test_figures_and_usage_outlive_their_spans_and_late_ones_take_nothing_away(engine: sa.Engine) -> None:
    for trace in range(1, 6):
        told_days_ago(engine, 100, trace=trace)
    told_days_ago(engine, 5, trace=6)
    window = Filters(start=NOW - dt.timedelta(days=200), end=NOW)
    with reading(engine) as connection:
        before = read_summary(connection, window)
    # Neither hours nor days are closed yet when the spans go.
    done = retention.delete_expired(engine, RetentionPeriods(), NOW)
    assert (done.rows["span"], done.rows["request"], done.rows["payload"]) == (5, 5, 5)
    for _ in range(2):
        with reading(engine) as connection:
            assert read_summary(connection, window) == before
        close_hours(engine, NOW)
    assert before.requests == 6
    assert before.call_latency_ms["p50"] is not None
    usage.close_days(engine, NOW)
    assert used(engine) == {"ada": 6}
    told_days_ago(engine, 100, trace=7)
    usage.close_days(engine, NOW)
    close_hours(engine, NOW)
    assert used(engine) == {"ada": 6}  # too late for its user
    with reading(engine) as connection:
        assert read_summary(connection, window).requests == 7  # but not for the figures


def test_ingest_goes_on_beside_retention(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_A_TRANSACTION", 5)
    for first in range(0, 60, 20):
        spans = [
            call(1, trace=first + n + 1, start_ns=int(DAY.timestamp()) * SECOND_NS + n * 60 * SECOND_NS)
            for n in range(20)
        ]
        ingest(engine, decode_json(body(*spans)))
    late = range(1000, 1060)
    failures: list[BaseException] = []

    def send() -> None:
        try:
            for trace in late:
                told_days_ago(engine, 105, trace=trace)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    retention.delete_expired(engine, RetentionPeriods(), NOW)
    thread.join()
    assert not failures
    retention.delete_expired(engine, RetentionPeriods(), NOW)
    close_hours(engine, NOW)
    assert count(engine, span) == 0
    with reading(engine) as connection:
        assert read_summary(connection, Filters(start=DAY - dt.timedelta(days=9), end=NOW)).calls == 120


def test_the_workers_task_runs_when_it_is_due(engine: sa.Engine) -> None:
    told_days_ago(engine, 4000, trace=1)
    task = RetentionRun(engine, Settings(), threading.Event())
    assert task() is None
    with writing(engine) as connection:
        due = saved_settings.c.name == "retention_due"
        connection.execute(
            saved_settings.update().where(due).values(value={"due_at": "2026-01-01T00:00:00+00:00"})
        )
    removed = task()
    assert removed is not None
    assert removed.rows["span"] == 1
    assert task() is None


def test_replies_of_judges_go_with_the_other_contents(engine: sa.Engine) -> None:
    called = {"old": NOW - dt.timedelta(days=40), "new": NOW - dt.timedelta(days=3)}
    rows = [
        {
            "evaluation_id": "e",
            "call_sha256": name,
            "case_no": 1,
            "repetition": 1,
            "metric": "faithfulness",
            "reply": {"text": "yes"},
            "latency_ms": 1.0,
            "called_at": at,
        }
        for name, at in called.items()
    ]
    with writing(engine) as connection:
        connection.execute(sa.insert(judge_call), rows)
    assert retention.delete_expired(engine, RetentionPeriods(), NOW).rows == {"judge_call": 1}
    with reading(engine) as connection:
        assert connection.execute(sa.select(judge_call.c.call_sha256)).scalars().all() == ["new"]
