"""The worker as a process: finishes runs, dies and is replaced, stops when asked."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.tables.evaluations import evaluation, evaluation_score
from db.transaction import reading, writing
from genaiops_core.clock import now
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs import states
from genaiops_core.jobs import heartbeat
from tests.integration.evaluating import fetch_run, import_prices
from tests.waiting import LIMIT_S, wait_for

Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts workers on the test's database; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def _start() -> subprocess.Popen[str]:
        with (tmp_path / f"worker{len(started)}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "genaiops_core.cli.main", "worker"],
                env={**os.environ, "GENAIOPS_DATABASE_URL": database_url},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        started.append(process)
        return process

    yield _start
    for process in started:
        process.kill()
        process.communicate()


def is_beating(engine: sa.Engine) -> bool:
    with reading(engine) as connection:
        return heartbeat.is_beating(connection, now())


def test_a_worker_finishes_what_is_queued_and_stops_when_asked(engine: sa.Engine, start: Start) -> None:
    import_prices(engine)
    queued = runs.launch(engine, actor="ada", dataset="prices", minimums={"grounding_overlap": 0.5})
    process = start()
    done = wait_for(lambda: (run := fetch_run(engine, queued)).is_open is False and run)
    assert (done.state, done.verdict, done.units_done) == ("finished", "passed", 240)
    assert is_beating(engine)
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, stdout) == (0, "")
    assert not is_beating(engine)


def test_a_run_survives_kill_9_without_a_repeated_score(engine: sa.Engine, start: Start) -> None:
    import_prices(engine, 3000, words=1500)
    id = runs.launch(engine, actor="ada", dataset="prices", minimums={"grounding_overlap": 0.5})
    first = start()
    wait_for(lambda: fetch_run(engine, id).units_done > 0)
    first.kill()
    first.wait()
    halfway = fetch_run(engine, id)
    assert halfway.state == "running"
    assert 0 < halfway.units_done < halfway.units
    scores_before = scores(engine, id)
    assert len(scores_before) == halfway.units_done
    start()
    done = wait_for(lambda: (run := fetch_run(engine, id)).is_open is False and run)
    assert (done.state, done.verdict) == ("finished", "passed")
    assert done.units_done == done.units == 12_000
    after = scores(engine, id)
    assert len(after) == 12_000
    assert {
        key: after[key] for key in scores_before
    } == scores_before  # the latency of each shows that none was judged again


def test_a_worker_that_is_stopped_hands_its_run_on(engine: sa.Engine, start: Start) -> None:
    import_prices(engine, 3000, words=1500)
    id = runs.launch(engine, actor="ada", dataset="prices", minimums={"grounding_overlap": 0.5})
    first = start()
    wait_for(lambda: fetch_run(engine, id).units_done > 0)
    first.terminate()
    first.wait(LIMIT_S)
    assert fetch_run(engine, id).state == "running"
    start()
    done = wait_for(lambda: (run := fetch_run(engine, id)).is_open is False and run)
    assert (done.state, done.units_done) == ("finished", 12_000)


def test_cancelling_takes_effect_in_the_middle_of_a_run(engine: sa.Engine, start: Start) -> None:
    import_prices(engine, 3000, words=1500)
    id = runs.launch(engine, actor="ada", dataset="prices", minimums={"grounding_overlap": 0.5})
    process = start()
    wait_for(lambda: fetch_run(engine, id).units_done > 0)
    runs.cancel(engine, actor="ada", id=id)
    done = wait_for(lambda: (run := fetch_run(engine, id)).results and run)
    assert (done.state, done.verdict) == ("cancelled", None)
    assert 0 < done.units_done < done.units
    # Whatever was still under way is written before the worker has stopped.
    process.terminate()
    process.wait(LIMIT_S)
    assert len(scores(engine, id)) == done.units_done


def test_a_run_of_a_command_line_that_died_is_taken_over(engine: sa.Engine, start: Start) -> None:
    import_prices(engine)
    id = runs.launch(engine, actor="ada", dataset="prices", minimums={"grounding_overlap": 0.5})
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    runner = heartbeat.new_executor_id(now()).split(":")
    assert states.claim(engine, id, f"{runner[0]}:{gone.pid}:1")
    assert not states.claim(engine, id, "somebody:1:1")
    start()
    done = wait_for(lambda: (run := fetch_run(engine, id)).is_open is False and run)
    assert done.verdict == "passed"


def test_only_the_silent_are_dead(engine: sa.Engine) -> None:
    at = now()
    heartbeat.beat(engine, "far-away:1:1", at)
    with reading(engine) as connection:
        assert heartbeat.alive_workers(connection, at + (5 * SECOND)) == {"far-away:1:1"}
        assert heartbeat.alive_workers(connection, at + (16 * SECOND)) == set()
        assert not heartbeat.is_beating(connection, at + (16 * SECOND))
    heartbeat.forget(engine, "far-away:1:1")
    with reading(engine) as connection:
        assert heartbeat.last_heartbeat(connection, at) is None


def test_a_heartbeat_in_the_future_is_none(engine: sa.Engine) -> None:
    at = now()
    hour = 3600 * SECOND
    # Of a worker that died before the clock was set back by an hour.
    heartbeat.beat(engine, "far-away:1:1", at + hour)
    with reading(engine) as connection:
        assert heartbeat.alive_workers(connection, at) == set()
        assert not heartbeat.is_beating(connection, at)
        assert heartbeat.last_heartbeat(connection, at) is None
        assert "3,600 s in the future" in heartbeat.explain_missing_heartbeat(connection, at)
    # A worker that lives, and one whose host has a clock that is a little ahead.
    heartbeat.beat(engine, "near:1:1", at)
    heartbeat.beat(engine, "ahead:1:1", at + 5 * SECOND)
    with reading(engine) as connection:
        assert heartbeat.alive_workers(connection, at) == {"near:1:1", "ahead:1:1"}
        assert heartbeat.is_beating(connection, at)
    # The heartbeat of a living worker goes back with the clock.
    heartbeat.beat(engine, "far-away:1:1", at)
    with reading(engine) as connection:
        assert "far-away:1:1" in heartbeat.alive_workers(connection, at)


def test_work_is_taken_over_after_the_clock_went_back(engine: sa.Engine, start: Start) -> None:
    import_prices(engine)
    id = runs.launch(engine, actor="ada", dataset="prices", minimums={"grounding_overlap": 0.5})
    heartbeat.beat(engine, "far-away:1:1", now() + 3600 * SECOND)
    start()
    done = wait_for(lambda: (run := fetch_run(engine, id)).is_open is False and run)
    assert done.verdict == "passed"


def test_a_run_nobody_knows_any_more_is_closed_with_a_reason(engine: sa.Engine) -> None:
    import_prices(engine, 2)
    id = runs.launch(engine, actor="ada", dataset="prices")
    states.fail(engine, id, "The job engine stopped the run.")
    assert (fetch_run(engine, id).state, fetch_run(engine, id).problem) == (
        "failed",
        "The job engine stopped the run.",
    )
    with writing(engine) as connection:
        assert connection.execute(sa.select(evaluation.c.verdict)).scalar() is None


SECOND = dt.timedelta(seconds=1)


def scores(engine: sa.Engine, id: str) -> dict[tuple[int, str], float]:
    table = evaluation_score.c
    with reading(engine) as connection:
        rows = connection.execute(
            sa.select(table.case_no, table.metric, table.latency_ms).where(table.evaluation_id == id)
        )
        return {(row.case_no, row.metric): row.latency_ms for row in rows}
