"""`genaiops sample`, `genaiops review` and the worker's tasks on a small database."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from db.transaction import reading
from genaiops_core.cli.main import app
from genaiops_core.errors import BadInput
from genaiops_core.jobs.sampling import Choosing, Scoring
from genaiops_core.settings import Settings
from genaiops_core.telemetry.sampling.samples import list_samples
from tests.integration.sampled import APPLICATION, DAY, ingest_and_sample, traces


@pytest.fixture
def engine_with_samples(sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", sqlite_engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("GENAIOPS_ACTOR", "anna")
    ingest_and_sample(sqlite_engine, traces(4, users=1))
    return sqlite_engine


def run_json(*words: str) -> Any:
    result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_sample_and_review_commands_end_to_end(
    engine_with_samples: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_json("sample", "run") == {"considered": 0, "sampled": 0, "scored": 4, "failed": 0}
    assert run_json("sample", "status")["considered"] == 0  # the traffic is older than a day
    queue = run_json("review", "list")
    assert queue["open"] == 4
    assert queue["items"][0]["reason"] == "new_user"
    trace_id = queue["items"][0]["trace_id"]
    request_arguments = (trace_id, "--application", APPLICATION)
    assert run_json("review", "show", *request_arguments)["question"]
    submitted = run_json(
        "review", "submit", *request_arguments, "--rating", "helpfulness=good", "--rating", "groundedness=0.5"
    )
    assert submitted["mine"]["ratings"] == {"helpfulness": 1.0, "groundedness": 0.5}
    monkeypatch.setenv("GENAIOPS_ACTOR", "ben")
    assert run_json("review", "submit", *request_arguments, "--rating", "helpfulness=bad")["is_done"]
    (disagreement,) = run_json("review", "disagreements")["disagreements"]
    assert (disagreement["metric"], disagreement["difference"]) == ("helpfulness", 1.0)
    assert run_json("review", "agreement")["agreement"][0]["percent_agreement"] == 0.0
    created = run_json(
        "review", "to-dataset", *request_arguments, "--dataset", "bad answers", "--reference", "30 days"
    )
    assert created == {"dataset": "bad answers", "version": 1, "cases": 1, "is_new": True}
    other_trace = run_json("review", "list")["items"][0]["trace_id"]
    assert run_json("review", "skip", other_trace, "--application", APPLICATION)["skipped"]


def test_commands_print_tables_and_error_messages(engine_with_samples: sa.Engine) -> None:
    run = CliRunner()
    for words in (["sample", "status"], ["sample", "list"], ["review", "list"], ["review", "agreement"]):
        result = run.invoke(app, words, catch_exceptions=False)
        assert result.exit_code == 0
        assert result.stdout.strip()
    with pytest.raises(BadInput, match="METRIC=VALUE"):
        run.invoke(
            app,
            ["review", "submit", "a" * 32, "--application", "x", "--rating", "good"],
            catch_exceptions=False,
        )


def test_samples_are_listed_as_queue_messages(
    engine_with_samples: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genaiops_core.telemetry.time_window.clock.now", lambda: DAY.end)
    result = CliRunner().invoke(app, ["sample", "list", "--messages"], catch_exceptions=False)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 4
    assert {tuple(line) for line in lines} == {
        ("request_id", "query", "response", "context", "priority", "reason")
    }


def test_worker_tasks_score_all_samples(engine_with_samples: sa.Engine) -> None:
    stopping = threading.Event()
    Choosing(engine_with_samples, Settings(), stopping)()
    Scoring(engine_with_samples, Settings(), stopping)()
    with reading(engine_with_samples) as connection:
        assert {item.state for item in list_samples(connection, DAY)} == {"scored"}
    with pytest.raises(BadInput, match="no judge"):
        Scoring(engine_with_samples, Settings(sample_judge="nobody"), stopping)
