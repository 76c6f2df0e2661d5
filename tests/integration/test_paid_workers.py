"""Workers that are killed in the middle of a paid run: what was finished is neither lost nor paid again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.tables.evaluations import evaluation_score, judge_call
from db.transaction import reading
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.rate_limits import RateLimits
from tests.conftest import JudgeServer
from tests.integration.evaluating import fetch_run, import_prices
from tests.waiting import LIMIT_S, wait_for

JUDGE = "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0"
METRICS = ["faithfulness", "answer_relevancy", "context_precision", "context_recall"]
CASES = 60
CONCURRENCY = 8

Start = Callable[[], subprocess.Popen[str]]
Calls = dict[str, tuple[object, ...]]


@pytest.fixture
def start(database_url: str, tmp_path: Path, judge_server: JudgeServer) -> Iterator[Start]:
    """Starts workers on the test's database and the loopback judge; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def _start() -> subprocess.Popen[str]:
        with (tmp_path / f"worker{len(started)}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "genaiops_core.cli.main", "worker"],
                env={**os.environ, "GENAIOPS_DATABASE_URL": database_url},
                stdout=log,
                stderr=log,
                text=True,
            )
        started.append(process)
        return process

    yield _start
    for process in started:
        process.kill()
        process.communicate()


def launch(engine: sa.Engine, **pace: int) -> str:
    import_prices(engine, CASES)
    return runs.launch(
        engine,
        actor="ada",
        dataset="prices",
        judge=JUDGE,
        metrics=METRICS,
        minimums={"faithfulness": 0.1},
        pace=RateLimits(concurrency=CONCURRENCY, **pace),
    )


def fetch_calls(engine: sa.Engine, id: str) -> Calls:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(judge_call).where(judge_call.c.evaluation_id == id))
        return {row.call_sha256: (row.called_at, row.latency_ms, row.cost_nano_usd) for row in rows}


def fetch_scores(engine: sa.Engine, id: str) -> dict[tuple[int, str], float]:
    score = evaluation_score.c
    with reading(engine) as connection:
        rows = connection.execute(
            sa.select(score.case_no, score.metric, score.latency_ms).where(score.evaluation_id == id)
        )
        return {(row.case_no, row.metric): row.latency_ms for row in rows}


def wait_until_ended(engine: sa.Engine, id: str) -> runs.Evaluation:
    wait_for(lambda: (run := fetch_run(engine, id)).is_open is False and run.results)
    return fetch_run(engine, id)


def check_nothing_repeated(
    engine: sa.Engine, id: str, server: JudgeServer, before: Calls, scores: dict[tuple[int, str], float]
) -> None:
    """What was kept at the kill is as it was, and the server answered only what was under way a second time."""
    after, state = fetch_calls(engine, id), server.state()
    assert {sha: after[sha] for sha in before} == before
    units = fetch_scores(engine, id)
    assert {unit: units[unit] for unit in scores} == scores
    assert len(units) == CASES * len(METRICS)
    assert fetch_run(engine, id).judge_calls == len(after)
    # Every answer of the server is a row, but for those that were under way when the worker was killed.
    assert 0 <= state["answered"] - len(after) <= 2 * CONCURRENCY


def test_paid_run_survives_kill_9_of_its_worker(
    engine: sa.Engine, start: Start, judge_server: JudgeServer
) -> None:
    judge_server.set(delay_s=0.05, throttle_every=20)
    id = launch(engine)
    first = start()
    wait_for(lambda: fetch_run(engine, id).units_done > 40)
    first.kill()
    first.wait()
    before, scores = fetch_calls(engine, id), fetch_scores(engine, id)
    assert 0 < len(scores) < CASES * len(METRICS)
    start()
    done = wait_until_ended(engine, id)
    assert (done.state, done.verdict, done.units_failed) == ("finished", "passed", 0)
    check_nothing_repeated(engine, id, judge_server, before, scores)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_worker_continues_a_shared_run_after_a_kill(
    engine: sa.Engine, start: Start, judge_server: JudgeServer
) -> None:
    judge_server.set(delay_s=0.1)
    first, second = start(), start()
    wait_for(lambda: workers(engine) == 2)
    id = launch(engine)
    wait_for(lambda: owners(engine) >= 2)
    wait_for(lambda: fetch_run(engine, id).units_done > 20)
    first.kill()
    first.wait()
    before, scores = fetch_calls(engine, id), fetch_scores(engine, id)
    assert 0 < len(scores) < CASES * len(METRICS)
    done = wait_until_ended(engine, id)
    assert (done.state, done.verdict, done.units_failed) == ("finished", "passed", 0)
    assert second.poll() is None
    check_nothing_repeated(engine, id, judge_server, before, scores)


def test_stopping_worker_records_calls_in_flight(
    engine: sa.Engine, start: Start, judge_server: JudgeServer
) -> None:
    judge_server.set(delay_s=0.1)
    id = launch(engine)
    first = start()
    wait_for(lambda: fetch_run(engine, id).units_done > 20)
    first.terminate()
    first.wait(LIMIT_S)
    assert judge_server.state()["answered"] == len(fetch_calls(engine, id))
    assert fetch_run(engine, id).state == "running"
    start()
    done = wait_until_ended(engine, id)
    assert (done.state, done.units_failed) == ("finished", 0)
    state = judge_server.state()
    assert state["answered"] == done.judge_calls
    assert state["most_in_flight"] <= CONCURRENCY


def test_unresponsive_judge_does_not_block_worker_stop(
    sqlite_engine: sa.Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    judge_server: JudgeServer,
) -> None:
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", str(sqlite_engine.url))
    judge_server.set(delay_s=10 * LIMIT_S)
    id = launch(sqlite_engine)
    with (tmp_path / "worker.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "genaiops_core.cli.main", "worker"], stdout=log, stderr=log
        )
    wait_for(lambda: judge_server.state()["most_in_flight"])
    process.terminate()
    assert process.wait(LIMIT_S) == 0
    assert fetch_run(sqlite_engine, id).state == "running"


def test_pause_and_resume_reach_the_worker(
    engine: sa.Engine, start: Start, judge_server: JudgeServer
) -> None:
    judge_server.set(delay_s=0.1)
    id = launch(engine)
    start()
    wait_for(lambda: fetch_run(engine, id).units_done > 20)
    runs.pause(engine, actor="ada", id=id)
    paused = wait_until_ended(engine, id)
    assert (paused.state, paused.verdict) == ("paused", None)
    assert judge_server.state()["answered"] == paused.judge_calls
    runs.resume(engine, actor="ada", id=id)
    done = wait_until_ended(engine, id)
    assert (done.state, done.verdict, done.attempt) == ("finished", "passed", 2)
    assert judge_server.state()["answered"] == done.judge_calls


def workers(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(sa.text("select count(*) from worker")).scalar() or 0)


def owners(engine: sa.Engine) -> int:
    """How many workers have a part in hand."""
    query = sa.text(
        "select count(distinct executor_id) from dbos.workflow_status "
        "where name = 'score_part' and status = 'PENDING'"
    )
    with reading(engine) as connection:
        return int(connection.execute(query).scalar() or 0)
