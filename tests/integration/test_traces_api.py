"""The read API of traces, sessions, users and the service map over HTTP, and the trace commands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
import typer
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from genaiops_core.api import read
from genaiops_core.cli import context, traces
from genaiops_core.errors import BadInput, GenAIOpsError
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from tests.otlp_samples import SECOND_NS, T0_NS, body, call, span

WINDOW = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-06T00:00:00Z"}
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
DOCUMENTS = json.dumps([{"id": "d1", "score": 0.9, "content": "Refunds take five days.", "version": "7"}])


@pytest.fixture
def engine_with_traces(engine: sa.Engine) -> sa.Engine:
    attributes = {"user__id": "u 1/ü", "gen_ai__conversation__id": "s/1"}
    spans = [
        span(
            1,
            name="ask",
            input__value="How long do refunds take?",
            output__value="Refunds take five days.",
            **attributes,
        ),
        span(2, parent=1, gen_ai__operation__name="retrieval", gen_ai__retrieval__documents=DOCUMENTS),
        call(3, parent=1, model=HAIKU),
        span(4, trace=2, name="fail", error=True, start_ns=T0_NS + SECOND_NS, **attributes),
    ]
    ingest(engine, decode_json(body(*spans)))
    return engine


@pytest.fixture
def client(engine_with_traces: sa.Engine) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.engine = engine_with_traces
    app.include_router(read.router)

    @app.exception_handler(GenAIOpsError)
    async def answer_error(_request: Request, error: GenAIOpsError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=error.http_status)

    with TestClient(app) as test_client:
        yield test_client


def test_search_by_query_parameter(client: TestClient) -> None:
    answer = client.get("/api/v1/traces", params={**WINDOW, "q": "refunds cost>0.001"}).json()
    assert [row["name"] for row in answer["traces"]] == ["ask"]
    assert (answer["searched"], answer["looked_at"], answer["next_cursor"]) == (1, None, None)
    invalid = client.get("/api/v1/traces", params={**WINDOW, "q": "colour:red"})
    assert (invalid.status_code, "character 1" in invalid.json()["error"]) == (400, True)
    both = client.get("/api/v1/traces", params={**WINDOW, "q": "a", "status": "ok"})
    assert both.status_code == 400


def test_export_is_a_file_download(client: TestClient) -> None:
    answer = client.get("/api/v1/traces/export", params={**WINDOW, "format": "csv", "q": "status:ok"})
    assert answer.headers["content-disposition"] == 'attachment; filename="traces.csv"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert [line["name"] for line in csv.DictReader(io.StringIO(answer.text, newline=""))] == ["ask"]
    assert client.get("/api/v1/traces/export", params={"format": "xml"}).status_code == 400
    assert client.get("/api/v1/traces/export", params={"q": "a:b"}).status_code == 400


def test_trace_is_read_in_pages(client: TestClient) -> None:
    path = f"/api/v1/traces/{1:032x}"
    whole = client.get(path).json()
    assert [row["name"] for row in whole["spans"]] == ["ask", "chat", "chat"]
    assert (whole["total_spans"], whole["calls"], whole["cost_usd"]) == (3, 1, "0.00165")
    assert whole["diagnosis"]["verdict"] == "can't tell"
    assert whole["diagnosis"]["evidence"]
    page = client.get(path, params={"offset": 1, "limit": 1}).json()
    assert [row["span_id"] for row in page["spans"]] == [f"{2:016x}"]
    hidden = client.get(path, params={"collapse": f"{1:016x}"}).json()
    assert ([row["is_collapsed"] for row in hidden["spans"]], hidden["visible_spans"]) == ([True], 1)
    assert hidden["cost_usd"] == "0.00165"
    assert client.get(path, params={"limit": 9999}).status_code == 400


def test_context_record_of_a_trace(client: TestClient) -> None:
    record = client.get(f"/api/v1/traces/{1:032x}/context").json()
    assert record["question"] == "How long do refunds take?"
    assert record["answer"] == "Refunds take five days."
    (document,) = record["documents"]
    assert (document["id"], document["version"], document["score"]) == ("d1", "7", 0.9)
    assert (record["missing"], record["is_complete"]) == (["the messages of the model calls"], False)
    assert client.get(f"/api/v1/traces/{9:032x}/context").status_code == 404


def test_sessions_and_users(client: TestClient) -> None:
    (listed,) = client.get("/api/v1/sessions", params=WINDOW).json()["sessions"]
    assert (listed["session_id"], listed["requests"], listed["errors"]) == ("s/1", 2, 1)
    session = client.get("/api/v1/sessions/s/1").json()
    assert [turn["status"] for turn in session["turns"]] == ["ok", "error"]
    assert session["turns"][0]["cost_usd"] == "0.00165"
    (user,) = client.get("/api/v1/users", params=WINDOW).json()["users"]
    assert (user["user_id"], user["cost_usd"], user["error_rate"]) == ("u 1/ü", "0.00165", 0.5)
    detail = client.get(f"/api/v1/users/{quote('u 1/ü', safe='')}", params=WINDOW).json()
    assert [day["day"] for day in detail["days"]] == ["2026-01-05"]
    assert client.get("/api/v1/sessions/none").status_code == 404
    assert client.get("/api/v1/users/none", params=WINDOW).status_code == 404


def test_service_map_over_http(client: TestClient) -> None:
    service_map = client.get("/api/v1/service-map", params=WINDOW).json()
    assert (service_map["requests"], service_map["rate"], service_map["is_sampled"]) == (2, 1.0, False)
    assert {edge["target"] for edge in service_map["edges"]} == {f"generation:{HAIKU}", "retrieval:chat"}


app = typer.Typer()
traces.register(app)
DAY = ("--start", "2026-01-05", "--end", "2026-01-06")


@pytest.fixture
def command_engine(engine_with_traces: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    monkeypatch.setattr(context, "engine", lambda: engine_with_traces)
    return engine_with_traces


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["traces", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_search_command(command_engine: sa.Engine) -> None:
    answer = json.loads(run("search", "--query", "status:error", *DAY, "--json"))
    assert [row["name"] for row in answer["traces"]] == ["fail"]
    assert "Next page: --cursor " in run("search", *DAY, "--limit", "1")
    assert "Searched the messages of 2 requests" in run("search", "-q", "refunds", *DAY)
    assert "No request" in run("search", "--last", "1h")


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "otlp"])
def test_export_command_writes_a_file(command_engine: sa.Engine, tmp_path: Path, format: str) -> None:
    file = tmp_path / "out"
    report = json.loads(run("export", "--output", str(file), "--format", format, *DAY, "--json"))
    assert report["bytes"] == file.stat().st_size > 0
    assert f"{format} written to" in run("export", "-o", str(file), "--format", format, *DAY)


def test_invalid_command_arguments_are_refused(command_engine: sa.Engine, tmp_path: Path) -> None:
    for arguments in (
        ["search", "--end", "2026-01-06"],
        ["search", "--start", "yesterday"],
        ["export", "-o", str(tmp_path / "no" / "where")],
        ["export", "-o", str(tmp_path / "f"), "--format", "xml"],
    ):
        with pytest.raises(BadInput):
            run(*arguments)
