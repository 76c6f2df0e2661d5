"""A console without work costs next to nothing, and starts again when work comes."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.commits import CommitCounter
from db.engine import is_sqlite
from db.transaction import reading
from genaiops_core.clock import now
from genaiops_core.evaluation import runs
from genaiops_core.jobs import heartbeat
from genaiops_core.rollbacks import watch
from genaiops_core.rollbacks.observations import observe
from genaiops_core.rollbacks.policy import default
from genaiops_core.telemetry.sampling import selection
from genaiops_core.telemetry.sampling.policy import Policy
from tests.integration.evaluating import fetch_run, import_prices
from tests.integration.operating import create_approved_release, start
from tests.waiting import wait_for

WORKER_THAT_PAUSES_AT_ONCE = """
from genaiops_core.jobs import evaluating, worker
from genaiops_core.settings import Settings
evaluating.PAUSE_AFTER_SECONDS = 0.0
worker.PAUSE_CHECK_SECONDS = 0.2
worker.run(Settings())
"""


def test_the_counter_changes_with_the_commits_of_others(engine: sa.Engine) -> None:
    counter = CommitCounter(engine)
    before = counter.value()
    assert counter.value() == before
    heartbeat.beat(engine, "any:1:1", now())
    if is_sqlite(engine):
        assert before is not None
        assert counter.value() != before
    else:
        assert (before, counter.value()) == (None, None)
    counter.close()


def test_the_job_engine_pauses_and_a_later_run_starts_it_again(
    engine: sa.Engine, database_url: str, tmp_path: Path
) -> None:
    import_prices(engine, 10)
    log = tmp_path / "worker.log"
    environment = {**os.environ, "GENAIOPS_DATABASE_URL": database_url, "GENAIOPS_LOG_LEVEL": "DEBUG"}
    with log.open("w") as stream:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER_THAT_PAUSES_AT_ONCE], env=environment, stderr=stream
        )
    try:
        for pauses in (1, 2, 3):
            wait_for(lambda pauses=pauses: log.read_text().count("job engine paused") >= pauses)
            id = runs.launch(engine, actor="ada", dataset="prices", minimums={"grounding_overlap": 0.5})
            assert wait_for(lambda id=id: fetch_run(engine, id).verdict) == "passed"
    finally:
        worker.terminate()
        worker.wait()


def test_the_watch_measures_an_application_without_traffic_once(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(engine, create_approved_release(engine, "v1"))
    windows: list[int] = []

    def observe_and_count(*arguments: object, window_min: int, **options: object) -> object:
        windows.append(window_min)
        return observe(*arguments, window_min=window_min, **options)

    monkeypatch.setattr(watch, "observe", observe_and_count)
    assert watch.watch(engine, now(), default()) == []
    assert windows == [15]


def test_choosing_samples_writes_nothing_without_new_requests(engine: sa.Engine) -> None:
    policy = Policy(rate=1.0, cost_usd=1.0, latency_ms=1.0)
    step = selection.consider(engine, policy, now() + dt.timedelta(minutes=1))
    assert (step.requests, step.has_more) == (0, False)
    with reading(engine) as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM sample_cursor")) == 0
