"""Sessions as conversations, users with what they spend: exact whatever is closed, late or folded."""

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
from genaiops_core.telemetry.traffic import sessions, user_breakdown
from tests.otlp_samples import SECOND_NS, T0_NS, body, call, span

DAY = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
WEEK = Filters(start=DAY, end=DAY + dt.timedelta(days=7))
DAY_NS = usage.DAY_NS


def rows_of(number: int, **more: object) -> dict[str, object]:
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
        **more,
    }


def put(engine: sa.Engine, *rows: dict[str, object], shard: int = 0) -> None:
    """As ingest does: mark the days, then change the requests."""
    with writing(engine) as connection:
        usage.mark_days(connection, usage.find_touched_days(connection, rows), shard)
        for row in rows:
            same = sa.and_(request.c.trace_id == row["trace_id"], request.c.application == row["application"])
            if not connection.execute(request.update().where(same).values(row)).rowcount:
                connection.execute(request.insert(), row)


def ask(number: int, question: str, answer: str, **more: object) -> list[dict[str, object]]:
    said = {
        "gen_ai__conversation__id": "s1",
        "user__id": "ann",
        "input__value": question,
        "output__value": answer,
        **more,
    }
    start_ns = T0_NS + number * 60 * SECOND_NS
    return [
        span(number * 10 + 1, trace=number, name="ask", start_ns=start_ns, **said),
        call(number * 10 + 2, trace=number, parent=number * 10 + 1, start_ns=start_ns),
    ]


def test_a_session_reads_as_a_conversation_with_its_running_cost(engine: sa.Engine) -> None:
    spans = [
        *ask(1, "Where is my order?", "On its way."),
        *ask(2, "When?", "Tomorrow."),
        *ask(3, "Sure?", "", error=True),
        span(99, trace=9, gen_ai__conversation__id="other"),
    ]
    ingest(engine, decode_json(body(*spans, service__version="r1")))
    with writing(engine) as connection:
        connection.execute(request.update().values(cost_nano_usd=request.c.input_tokens))
    with reading(engine) as connection:
        found = sessions.read_conversation(connection, "s1")
        assert found is not None
        assert [(turn.number, turn.question, turn.answer, turn.status) for turn in found.turns] == [
            (1, "Where is my order?", "On its way.", "ok"),
            (2, "When?", "Tomorrow.", "ok"),
            (3, "Sure?", None, "error"),
        ]
        assert [turn.running_cost_nano_usd for turn in found.turns] == [1000, 2000, 3000]
        assert (found.total_turns, found.errors, found.calls, found.cost_nano_usd) == (3, 1, 3, 3000)
        assert (found.application, found.user_id, found.next_offset) == ("shop", "ann", None)
        assert found.turns[0].release == "r1"
        second = sessions.read_conversation(connection, "s1", "shop", offset=1, limit=1)
        assert second is not None
        assert [(turn.number, turn.running_cost_nano_usd) for turn in second.turns] == [(2, 2000)]
        assert second.next_offset == 2
        assert sessions.read_conversation(connection, "s1", "desk") is None
        assert sessions.read_conversation(connection, "") is None
        with pytest.raises(BadInput):
            sessions.read_conversation(connection, "s1", limit=0)


def test_a_trace_of_two_applications_is_one_turn(engine: sa.Engine) -> None:
    put(
        engine,
        rows_of(1, application="shop", cost_nano_usd=7),
        rows_of(1, application="desk", duration_ns=None, cost_nano_usd=5),
    )
    with reading(engine) as connection:
        found = sessions.read_conversation(connection, "s1")
        assert found is not None
        assert [(turn.cost_nano_usd, turn.status) for turn in found.turns] == [(12, "ok")]


def test_sessions_are_listed_once_each_by_their_latest_request(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_ROWS_PER_READ", 3)
    rng = random.Random(4)
    rows = [
        rows_of(number, session_id=rng.choice(["a", "b", "c", "d", "e", ""]), user_id=f"u{number % 2}")
        for number in range(40)
    ]
    # Several at the same instant.
    for row in rows:
        row["start_ns"] = T0_NS + int(row["trace_id"], 16) // 4 * SECOND_NS  # type: ignore[call-overload]
    put(engine, *rows)
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
            mine = [one for one in rows if one["session_id"] == row.session_id]
            assert (row.requests, row.cost_nano_usd) == (len(mine), 10 * len(mine))
        ours = sessions.list_sessions(connection, WEEK, user="u1").rows
        assert all(row.user_id == "u1" for row in ours)
        assert sum(row.requests for row in ours) == sum(
            1 for row in rows if row["session_id"] and row["user_id"] == "u1"
        )


def by_hand(engine: sa.Engine, filters: Filters) -> dict[str | None, tuple[int, int, int, int]]:
    sums: dict[str | None, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    with reading(engine) as connection:
        for row in connection.execute(sa.select(request)).mappings():
            narrowed = filters.dimensions | (
                {"application": filters.application} if filters.application else {}
            )
            if not filters.start_ns <= row["start_ns"] < filters.end_ns or any(
                row[name] != value for name, value in narrowed.items()
            ):
                continue
            one = sums[row["user_id"] or None]
            one[0] += row["duration_ns"] is not None
            one[1] += row["duration_ns"] is not None and row["is_error"]
            one[2] += row["cost_nano_usd"]
            one[3] += row["calls"]
    return {user: (one[0], one[1], one[2], one[3]) for user, one in sums.items()}


def read(engine: sa.Engine, filters: Filters) -> dict[str | None, tuple[int, int, int, int]]:
    with reading(engine) as connection:
        rows = user_breakdown.list_users(connection, filters, limit=1000)
    return {row.user_id: (row.requests, row.errors, row.cost_nano_usd, row.calls) for row in rows}


def windows() -> list[Filters]:
    hours = [(0, 168), (0, 24), (5, 30), (30, 31), (23, 97), (48, 72), (100, 900)]
    spans = [(DAY + dt.timedelta(hours=first), DAY + dt.timedelta(hours=last)) for first, last in hours]
    return [
        Filters(start=start, end=end, application=application, release=release)
        for start, end in spans
        for application, release in ((None, None), ("shop", None), ("desk", "r2"))
    ]


@pytest.mark.parametrize("ranges", [200, 0])
def test_users_are_exact_whatever_is_closed_and_whatever_comes_late(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, ranges: int
) -> None:
    monkeypatch.setattr("genaiops_core.telemetry.traffic.users._MAX_RANGES", ranges)
    rng = random.Random(9)

    def some(count: int) -> list[dict[str, object]]:
        chosen = {rng.randrange(120): None for _ in range(count)}
        return [
            rows_of(
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

    put(engine, *some(60))
    for step in range(6):
        for filters in windows():
            assert read(engine, filters) == by_hand(engine, filters)
        usage.close_days(engine, DAY + dt.timedelta(days=step + 1, minutes=3))
        for filters in windows():
            assert read(engine, filters) == by_hand(engine, filters)
        # Late spans change requests of closed days, some of which move to another day.
        put(engine, *some(5), shard=step)
    assert usage.close_days(engine, DAY + dt.timedelta(days=30)) > 0
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(usage_mark)) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(usage_user_day))
    assert read(engine, WEEK) == by_hand(engine, WEEK)


def test_ingest_marks_the_days_it_changes(engine: sa.Engine) -> None:
    ingest(engine, decode_json(body(*ask(1, "a", "b"))))
    assert usage.close_days(engine, DAY + dt.timedelta(days=3)) == 1
    ingest(engine, decode_json(body(*ask(2, "a", "b"))))
    with reading(engine) as connection:
        (ann,) = user_breakdown.list_users(connection, WEEK)
    assert (ann.user_id, ann.requests, ann.calls) == ("ann", 2, 2)


def test_top_users_come_in_the_order_asked_for(engine: sa.Engine) -> None:
    put(
        engine,
        rows_of(1, user_id="ann", cost_nano_usd=50, input_tokens=1),
        rows_of(2, user_id="ben", cost_nano_usd=10, is_error=True, input_tokens=100),
        rows_of(3, user_id="ben", cost_nano_usd=10, calls=1, unpriced_calls=1),
        rows_of(4, user_id="", cost_nano_usd=0, calls=1, unpriced_calls=1),
    )
    with reading(engine) as connection:

        def first(order: str) -> list[str | None]:
            return [row.user_id for row in user_breakdown.list_users(connection, WEEK, order_by=order)]

        assert first("cost") == ["ann", "ben", None]
        assert first("requests")[0] == "ben"
        assert first("errors")[0] == "ben"
        assert first("tokens")[0] == "ben"
        rows = {row.user_id: row for row in user_breakdown.list_users(connection, WEEK)}
        assert (rows["ben"].error_rate, rows["ben"].cost_usd) == (0.5, "0.00000002")
        assert rows[None].cost_usd is None
        assert len(user_breakdown.list_users(connection, WEEK, limit=1)) == 1
        with pytest.raises(BadInput, match="colour"):
            user_breakdown.list_users(connection, WEEK, order_by="colour")


@pytest.mark.parametrize("is_closed", [False, True])
def test_one_user_day_by_day(engine: sa.Engine, is_closed: bool) -> None:
    put(
        engine,
        rows_of(1),
        rows_of(2, application="desk", start_ns=T0_NS + DAY_NS, is_error=True),
        rows_of(3, user_id="ben"),
    )
    if is_closed:
        usage.close_days(engine, DAY + dt.timedelta(days=3))
    with reading(engine) as connection:
        found = user_breakdown.read_user(connection, WEEK, "ann")
        assert found is not None
        assert [(day.day.isoformat(), day.figures.requests, day.figures.errors) for day in found.days] == [
            ("2026-01-05", 1, 0),
            ("2026-01-06", 1, 1),
        ]
        assert (found.figures.cost_nano_usd, found.applications) == (20, ("desk", "shop"))
        assert found.first == DAY + dt.timedelta(seconds=1)
        assert user_breakdown.read_user(connection, WEEK, "carl") is None
        assert json.dumps([day.day.isoformat() for day in found.days])
