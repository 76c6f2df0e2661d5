"""Sessions as conversations and usage by user: exact with closed days, late spans and duplicates."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import defaultdict

import pytest
import sqlalchemy as sa

from db.tables.telemetry import request, usage_mark, usage_user_day
from db.transaction import reading, writing
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.rollups import usage
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import sessions, users
from tests.otlp_samples import SECOND_NS, T0_NS, body, call, span

DAY = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
WEEK = Filters(start=DAY, end=DAY + dt.timedelta(days=7))
DAY_NS = usage.DAY_NS


def request_row(number: int, **changes: object) -> dict[str, object]:
    return {
        "application": "shop",
        "trace_id": f"{number:032x}",
        "start_ns": T0_NS + number * SECOND_NS,
        "duration_ns": SECOND_NS,
        "is_error": False,
        "name": "ask",
        "environment": "",
        "release": "r1",
        "model": "m1",
        "session_id": "s1",
        "user_id": "ann",
        "spans": 1,
        "span_errors": 0,
        "calls": 1,
        "unpriced_calls": 0,
        "cost_nano_usd": 10,
        "input_tokens": 5,
        "output_tokens": 1,
        **changes,
    }


def store_requests(engine: sa.Engine, *rows: dict[str, object], shard: int = 0) -> None:
    """Write requests as ingest does: mark the days, then change the rows."""
    with writing(engine) as connection:
        usage.mark_days(connection, usage.find_touched_days(connection, rows), shard)
        for row in rows:
            is_same_request = sa.and_(
                request.c.trace_id == row["trace_id"], request.c.application == row["application"]
            )
            if not connection.execute(request.update().where(is_same_request).values(row)).rowcount:
                connection.execute(request.insert(), row)


def question_spans(number: int, question: str, answer: str, **changes: object) -> list[dict[str, object]]:
    attributes = {
        "gen_ai__conversation__id": "s1",
        "user__id": "ann",
        "input__value": question,
        "output__value": answer,
        **changes,
    }
    start_ns = T0_NS + number * 60 * SECOND_NS
    return [
        span(number * 10 + 1, trace=number, name="ask", start_ns=start_ns, **attributes),
        call(number * 10 + 2, trace=number, parent=number * 10 + 1, start_ns=start_ns),
    ]


def test_session_is_a_conversation_with_running_cost(engine: sa.Engine) -> None:
    spans = [
        *question_spans(1, "Where is my order?", "On its way."),
        *question_spans(2, "When?", "Tomorrow."),
        *question_spans(3, "Sure?", "", error=True),
        span(99, trace=9, gen_ai__conversation__id="other"),
    ]
    ingest(engine, decode_json(body(*spans, service__version="r1")))
    with writing(engine) as connection:
        connection.execute(request.update().values(cost_nano_usd=request.c.input_tokens))
    with reading(engine) as connection:
        conversation = sessions.read_conversation(connection, "s1")
        assert conversation is not None
        assert [(turn.number, turn.question, turn.answer, turn.status) for turn in conversation.turns] == [
            (1, "Where is my order?", "On its way.", "ok"),
            (2, "When?", "Tomorrow.", "ok"),
            (3, "Sure?", None, "error"),
        ]
        assert [turn.running_cost_nano_usd for turn in conversation.turns] == [1000, 2000, 3000]
        assert (
            conversation.total_turns,
            conversation.errors,
            conversation.calls,
            conversation.cost_nano_usd,
        ) == (3, 1, 3, 3000)
        assert (conversation.application, conversation.user_id, conversation.next_offset) == (
            "shop",
            "ann",
            None,
        )
        assert conversation.turns[0].release == "r1"
        second_page = sessions.read_conversation(connection, "s1", "shop", offset=1, limit=1)
        assert second_page is not None
        assert [(turn.number, turn.running_cost_nano_usd) for turn in second_page.turns] == [(2, 2000)]
        assert second_page.next_offset == 2
        assert sessions.read_conversation(connection, "s1", "desk") is None
        assert sessions.read_conversation(connection, "") is None
        with pytest.raises(BadInput):
            sessions.read_conversation(connection, "s1", limit=0)


def test_a_trace_of_two_applications_is_one_turn(engine: sa.Engine) -> None:
    store_requests(
        engine,
        request_row(1, application="shop", cost_nano_usd=7),
        request_row(1, application="desk", duration_ns=None, cost_nano_usd=5),
    )
    with reading(engine) as connection:
        conversation = sessions.read_conversation(connection, "s1")
        assert conversation is not None
        assert [(turn.cost_nano_usd, turn.status) for turn in conversation.turns] == [(12, "ok")]


def test_sessions_are_listed_once_by_latest_request(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_ROWS_PER_READ", 3)
    rng = random.Random(4)
    rows = [
        request_row(number, session_id=rng.choice(["a", "b", "c", "d", "e", ""]), user_id=f"u{number % 2}")
        for number in range(40)
    ]
    # Four requests start at the same instant.
    for row in rows:
        row["start_ns"] = T0_NS + int(row["trace_id"], 16) // 4 * SECOND_NS  # type: ignore[call-overload]
    store_requests(engine, *rows)
    latest: dict[str, int] = {}
    for row in rows:
        latest[str(row["session_id"])] = max(latest.get(str(row["session_id"]), 0), int(str(row["start_ns"])))
    with reading(engine) as connection:
        listed, cursor = [], None
        for _ in range(40):
            page = sessions.list_sessions(connection, WEEK, limit=2, cursor=cursor)
            listed += page.rows
            cursor = page.next_cursor
            if cursor is None:
                break
        assert sorted(row.session_id for row in listed) == ["a", "b", "c", "d", "e"]
        ends = [latest[row.session_id] for row in listed]
        assert ends == sorted(ends, reverse=True)
        for row in listed:
            session_rows = [candidate for candidate in rows if candidate["session_id"] == row.session_id]
            assert (row.requests, row.cost_nano_usd) == (len(session_rows), 10 * len(session_rows))
        user_sessions = sessions.list_sessions(connection, WEEK, user="u1").rows
        assert all(row.user_id == "u1" for row in user_sessions)
        assert sum(row.requests for row in user_sessions) == sum(
            1 for row in rows if row["session_id"] and row["user_id"] == "u1"
        )


def sum_requests(engine: sa.Engine, filters: Filters) -> dict[str | None, tuple[int, int, int, int]]:
    sums: dict[str | None, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    with reading(engine) as connection:
        for row in connection.execute(sa.select(request)).mappings():
            dimensions = filters.dimensions | (
                {"application": filters.application} if filters.application else {}
            )
            if not filters.start_ns <= row["start_ns"] < filters.end_ns or any(
                row[name] != value for name, value in dimensions.items()
            ):
                continue
            user_sums = sums[row["user_id"] or None]
            user_sums[0] += row["duration_ns"] is not None
            user_sums[1] += row["duration_ns"] is not None and row["is_error"]
            user_sums[2] += row["cost_nano_usd"]
            user_sums[3] += row["calls"]
    return {
        user: (user_sums[0], user_sums[1], user_sums[2], user_sums[3]) for user, user_sums in sums.items()
    }


def read_usage(engine: sa.Engine, filters: Filters) -> dict[str | None, tuple[int, int, int, int]]:
    with reading(engine) as connection:
        rows = users.list_users(connection, filters, limit=1000)
    return {row.user_id: (row.requests, row.errors, row.cost_nano_usd, row.calls) for row in rows}


def list_windows() -> list[Filters]:
    hours = [(0, 168), (0, 24), (5, 30), (30, 31), (23, 97), (48, 72), (100, 900)]
    ranges = [(DAY + dt.timedelta(hours=first), DAY + dt.timedelta(hours=last)) for first, last in hours]
    return [
        Filters(start=start, end=end, application=application, release=release)
        for start, end in ranges
        for application, release in ((None, None), ("shop", None), ("desk", "r2"))
    ]


@pytest.mark.parametrize("ranges", [200, 0])
def test_usage_is_exact_with_closed_days_and_late_spans(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, ranges: int
) -> None:
    monkeypatch.setattr("genaiops_core.telemetry.traffic.users._MAX_RANGES", ranges)
    rng = random.Random(9)

    def random_rows(count: int) -> list[dict[str, object]]:
        chosen = {rng.randrange(120): None for _ in range(count)}
        return [
            request_row(
                number,
                application=("shop", "desk")[number % 2],
                start_ns=T0_NS + rng.randrange(7 * DAY_NS),
                duration_ns=rng.choice([None, SECOND_NS]),
                is_error=rng.random() < 0.3,
                user_id=rng.choice(["ann", "ben", ""]),
                release=rng.choice(["r1", "r2"]),
                cost_nano_usd=rng.randrange(1000),
            )
            for number in chosen
        ]

    store_requests(engine, *random_rows(60))
    for step in range(6):
        for filters in list_windows():
            assert read_usage(engine, filters) == sum_requests(engine, filters)
        usage.close_days(engine, DAY + dt.timedelta(days=step + 1, minutes=3))
        for filters in list_windows():
            assert read_usage(engine, filters) == sum_requests(engine, filters)
        # Late spans change requests of closed days, some of which move to another day.
        store_requests(engine, *random_rows(5), shard=step)
    assert usage.close_days(engine, DAY + dt.timedelta(days=30)) > 0
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(usage_mark)) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(usage_user_day))
    assert read_usage(engine, WEEK) == sum_requests(engine, WEEK)


def test_ingest_marks_changed_days(engine: sa.Engine) -> None:
    ingest(engine, decode_json(body(*question_spans(1, "a", "b"))))
    assert usage.close_days(engine, DAY + dt.timedelta(days=3)) == 1
    ingest(engine, decode_json(body(*question_spans(2, "a", "b"))))
    with reading(engine) as connection:
        (ann,) = users.list_users(connection, WEEK)
    assert (ann.user_id, ann.requests, ann.calls) == ("ann", 2, 2)


def test_users_are_listed_in_the_requested_order(engine: sa.Engine) -> None:
    store_requests(
        engine,
        request_row(1, user_id="ann", cost_nano_usd=50, input_tokens=1),
        request_row(2, user_id="ben", cost_nano_usd=10, is_error=True, input_tokens=100),
        request_row(3, user_id="ben", cost_nano_usd=10, calls=1, unpriced_calls=1),
        request_row(4, user_id="", cost_nano_usd=0, calls=1, unpriced_calls=1),
    )
    with reading(engine) as connection:

        def first(order: str) -> list[str | None]:
            return [row.user_id for row in users.list_users(connection, WEEK, order_by=order)]

        assert first("cost") == ["ann", "ben", None]
        assert first("requests")[0] == "ben"
        assert first("errors")[0] == "ben"
        assert first("tokens")[0] == "ben"
        rows = {row.user_id: row for row in users.list_users(connection, WEEK)}
        assert (rows["ben"].error_rate, rows["ben"].cost_usd) == (0.5, "0.00000002")
        assert rows[None].cost_usd is None
        assert len(users.list_users(connection, WEEK, limit=1)) == 1
        with pytest.raises(BadInput, match="colour"):
            users.list_users(connection, WEEK, order_by="colour")


@pytest.mark.parametrize("is_closed", [False, True])
def test_usage_of_one_user_by_day(engine: sa.Engine, is_closed: bool) -> None:
    store_requests(
        engine,
        request_row(1),
        request_row(2, application="desk", start_ns=T0_NS + DAY_NS, is_error=True),
        request_row(3, user_id="ben"),
    )
    if is_closed:
        usage.close_days(engine, DAY + dt.timedelta(days=3))
    with reading(engine) as connection:
        detail = users.read_user(connection, WEEK, "ann")
        assert detail is not None
        assert [(day.day.isoformat(), day.figures.requests, day.figures.errors) for day in detail.days] == [
            ("2026-01-05", 1, 0),
            ("2026-01-06", 1, 1),
        ]
        assert (detail.figures.cost_nano_usd, detail.applications) == (20, ("desk", "shop"))
        assert detail.first == DAY + dt.timedelta(seconds=1)
        assert users.read_user(connection, WEEK, "carl") is None
        assert json.dumps([day.day.isoformat() for day in detail.days])
