"""Evaluations over HTTP and by `genaiops evaluation`: launched, listed, paused, resumed, cancelled, waited for."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from genaiops_core.api.app import create_app
from genaiops_core.cli import context
from genaiops_core.cli.main import app
from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs import execution, states
from genaiops_core.settings import Settings
from tests.integration.evaluating import fetch_run, import_prices

MINIMUMS = {"grounding_overlap": 0.5}


@pytest.fixture
def client(engine: sa.Engine, database_url: str) -> Iterator[TestClient]:
    import_prices(engine, 10)
    with TestClient(create_app(Settings(database_url=database_url))) as opened:
        yield opened


@pytest.fixture
def genaiops(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> object:
    import_prices(engine, 10)
    monkeypatch.setattr(context, "engine", lambda: engine)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["evaluation", *arguments])

    return run


def test_an_evaluation_is_launched_and_read(engine: sa.Engine, client: TestClient) -> None:
    sent = {"dataset": "prices", "minimums": MINIMUMS, "concurrency": 4, "spend_limit_usd": 1.5}
    answer = client.post("/api/v1/evaluations", json=sent, headers={"X-GenAIOps-Actor": "ada"})
    assert answer.status_code == 201, answer.text
    launched = answer.json()
    assert (launched["state"], launched["units"], launched["units_done"]) == ("queued", 40, 0)
    assert (launched["concurrency"], launched["spend_limit_usd"], launched["created_by"]) == (4, "1.5", "ada")
    execution.run(engine, launched["id"])
    fetched = client.get(f"/api/v1/evaluations/{launched['id']}").json()
    assert (fetched["state"], fetched["verdict"], fetched["spent_usd"]) == ("finished", "passed", "0")
    assert fetched["results"]["metrics"]["grounding_overlap"]["n"] == 9
    listed = client.get("/api/v1/evaluations", params={"dataset": "prices"}).json()["evaluations"]
    assert [row["id"] for row in listed] == [launched["id"]]
    assert client.get("/api/v1/evaluations", params={"dataset": "other"}).json() == {"evaluations": []}


def test_an_evaluation_is_paused_resumed_and_cancelled(client: TestClient) -> None:
    id = client.post("/api/v1/evaluations", json={"dataset": "prices"}).json()["id"]
    assert (
        client.post(f"/api/v1/evaluations/{id}/pause", json={"reason": "lunch"}).json()["state"] == "paused"
    )
    resumed = client.post(f"/api/v1/evaluations/{id}/resume", json={"spend_limit_usd": 2}).json()
    assert (resumed["state"], resumed["attempt"], resumed["spend_limit_usd"]) == ("queued", 2, "2")
    assert client.post(f"/api/v1/evaluations/{id}/cancel").json()["state"] == "cancelled"
    assert client.post(f"/api/v1/evaluations/{id}/cancel").status_code == 409


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        ({"dataset": "none"}, 404, "Dataset 'none' does not exist"),
        ({"dataset": "prices", "concurrency": 0}, 400, "concurrency must be 1 to"),
        ({"dataset": "prices", "judge_options": {"colour": "red"}}, 400, "no judge option 'colour'"),
        ({"dataset": "prices", "repetitions": 3}, 400, "Only a target can answer a case more than once"),
        ({"dataset": "prices", "judge": "oracle"}, 400, "oracle"),
    ],
)
def test_invalid_launch_request_is_rejected(
    client: TestClient, sent: dict[str, object], status: int, message: str
) -> None:
    answer = client.post("/api/v1/evaluations", json=sent)
    assert answer.status_code == status, answer.text
    assert message in answer.text


def test_cross_site_requests_launch_nothing(client: TestClient) -> None:
    answer = client.post(
        "/api/v1/evaluations", json={"dataset": "prices"}, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 403


def test_command_line_pauses_resumes_and_waits(engine: sa.Engine, genaiops: object) -> None:
    assert callable(genaiops)
    id = runs.launch(engine, actor="ada", dataset="prices", minimums={"question_overlap": 0.99})
    assert json.loads(genaiops("pause", id, "--json").stdout)["state"] == "paused"
    assert genaiops("wait", id).exit_code == 3
    resumed = json.loads(genaiops("resume", id, "--spend-limit", "0.25", "--json").stdout)
    assert (resumed["state"], resumed["spend_limit_usd"], resumed["remaining_s"]) == ("queued", "0.25", None)
    assert genaiops("wait", id).exit_code == 1  # nobody else works, so it is done here; the gate fails
    result = genaiops("show", id)
    assert "finished" in result.stdout
    assert json.loads(genaiops("list", "--json").stdout)["evaluations"][0]["verdict"] == "failed"
    refused = genaiops("cancel", id)
    assert isinstance(refused.exception, GenAIOpsError)
    assert "finished already" in str(refused.exception)


def test_wait_ends_when_the_run_is_paused(engine: sa.Engine, genaiops: object) -> None:
    assert callable(genaiops)
    id = runs.launch(engine, actor="ada", dataset="prices", minimums=MINIMUMS)
    states.begin(engine, id, 1)
    states.pause_for_decision(engine, id, 1, "0.01 USD of the spend limit is left.")
    result = genaiops("wait", id)
    assert result.exit_code == 3
    assert "0.01 USD of the spend limit is left." in result.stdout
    assert fetch_run(engine, id).results is not None
