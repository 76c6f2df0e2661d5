"""Searches on both databases: every field, bounded work, and texts in messages."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import sqlalchemy as sa
import zstandard
from hypothesis import HealthCheck, given, settings

from db.tables.telemetry import log_record, request
from db.transaction import reading, writing
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.sampling import feedback
from genaiops_core.telemetry.scores import Score, record_scores
from genaiops_core.telemetry.search import message_search, paging, search
from genaiops_core.telemetry.search.query import Node, Query
from genaiops_core.telemetry.time_window import Filters
from tests.otlp_samples import SECOND_NS, T0_NS, body, call, span
from tests.search_queries import NODES

DAY = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
ALL_DAY = Filters(start=DAY, end=DAY + dt.timedelta(days=1))


def messages(text: str) -> str:
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])


@pytest.fixture
def searchable_requests(engine: sa.Engine) -> sa.Engine:
    """Four requests: a fast one, a slow one with a tool, a failed one, and one without its root span."""
    shop = [
        span(1, trace=1, name="ask", user__id="u-17", session__id="s1", start_ns=T0_NS),
        call(2, trace=1, parent=1, model="claude-x", gen_ai__input__messages=messages("The Refund  policy?")),
        span(
            3,
            trace=2,
            name="ask 100%",
            user__id="u-18",
            start_ns=T0_NS + SECOND_NS,
            duration_ns=5 * SECOND_NS,
        ),
        span(4, trace=2, parent=3, name="search_orders", gen_ai__operation__name="execute_tool"),
        call(5, trace=2, parent=3, model="nova-lite", tokens=(20_000, 50)),
        call(6, trace=2, parent=3, model="claude-x", gen_ai__output__messages=messages("Geld zurück ✓")),
        span(9, trace=4, parent=8, name="lost", start_ns=T0_NS + 3 * SECOND_NS),
    ]
    ingest(engine, decode_json(body(*shop, service__version="v1", deployment__environment="prod")))
    failed = span(7, trace=3, name="fail", error=True, start_ns=T0_NS + 2 * SECOND_NS)
    ingest(engine, decode_json(body(failed, application="desk", service__version="v2")))
    with writing(engine) as connection:
        for trace, cost, unpriced in ((1, 40_000_000, 0), (2, 60_000_000, 1), (3, 0, 0), (4, 0, 0)):
            connection.execute(
                request.update()
                .where(request.c.trace_id == f"{trace:032x}")
                .values(cost_nano_usd=cost, unpriced_calls=unpriced)
            )
        record_scores(
            connection,
            [
                Score(
                    application="shop",
                    trace_id=f"{trace:032x}",
                    metric="faithfulness",
                    judge="j",
                    value=value,
                    start_ns=T0_NS,
                )
                for trace, value in ((1, 0.9), (2, 0.5))
            ],
        )
    feedback.record_feedback(engine, trace_id=f"{2:032x}", thumb="down")
    return engine


def find_traces(connection: sa.Connection, query: str, **options: object) -> list[int]:
    page = search.search(connection, options.pop("filters", ALL_DAY), query, **options)  # type: ignore[arg-type]
    return [int(row.trace_id, 16) for row in page.rows]


EXPECTED = [
    ("", [4, 3, 2, 1]),
    ("app:shop", [4, 2, 1]),
    ("application:sh*,desk", [4, 3, 2, 1]),
    ("env:prod", [4, 2, 1]),
    ('env:""', [3]),
    ("release:v2", [3]),
    ("model:nova", [2]),
    ("model=nova", []),
    ("model=nova-lite", [2]),
    ("-model:nova", [4, 3, 1]),
    ("user:u-17", [1]),
    ("user:U-17", []),
    ("user:u-1*", [2, 1]),
    ('user:""', [4, 3]),
    ("session:s1", [1]),
    (f"trace:{2:032X}", [2]),
    (f"trace:{0:031x}*", [4, 3, 2, 1]),
    ("name:100%", [2]),
    ("name=ask", [1]),
    ("status:error", [3]),
    ("status:ok,incomplete", [4, 2, 1]),
    ("component:tool", [2]),
    ("tool:orders", [2]),
    ("tool=search_orders", [2]),
    ("has:feedback", [2]),
    ("feedback:up", []),
    ("feedback:down", [2]),
    ("has:score", [2, 1]),
    ("has:unpriced", [2]),
    ("latency>3s", [2]),
    ("latency<=1000ms", [3, 1]),
    ("-latency>3s", [4, 3, 1]),
    ("cost>=0.04", [2, 1]),
    ("cost>$0.04", [2]),
    ("cost=0", [4, 3]),
    ("tokens>20k", [2]),
    ("output_tokens>=100", [2, 1]),
    ("calls=2", [2]),
    ("spans>=2", [2, 1]),
    ("score(faithfulness)<0.7", [2]),
    ("-score(faithfulness)<0.7", [4, 3, 1]),
    ("score(other)>0", []),
    ('"refund policy"', [1]),
    ("REFUND", [1]),
    ('"zurück ✓"', [2]),
    ("-refund", [4, 3, 2]),
    ("refund OR status:error", [3, 1]),
    ("-(refund OR zurück) app:shop", [4]),
    ("user:u-17 refund", [1]),
    ("user:u-18 refund", []),
    ("ask", [2, 1]),
    ("parts", []),
]


@pytest.mark.parametrize(("query", "traces"), EXPECTED)
def test_each_field_finds_the_expected_requests(
    searchable_requests: sa.Engine, query: str, traces: list[int]
) -> None:
    with reading(searchable_requests) as connection:
        assert find_traces(connection, query) == traces


def test_unknown_cost_matches_no_comparison(searchable_requests: sa.Engine) -> None:
    with writing(searchable_requests) as connection:
        connection.execute(request.update().where(request.c.calls == 2).values(unpriced_calls=2))
    with reading(searchable_requests) as connection:
        assert find_traces(connection, "cost<1") == [4, 3, 1]


def test_filters_narrow_a_search(searchable_requests: sa.Engine) -> None:
    desk = Filters(start=DAY, end=DAY + dt.timedelta(days=1), application="desk")
    with reading(searchable_requests) as connection:
        assert find_traces(connection, "", filters=desk) == [3]
        assert find_traces(connection, "app:shop", filters=desk) == []
        assert find_traces(connection, "user:u-17", filters=desk) == []


def test_text_search_reports_the_number_of_requests_read(
    searchable_requests: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_search, "MAX_REQUESTS_READ", 2)
    with reading(searchable_requests) as connection:
        first = search.search(connection, ALL_DAY, "refund")
        assert (first.rows, first.searched, first.next_cursor is None) == ((), 2, False)
        second = search.search(connection, ALL_DAY, "refund", cursor=first.next_cursor)
        assert ([int(row.trace_id, 16) for row in second.rows], second.searched) == ([1], 2)
        assert second.next_cursor is None
        assert search.search(connection, ALL_DAY, "status:ok").searched is None


def test_text_search_includes_log_records(searchable_requests: sa.Engine) -> None:
    record = {"body": {"content": "Parcel number 42"}, "attributes": {}}
    with writing(searchable_requests) as connection:
        connection.execute(
            log_record.insert(),
            {
                "application": "desk",
                "trace_id": f"{3:032x}",
                "span_id": f"{7:016x}",
                "time_ns": T0_NS,
                "digest": "d",
                "event_name": "gen_ai.user.message",
                "record_zstd": zstandard.compress(json.dumps(record).encode()),
            },
        )
    with reading(searchable_requests) as connection:
        assert find_traces(connection, '"parcel number"') == [3]


@pytest.mark.parametrize("query", ["", "spans>0", "-refund", "-nothing", "ask OR lost OR fail"])
@pytest.mark.parametrize("scans", [(1, 1), (2, 1), (50, 50)])
def test_pages_have_every_row_once(
    searchable_requests: sa.Engine, monkeypatch: pytest.MonkeyPatch, query: str, scans: tuple[int, int]
) -> None:
    monkeypatch.setattr(paging, "SCANS", scans)
    monkeypatch.setattr(message_search, "MAX_REQUESTS_READ", 1 if scans == (1, 1) else 3)
    with reading(searchable_requests) as connection:
        everything = find_traces(connection, query, limit=50)
        pages, cursor = [], None
        for _ in range(20):
            page = search.search(connection, ALL_DAY, query, limit=1, cursor=cursor)
            pages += [int(row.trace_id, 16) for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert cursor is None
        assert pages == sorted(pages, reverse=True)
        assert set(everything) <= set(pages)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(NODES)
def test_query_and_its_negation_split_the_requests(searchable_requests: sa.Engine, node: Node) -> None:
    with reading(searchable_requests) as connection:
        everything = {1, 2, 3, 4}
        matching = set(find_traces(connection, str(Query(node))))
        not_matching = set(find_traces(connection, f"-({Query(node)})"))
        assert matching | not_matching == everything
        assert not matching & not_matching
