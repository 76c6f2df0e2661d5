"""`genaiops sample` and `genaiops review`, and the worker's tasks, on one small database."""

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
def stocked(sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", sqlite_engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("GENAIOPS_ACTOR", "anna")
    ingest_and_sample(sqlite_engine, traces(4, users=1))
    return sqlite_engine


def asked(*words: str) -> Any:
    result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_round_by_hand(stocked: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked("sample", "run") == {"considered": 0, "sampled": 0, "scored": 4, "failed": 0}
    assert asked("sample", "status")["considered"] == 0  # the traffic is older than a day
    queue = asked("review", "list")
    assert queue["open"] == 4
    assert queue["items"][0]["reason"] == "new_user"
    trace_id = queue["items"][0]["trace_id"]
    where = (trace_id, "--application", APPLICATION)
    assert asked("review", "show", *where)["question"]
    rated = asked("review", "submit", *where, "--rating", "helpfulness=good", "--rating", "groundedness=0.5")
    assert rated["mine"]["ratings"] == {"helpfulness": 1.0, "groundedness": 0.5}
    monkeypatch.setenv("GENAIOPS_ACTOR", "ben")
    assert asked("review", "submit", *where, "--rating", "helpfulness=bad")["is_done"]
    (one,) = asked("review", "disagreements")["disagreements"]
    assert (one["metric"], one["difference"]) == ("helpfulness", 1.0)
    assert asked("review", "agreement")["agreement"][0]["percent_agreement"] == 0.0
    made = asked("review", "to-dataset", *where, "--dataset", "bad answers", "--reference", "30 days")
    assert made == {"dataset": "bad answers", "version": 1, "cases": 1, "is_new": True}
    other = asked("review", "list")["items"][0]["trace_id"]
    assert asked("review", "skip", other, "--application", APPLICATION)["skipped"]


def test_words_for_people(stocked: sa.Engine) -> None:
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


def test_samples_as_queue_messages(stocked: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genaiops_core.telemetry.time_window.clock.now", lambda: DAY.end)
    result = CliRunner().invoke(app, ["sample", "list", "--messages"], catch_exceptions=False)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 4
    assert {tuple(line) for line in lines} == {
        ("request_id", "query", "response", "context", "priority", "reason")
    }


def test_the_tasks_of_the_worker(stocked: sa.Engine) -> None:
    stopping = threading.Event()
    Choosing(stocked, Settings(), stopping)()
    Scoring(stocked, Settings(), stopping)()
    with reading(stocked) as connection:
        assert {one.state for one in list_samples(connection, DAY)} == {"scored"}
    with pytest.raises(BadInput, match="no judge"):
        Scoring(stocked, Settings(sample_judge="nobody"), stopping)
