"""The read API over HTTP: response fields and error messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient

from db.transaction import writing
from genaiops_core.api import read
from genaiops_core.errors import GenAIOpsError
from genaiops_core.telemetry.rollups.closing import close_hours
from genaiops_core.telemetry.scores import Score, record_scores
from tests.integration.traffic import DAY, Call, add_requests, write_calls

WINDOW = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-06T00:00:00Z"}


@pytest.fixture
def client(engine: sa.Engine) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.engine = engine
    app.include_router(read.router)

    @app.exception_handler(GenAIOpsError)
    async def answer_error(_request: Request, error: GenAIOpsError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=error.http_status)

    calls = [
        Call(at=DAY, cost_nano_usd=6_414_472_530, duration_ns=2_000_000_000),
        Call(at=DAY + dt.timedelta(hours=2), model="m2", cost_nano_usd=None, is_error=True),
    ]
    with writing(engine) as connection:
        write_calls(connection, calls)
        add_requests(connection, calls)
        record_scores(
            connection,
            [
                Score(
                    application="shop",
                    trace_id="0",
                    metric="grounding_overlap",
                    judge="offline",
                    value=0.5,
                    start_ns=calls[0].start_ns,
                )
            ],
        )
    close_hours(engine, DAY + dt.timedelta(days=2))
    with TestClient(app) as test_client:
        yield test_client


def test_summary_has_the_figures_of_the_contract(client: TestClient) -> None:
    body = client.get("/api/v1/summary", params=WINDOW).json()
    assert body["start"] == WINDOW["start"]
    assert body["end"] == WINDOW["end"]
    assert body["filters"] == {"application": None, "environment": None, "release": None, "model": None}
    assert (body["requests"], body["calls"], body["errors"], body["error_rate"]) == (2, 2, 1, 0.5)
    assert (body["cost_usd"], body["unpriced_calls"]) == ("6.41447253", 1)
    assert (body["input_tokens"], body["output_tokens"]) == (200, 20)
    assert body["latency_ms"]["p95"] == pytest.approx(2000, rel=0.01)
    assert set(body["call_latency_ms"]) == {"p50", "p95", "p99"}


def test_breakdown_rows_carry_their_keys(client: TestClient) -> None:
    rows = client.get("/api/v1/breakdown", params={**WINDOW, "by": "model,day"}).json()["rows"]
    assert [(row["model"], row["day"], row["calls"], row["errors"]) for row in rows] == [
        ("m1", "2026-01-05", 1, 0),
        ("m2", "2026-01-05", 1, 1),
    ]
    # Nothing is known of the cost and the latency of m2: null, not zero.
    assert rows[1]["cost_usd"] is None
    assert rows[1]["call_latency_ms"] == {"p50": None, "p95": None, "p99": None}


def test_series_has_the_requested_metrics(client: TestClient) -> None:
    parameters = {**WINDOW, "metric": "calls,cost_usd", "step": "1h", "by": "model"}
    body = client.get("/api/v1/series", params=parameters).json()
    assert body["step"] == "1h"
    assert body["rows"] == [
        {"start": "2026-01-05T00:00:00Z", "model": "m1", "calls": 1, "cost_usd": "6.41447253"},
        {"start": "2026-01-05T02:00:00Z", "model": "m2", "calls": 1, "cost_usd": None},
    ]


def test_traces_are_listed_in_pages(client: TestClient) -> None:
    first = client.get("/api/v1/traces", params={**WINDOW, "limit": 1}).json()
    assert [row["name"] for row in first["traces"]] == ["ask 1"]
    assert first["traces"][0]["status"] == "error"
    second = client.get(
        "/api/v1/traces", params={**WINDOW, "limit": 1, "cursor": first["next_cursor"]}
    ).json()
    assert [row["cost_usd"] for row in second["traces"]] == ["6.41447253"]
    assert second["next_cursor"] is None


def test_quality_has_the_number_of_scores(client: TestClient) -> None:
    rows = client.get("/api/v1/quality", params=WINDOW).json()["rows"]
    assert [(row["metric"], row["mean"], row["low"], row["scored"]) for row in rows] == [
        ("grounding_overlap", 0.5, None, 1)
    ]


def test_an_empty_window_is_zeros_and_unknowns(client: TestClient) -> None:
    body = client.get("/api/v1/summary").json()
    assert (body["calls"], body["error_rate"], body["cost_usd"]) == (0, None, "0")
    assert body["latency_ms"] == {"p50": None, "p95": None, "p99": None}


def test_time_offset_with_a_space_for_plus_is_accepted(client: TestClient) -> None:
    url = "/api/v1/summary?start=2026-01-05T01:00:00+01:00&end=2026-01-05T02:00:00%2B01:00"
    body = client.get(url).json()
    assert (body["start"], body["calls"]) == ("2026-01-05T00:00:00Z", 1)


@pytest.mark.parametrize(
    ("path", "params", "message"),
    [
        ("summary", {"start": "2026-01-05T00:00:00"}, "time zone"),
        ("summary", {"start": "yesterday"}, "ISO 8601"),
        ("summary", {"start": WINDOW["end"], "end": WINDOW["start"]}, "swap"),
        ("breakdown", {"by": "colour"}, "colour"),
        ("series", {"metric": "speed"}, "speed"),
        ("series", {"step": "7m"}, "7m"),
        ("series", {"by": "user"}, "user"),
        ("traces", {"cursor": "nonsense"}, "cursor"),
        ("traces", {"limit": "0"}, "limit"),
        ("traces", {"status": "sad"}, "sad"),
    ],
)
def test_invalid_parameters_have_an_error_message(
    client: TestClient, path: str, params: dict[str, str], message: str
) -> None:
    answer = client.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_unknown_trace_is_not_found(client: TestClient) -> None:
    answer = client.get("/api/v1/traces/" + "0" * 32)
    assert answer.status_code == 404
    assert "0000" in answer.json()["error"]


def test_applications_have_their_health(client: TestClient) -> None:
    body = client.get("/api/v1/applications", params=WINDOW).json()
    (shop,) = body["applications"]
    assert body["end"] == WINDOW["end"]
    assert (shop["application"], shop["state"], shop["requests"]) == ("shop", "too few requests", 2)
    assert (shop["breaches"], shop["open_incidents"], shop["stable"]) == ([], 0, None)
    # The only score is a proxy, which is no quality that a limit is set for.
    assert (shop["scores"], shop["avg_quality_score"]) == (0, None)
