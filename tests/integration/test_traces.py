"""Traces: pages, filters, one trace, and breakdowns by user."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
import zstandard

from db.tables.telemetry import application, payload, span
from db.transaction import reading, writing
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.search import paging, trace_list
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traces.trace import get_trace
from genaiops_core.telemetry.traffic import queries
from tests.integration.traffic import DAY, Call, add_requests

MINUTE = dt.timedelta(minutes=1)
ALL_DAY = Filters(start=DAY, end=DAY + dt.timedelta(days=1))
TRACE = "ab" * 16
START_NS = 1_767_571_200_000_000_000


def add_span(connection: sa.Connection, span_id: str, **values: Any) -> None:
    row: dict[str, Any] = {
        "application": "shop",
        "trace_id": TRACE,
        "span_id": span_id,
        "parent_span_id": "",
        "name": f"span {span_id}",
        "component": "chain",
        "start_ns": START_NS,
        "duration_ns": 1_000_000_000,
        "is_error": False,
        "status_message": "",
        "is_request": False,
        "is_call": False,
    }
    row |= dict.fromkeys(("environment", "release", "provider", "model", "session_id", "user_id"), "")
    row |= {"folded_into": "", "call_id": "", "is_other_model": False}
    connection.execute(span.insert(), row | values)


def read_all_names(connection: sa.Connection, **options: Any) -> list[str]:
    names, cursor = [], None
    while True:
        page = trace_list.list_traces(connection, ALL_DAY, cursor=cursor, **options)
        names += [row.name for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return names


def test_pages_have_every_request_once_newest_first(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add_requests(connection, [Call(at=DAY + (number // 4) * MINUTE) for number in range(23)])
    with reading(engine) as connection:
        assert read_all_names(connection, limit=3) == [f"ask {number}" for number in reversed(range(23))]


def test_requests_are_found_by_dimension_status_and_text(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add_requests(
            connection,
            [Call(at=DAY), Call(at=DAY, is_error=True, release="r2"), Call(at=DAY, application="desk")],
        )
    with reading(engine) as connection:
        assert read_all_names(connection, status="error") == ["ask 1"]
        assert read_all_names(connection, status="ok") == ["ask 2", "ask 0"]
        assert read_all_names(connection, status="incomplete") == []
        assert read_all_names(connection, text="ASK 2") == ["ask 2"]
        assert read_all_names(connection, text="100%") == []
        page = trace_list.list_traces(
            connection, Filters(start=DAY, end=DAY + MINUTE, application="shop", release="r2")
        )
        assert [row.name for row in page.rows] == ["ask 1"]


def test_selective_filter_scans_a_bounded_number_of_rows(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "SCANS", (2, 3))
    with writing(engine) as connection:
        add_requests(connection, [Call(at=DAY + number * MINUTE) for number in range(17)])
    with reading(engine) as connection:
        first = trace_list.list_traces(connection, ALL_DAY, text="ask 1")
        assert [row.name for row in first.rows] == ["ask 16", "ask 15", "ask 14", "ask 13", "ask 12"]
        assert (first.next_cursor is not None, first.looked_at) == (True, 5)
        assert read_all_names(connection, text="ask 2") == ["ask 2"]


@pytest.mark.parametrize("cursor", ["x", "!!!!", "MTIz", "LTEuLTE=", "ü"])
def test_invalid_cursor_is_refused(engine: sa.Engine, cursor: str) -> None:
    with reading(engine) as connection, pytest.raises(BadInput, match="cursor"):
        trace_list.list_traces(connection, ALL_DAY, cursor=cursor)


def test_trace_has_tree_cost_times_and_diagnosis(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add_span(
            connection, "root", is_request=True, is_error=True, name="answer", release="r1", user_id="ann"
        )
        add_span(
            connection,
            "call",
            parent_span_id="root",
            component="generation",
            start_ns=START_NS + 200_000_000,
            duration_ns=700_000_000,
            is_call=True,
            model="m1",
            input_tokens=100,
            output_tokens=10,
            cost_nano_usd=1_500,
        )
        add_span(
            connection,
            "embed",
            parent_span_id="root",
            component="embedding",
            duration_ns=100_000_000,
            is_call=True,
            is_error=True,
            status_message="throttled",
            model="m2",
            input_tokens=7,
        )
        payloads = {
            "call": {"attributes": {"gen_ai.response.finish_reasons": ["max_tokens"]}, "resource": {"a": 1}}
        }
        blob = zstandard.compress(orjson.dumps(payloads))
        connection.execute(
            payload.insert(),
            {"application": "shop", "trace_id": TRACE, "spans_zstd": blob, "start_ns": START_NS},
        )
    with reading(engine) as connection:
        trace = get_trace(connection, TRACE.upper())
    assert trace is not None
    assert [
        (trace_span.span_id, trace_span.depth, trace_span.offset_ms, trace_span.duration_ms)
        for trace_span in trace.spans
    ] == [
        ("root", 0, 0.0, 1000.0),
        ("embed", 1, 0.0, 100.0),
        ("call", 1, 200.0, 700.0),
    ]
    assert (trace.name, trace.release, trace.user_id, trace.environment) == ("answer", "r1", "ann", None)
    assert (trace.calls, trace.unpriced_calls, trace.cost_usd, trace.input_tokens) == (2, 1, "0.0000015", 107)
    assert trace.spans[2].attributes == {"gen_ai.response.finish_reasons": ["max_tokens"]}
    assert trace.slowest_span_id == "call"
    assert [(share.component, share.own_ms) for share in trace.components] == [
        ("generation", 700.0),
        ("chain", 200.0),
        ("embedding", 100.0),
    ]
    assert trace.diagnosis.verdict == "error"
    assert trace.diagnosis.evidence[0] == "embedding 'span embed' failed: throttled"


def test_unknown_trace_is_none(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        assert get_trace(connection, "00" * 16) is None


def test_breakdown_by_user_reads_request_rows(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(
            application.insert(), {"application": "shop", "is_demo": False, "first_seen_at": DAY}
        )
        calls = [Call(at=DAY + number * MINUTE, duration_ns=(number + 1) * 10**9) for number in range(6)]
        calls.append(Call(at=DAY + 6 * MINUTE, is_error=True))
        for number, trace_id in enumerate(add_requests(connection, calls)):
            add_span(
                connection,
                "call",
                trace_id=trace_id,
                is_call=True,
                is_error=number == 6,
                duration_ns=calls[number].duration_ns,
                input_tokens=100,
                cost_nano_usd=None if number == 1 else 1_000,
            )
    with reading(engine) as connection:
        rows = queries.read_breakdown(connection, ALL_DAY, ("user",))
        assert [row.keys for row in rows] == [{"user": "user-0"}, {"user": "user-1"}]
        # user-0 made the requests 0, 2, 4 (of 1, 3 and 5 s) and the failed 6.
        ann, ben = (row.figures for row in rows)
        assert (ann.requests, ann.request_errors, ann.calls, ann.call_errors) == (4, 1, 4, 1)
        assert (ann.cost_usd, ann.input_tokens, ann.unpriced_calls) == ("0.000004", 400, 0)
        assert ann.latency_ms == {"p50": 3000.0, "p95": 5000.0, "p99": 5000.0}
        assert ann.call_latency_ms["p50"] == 3000.0
        assert (ben.unpriced_calls, ben.cost_nano_usd) == (1, 2_000)
        assert len(queries.read_breakdown(connection, ALL_DAY, ("application", "session"))) == 3


@pytest.mark.parametrize("by", [(), ("colour",), ("model", "model"), ("day", "hour"), ("user", "model")])
def test_invalid_breakdown_is_refused(engine: sa.Engine, by: tuple[str, ...]) -> None:
    with reading(engine) as connection, pytest.raises(BadInput):
        queries.read_breakdown(connection, ALL_DAY, by)
