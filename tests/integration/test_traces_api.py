"""The read API of traces, sessions, users and the map over HTTP, and the commands beside it."""

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
def stocked(engine: sa.Engine) -> sa.Engine:
    said = {"user__id": "u 1/ü", "gen_ai__conversation__id": "s/1"}
    spans = [
        span(
            1,
            name="ask",
            input__value="How long do refunds take?",
            output__value="Refunds take five days.",
            **said,
        ),
        span(2, parent=1, gen_ai__operation__name="retrieval", gen_ai__retrieval__documents=DOCUMENTS),
        call(3, parent=1, model=HAIKU),
        span(4, trace=2, name="fail", error=True, start_ns=T0_NS + SECOND_NS, **said),
    ]
    ingest(engine, decode_json(body(*spans)))
    return engine


@pytest.fixture
def client(stocked: sa.Engine) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.engine = stocked
    app.include_router(read.router)

    @app.exception_handler(GenAIOpsError)
    async def _expected(_request: Request, error: GenAIOpsError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=error.http_status)

    with TestClient(app) as opened:
        yield opened


def test_a_search_in_the_address(client: TestClient) -> None:
    found = client.get("/api/v1/traces", params={**WINDOW, "q": "refunds cost>0.001"}).json()
    assert [row["name"] for row in found["traces"]] == ["ask"]
    assert (found["searched"], found["looked_at"], found["next_cursor"]) == (1, None, None)
    refused = client.get("/api/v1/traces", params={**WINDOW, "q": "colour:red"})
    assert (refused.status_code, "character 1" in refused.json()["error"]) == (400, True)
    both = client.get("/api/v1/traces", params={**WINDOW, "q": "a", "status": "ok"})
    assert both.status_code == 400


def test_an_export_is_a_file(client: TestClient) -> None:
    answer = client.get("/api/v1/traces/export", params={**WINDOW, "format": "csv", "q": "status:ok"})
    assert answer.headers["content-disposition"] == 'attachment; filename="traces.csv"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert [line["name"] for line in csv.DictReader(io.StringIO(answer.text, newline=""))] == ["ask"]
    assert client.get("/api/v1/traces/export", params={"format": "xml"}).status_code == 400
    assert client.get("/api/v1/traces/export", params={"q": "a:b"}).status_code == 400


def test_a_trace_comes_in_stretches(client: TestClient) -> None:
    path = f"/api/v1/traces/{1:032x}"
    whole = client.get(path).json()
    assert [one["name"] for one in whole["spans"]] == ["ask", "chat", "chat"]
    assert (whole["total_spans"], whole["calls"], whole["cost_usd"]) == (3, 1, "0.00165")
    assert whole["diagnosis"]["verdict"] == "can't tell"
    assert whole["diagnosis"]["evidence"]
    part = client.get(path, params={"offset": 1, "limit": 1}).json()
    assert [one["span_id"] for one in part["spans"]] == [f"{2:016x}"]
    hidden = client.get(path, params={"collapse": f"{1:016x}"}).json()
    assert ([one["is_collapsed"] for one in hidden["spans"]], hidden["visible_spans"]) == ([True], 1)
    assert hidden["cost_usd"] == "0.00165"
    assert client.get(path, params={"limit": 9999}).status_code == 400


def test_the_record_for_a_complaint(client: TestClient) -> None:
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
    one = client.get(f"/api/v1/users/{quote('u 1/ü', safe='')}", params=WINDOW).json()
    assert [day["day"] for day in one["days"]] == ["2026-01-05"]
    assert client.get("/api/v1/sessions/none").status_code == 404
    assert client.get("/api/v1/users/none", params=WINDOW).status_code == 404


def test_the_map(client: TestClient) -> None:
    drawn = client.get("/api/v1/service-map", params=WINDOW).json()
    assert (drawn["requests"], drawn["rate"], drawn["is_sampled"]) == (2, 1.0, False)
    assert {edge["target"] for edge in drawn["edges"]} == {f"generation:{HAIKU}", "retrieval:chat"}


app = typer.Typer()
traces.register(app)
DAY = ("--start", "2026-01-05", "--end", "2026-01-06")


@pytest.fixture
def typed(stocked: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    monkeypatch.setattr(context, "engine", lambda: stocked)
    return stocked


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["traces", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_searching_on_the_command_line(typed: sa.Engine) -> None:
    found = json.loads(run("search", "--query", "status:error", *DAY, "--json"))
    assert [row["name"] for row in found["traces"]] == ["fail"]
    assert "There may be more" in run("search", *DAY, "--limit", "1")
    assert "messages of 2 requests were read" in run("search", "-q", "refunds", *DAY)
    assert "No request" in run("search", "--last", "1h")


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "otlp"])
def test_exporting_to_a_file(typed: sa.Engine, tmp_path: Path, format: str) -> None:
    file = tmp_path / "out"
    told = json.loads(run("export", "--output", str(file), "--format", format, *DAY, "--json"))
    assert told["bytes"] == file.stat().st_size > 0
    assert f"{format} written to" in run("export", "-o", str(file), "--format", format, *DAY)


def test_what_cannot_be_typed(typed: sa.Engine, tmp_path: Path) -> None:
    for arguments in (
        ["search", "--end", "2026-01-06"],
        ["search", "--start", "yesterday"],
        ["export", "-o", str(tmp_path / "no" / "where")],
        ["export", "-o", str(tmp_path / "f"), "--format", "xml"],
    ):
        with pytest.raises(BadInput):
            run(*arguments)
