"""Retention: expired rows are deleted in every table, and the remaining figures are exact."""

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
from tests.integration.traffic import DAY, Call, add_requests, write_calls
from tests.otlp_samples import SECOND_NS, body, call

NOW = dt.datetime(2026, 4, 20, 12, 34, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def random_calls(*, days: int = 2, seed: int = 1, number: int = 300) -> list[Call]:
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
        for _ in range(number)
    ]


def count_rows(engine: sa.Engine, table: sa.Table) -> int:
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def read_figures(engine: sa.Engine) -> object:
    with reading(engine) as connection:
        window = Filters(start=DAY - dt.timedelta(days=9), end=DAY + dt.timedelta(days=9))
        rows = read_breakdown(connection, window, by=("application", "release", "model", "hour"))
        return read_summary(connection, window), sorted(map(repr, rows))


def minute_of(day: dt.datetime) -> int:
    return int(day.timestamp()) // 60


@pytest.mark.parametrize("is_closed_first", [True, False])
def test_hours_stay_exact_after_minutes_are_merged(engine: sa.Engine, is_closed_first: bool) -> None:
    with writing(engine) as connection:
        calls = random_calls()
        write_calls(connection, calls[:150], shard=0)
        write_calls(connection, calls[150:], shard=7)
    if is_closed_first:
        close_hours(engine, NOW)
    before, rows = read_figures(engine), count_rows(engine, rollup_minute)

    joined = minutes.join_minutes(engine, minute_of(DAY + dt.timedelta(days=5)))

    assert read_figures(engine) == before
    assert count_rows(engine, rollup_minute) == rows - joined
    assert joined > 30
    with reading(engine) as connection:
        assert set(connection.scalars(sa.select(rollup_minute.c.bucket % 60))) == {0}
    close_hours(engine, NOW)
    assert read_figures(engine) == before
    assert minutes.join_minutes(engine, minute_of(DAY + dt.timedelta(days=5))) == 0


def test_late_span_after_merged_minutes_is_counted_once(
    engine: sa.Engine,
) -> None:
    calls = random_calls(number=50)
    with writing(engine) as connection:
        write_calls(connection, calls)
    close_hours(engine, NOW)
    minutes.join_minutes(engine, minute_of(NOW))
    late = [Call(at=call.at + dt.timedelta(seconds=1), application=call.application) for call in calls[:7]]
    with writing(engine) as connection:
        write_calls(connection, late, shard=3)
    window = Filters(start=DAY, end=DAY + dt.timedelta(days=3))
    for _ in range(2):
        with reading(engine) as connection:
            assert read_summary(connection, window).requests == 57
        close_hours(engine, NOW)


def test_only_minutes_before_the_cutoff_are_merged(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY + dt.timedelta(minutes=minute)) for minute in range(120)])
    assert minutes.join_minutes(engine, minute_of(DAY + HOUR)) == 59
    assert count_rows(engine, rollup_minute) == 61


def test_dry_run_reports_what_the_run_deletes(engine: sa.Engine) -> None:
    old, new = random_calls(seed=2), [Call(at=NOW - dt.timedelta(days=2))]
    with writing(engine) as connection:
        write_calls(connection, [*old, *new])
        traces = add_requests(connection, [*old, *new])
        connection.execute(
            score.insert(),
            [
                {
                    "application": request_call.application,
                    "trace_id": trace_id,
                    "metric": "m",
                    "judge": "j",
                    "value": 1.0,
                }
                | {"reason": "", "start_ns": request_call.start_ns}
                for request_call, trace_id in zip([*old, *new], traces, strict=True)
            ],
        )
        connection.execute(
            feedback.insert(),
            [
                {
                    "trace_id": trace_id,
                    "user_id": "",
                    "rating": 1.0,
                    "thumb": None,
                    "comment": "",
                    "received_at": request_call.at,
                }
                for request_call, trace_id in zip([*old, *new], traces, strict=True)
            ],
        )
        connection.execute(
            payload.insert(),
            [
                {
                    "application": request_call.application,
                    "trace_id": trace_id,
                    "spans_zstd": b"",
                    "start_ns": request_call.start_ns,
                }
                for request_call, trace_id in zip([*old, *new], traces, strict=True)
            ],
        )
    close_hours(engine, NOW)
    before = read_figures(engine)
    expected = retention.delete_expired(engine, RetentionPeriods(), NOW, is_dry_run=True)
    assert read_figures(engine) == before
    result = retention.delete_expired(engine, RetentionPeriods(), NOW)
    assert result.rows == expected.rows
    assert {name: result.rows[name] for name in ("payload", "score", "feedback", "request")} == {
        "payload": 300,
        "score": 300,
        "feedback": 300,
        "request": 300,
    }
    assert result.minutes_joined == expected.minutes_joined > 0
    assert read_figures(engine) == before
    assert [count_rows(engine, table) for table in (payload, score, feedback, request)] == [1, 1, 1, 1]
    assert retention.delete_expired(engine, RetentionPeriods(), NOW).rows == {}


def test_expired_figures_are_deleted_by_whole_days(engine: sa.Engine) -> None:
    keep = RetentionPeriods(payload_days=0, span_days=0, rollup_days=10, minute_days=0)
    first_kept = dt.datetime(2026, 4, 10, tzinfo=dt.UTC)
    with writing(engine) as connection:
        write_calls(connection, [Call(at=first_kept - dt.timedelta(minutes=1)), Call(at=first_kept)])
    close_hours(engine, NOW)
    assert retention.delete_expired(engine, keep, NOW).rows == {
        "rollup_minute": 1,
        "rollup_hour": 1,
        "rollup_day": 1,
    }
    for table in (rollup_minute, rollup_hour, rollup_day):
        assert count_rows(engine, table) == 1


def test_zero_days_keep_data_forever(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        write_calls(connection, [Call(at=DAY)])
        add_requests(connection, [Call(at=DAY)])
    keep = RetentionPeriods(payload_days=0, span_days=0, rollup_days=0, minute_days=0)
    assert retention.delete_expired(engine, keep, NOW + dt.timedelta(days=9999)).rows == {}


def test_payloads_expire_with_their_spans(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as connection:
        write_calls(connection, [Call(at=DAY)])
        old = int(DAY.timestamp()) * 10**9
        connection.execute(
            payload.insert(), {"application": "shop", "trace_id": "a", "spans_zstd": b"", "start_ns": old}
        )
    keep = RetentionPeriods(payload_days=0, span_days=20, rollup_days=0, minute_days=0)
    assert retention.delete_expired(sqlite_engine, keep, NOW).rows == {"payload": 1}


def test_rows_are_deleted_in_portions_until_stopped(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_TRANSACTION", 40)
    calls = [Call(at=DAY + dt.timedelta(seconds=second)) for second in range(100)]
    with writing(sqlite_engine) as connection:
        write_calls(connection, calls[:1])
        add_requests(connection, calls)
    stop_checks: list[bool] = []

    def is_stopping() -> bool:
        stop_checks.append(True)
        return len(stop_checks) > 2

    keep = RetentionPeriods(payload_days=0, span_days=10, rollup_days=0, minute_days=0)
    assert retention.delete_expired(sqlite_engine, keep, NOW, is_stopping=is_stopping).rows == {"request": 80}
    assert retention.delete_expired(sqlite_engine, keep, NOW).rows == {"request": 20}


def test_negative_days_are_refused() -> None:
    with pytest.raises(BadInput, match="span_days"):
        RetentionPeriods(span_days=-1)


def test_scheduled_run_is_claimed_hourly_by_one_worker(engine: sa.Engine) -> None:
    assert not retention.claim_run(engine, NOW)
    assert not retention.claim_run(engine, NOW + dt.timedelta(minutes=59))
    assert retention.claim_run(engine, NOW + HOUR)
    assert not retention.claim_run(engine, NOW + HOUR)
    assert retention.claim_run(engine, NOW + 2 * HOUR)


def test_spans_expire() -> None:
    assert span.name in {expiring.table for expiring in retention._EXPIRING_TABLES}


def ingest_days_ago(engine: sa.Engine, days: int, *, trace: int, user: str = "ada") -> None:
    start_ns = int((NOW - dt.timedelta(days=days)).timestamp()) * SECOND_NS
    ingest(engine, decode_json(body(call(1, trace=trace, start_ns=start_ns, user__id=user))))


def read_requests_by_user(engine: sa.Engine) -> dict[str, int]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(usage_user_day.c.user_id, usage_user_day.c.requests))
        sums: Counter[str] = Counter()
        for user_id, requests in rows:
            sums[user_id] += requests
    return dict(sums)


def test_figures_and_usage_remain_after_spans_expire(engine: sa.Engine) -> None:
    for trace in range(1, 6):
        ingest_days_ago(engine, 100, trace=trace)
    ingest_days_ago(engine, 5, trace=6)
    window = Filters(start=NOW - dt.timedelta(days=200), end=NOW)
    with reading(engine) as connection:
        before = read_summary(connection, window)
    # The spans expire before hours and days are closed.
    result = retention.delete_expired(engine, RetentionPeriods(), NOW)
    assert (result.rows["span"], result.rows["request"], result.rows["payload"]) == (5, 5, 5)
    for _ in range(2):
        with reading(engine) as connection:
            assert read_summary(connection, window) == before
        close_hours(engine, NOW)
    assert before.requests == 6
    assert before.call_latency_ms["p50"] is not None
    usage.close_days(engine, NOW)
    assert read_requests_by_user(engine) == {"ada": 6}
    ingest_days_ago(engine, 100, trace=7)
    usage.close_days(engine, NOW)
    close_hours(engine, NOW)
    assert read_requests_by_user(engine) == {"ada": 6}  # too late for the usage of its user
    with reading(engine) as connection:
        assert read_summary(connection, window).requests == 6  # and refused: it may have been counted


def test_ingest_continues_during_retention(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_TRANSACTION", 5)
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
                ingest_days_ago(engine, 89, trace=trace)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    retention.delete_expired(engine, RetentionPeriods(), NOW)
    thread.join()
    assert not failures
    retention.delete_expired(engine, RetentionPeriods(), NOW)
    close_hours(engine, NOW)
    assert count_rows(engine, span) == 60
    with reading(engine) as connection:
        assert read_summary(connection, Filters(start=DAY - dt.timedelta(days=9), end=NOW)).calls == 120


def test_worker_task_runs_when_due(engine: sa.Engine) -> None:
    ingest_days_ago(engine, 4000, trace=1)
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


def test_judge_answers_expire_with_the_payloads(engine: sa.Engine) -> None:
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
