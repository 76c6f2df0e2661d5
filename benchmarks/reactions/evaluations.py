"""Evaluations whose worker is stopped or killed, or that are cancelled."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import sqlalchemy as sa

from benchmarks.reactions.judge import LoopbackJudge
from benchmarks.reactions.processes import POLL_S, Processes, measure_s, stop
from db.tables.evaluations import judge_call
from db.transaction import reading
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.calls.call_session import POLL_S as RUN_POLL_S
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.jobs.heartbeat import BEAT_SECONDS
from tests.waiting import wait_for

CASES = 400
ONE_BATCH = 20
"""Cases that one worker scores alone: another worker gets them only after the first one died."""
UNITS_BEFORE = 20
"""Scores that exist when something happens to the evaluation."""
CONCURRENCY = 4
CALL_S = 0.5
SHORT_CALL_S = 0.1
LONG_CALL_S = 1.0
WITHHELD_S = 3600.0
BARE_PROCESS = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit()); print(flush=True); signal.pause()"

# Signals come at a random moment of an interval, so that they meet every phase of it.
_random_moment = random.Random(7).uniform


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """What happened after a kill; times in seconds."""

    next_call_s: float
    unrecorded: int
    """Calls that had reached the judge and were not recorded at the kill."""
    repeated: int
    """Calls that the judge answered a second time."""


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """What happened after a cancellation; times in seconds since its request."""

    state_s: float
    read_s: float
    """One read of the same route before it."""
    last_call_s: float
    """0 when no call began afterwards."""
    calls: int


def stop_idle_worker(processes: Processes) -> float:
    """SIGTERM until the exit of a worker without work."""
    worker = processes.start_worker()
    time.sleep(_random_moment(0, BEAT_SECONDS))
    return stop(worker)


def stop_bare_process() -> float:
    """The same of a Python process that only waits for the signal."""
    with subprocess.Popen([sys.executable, "-c", BARE_PROCESS], stdout=subprocess.PIPE) as bare:
        assert bare.stdout is not None
        bare.stdout.readline()
        return stop(bare)


def stop_busy_worker(
    engine: sa.Engine, processes: Processes, judge: LoopbackJudge, *, delay_s: float, units_before: int
) -> float:
    """SIGTERM until the exit of a worker whose calls take `delay_s`; the evaluation is cancelled afterwards."""
    judge.reset(delay_s=delay_s)
    id = _launch(engine, judge, CASES)
    worker = processes.start_worker()
    _wait_while_open(
        engine, id, lambda run: judge.in_flight == CONCURRENCY and run.units_done >= units_before
    )
    time.sleep(_random_moment(0, CALL_S))
    seconds = stop(worker)
    assert _fetch(engine, id).state == "running"
    runs.cancel(engine, actor="bench", id=id)
    return seconds


def kill_worker(
    engine: sa.Engine,
    judge: LoopbackJudge,
    workers: dict[str, subprocess.Popen[bytes]],
) -> Takeover:
    """Kill the one of two workers that makes the calls of an evaluation, and remove it from `workers`.

    Args:
        engine: of the database.
        judge: who receives the calls.
        workers: two workers by their API key.
    """
    judge.reset(delay_s=LONG_CALL_S)
    id = _launch(engine, judge, ONE_BATCH)
    _wait_while_open(engine, id, lambda run: run.units_done >= CONCURRENCY)
    time.sleep(_random_moment(0, BEAT_SECONDS))
    (key,) = {key for _, key in judge.arrivals}
    killed_at = time.perf_counter()
    killed = workers.pop(key)
    killed.kill()
    killed.wait()
    calls = len(judge.arrivals)
    recorded = _fetch_calls(engine, id)
    assert len(recorded) < ONE_BATCH, "the evaluation ended before the kill"
    (successor_key,) = workers
    arrived_at = wait_for(lambda: judge.find_arrival(successor_key))
    judge.set_delay(0.0)
    evaluation = _wait_for_results(engine, id)
    assert (evaluation.state, evaluation.units_failed) == ("finished", 0), evaluation
    after = _fetch_calls(engine, id)
    assert len(after) == ONE_BATCH and recorded.items() <= after.items(), "a recorded call was repeated"
    assert arrived_at is not None
    takeover = Takeover(
        next_call_s=arrived_at - killed_at, unrecorded=calls - len(recorded), repeated=judge.count_repeated()
    )
    assert takeover.repeated <= takeover.unrecorded, takeover
    return takeover


def cancel_evaluation(engine: sa.Engine, api: httpx.Client, judge: LoopbackJudge) -> Cancellation:
    """Cancel an evaluation over HTTP; a worker runs."""
    judge.reset(delay_s=SHORT_CALL_S)
    id = _launch(engine, judge, CASES)
    _wait_while_open(engine, id, lambda run: run.units_done >= UNITS_BEFORE)
    time.sleep(_random_moment(0, RUN_POLL_S))
    path = f"/api/v1/evaluations/{id}"
    read_s = measure_s(lambda: api.get(path))
    cancelled_at = time.perf_counter()
    api.post(f"{path}/cancel", json={}).raise_for_status()
    wait_for(lambda: api.get(path).json()["state"] == "cancelled", interval_s=POLL_S)
    state_s = time.perf_counter() - cancelled_at
    _wait_for_results(engine, id)
    # Far longer than any interval after which a call could still begin.
    time.sleep(4 * RUN_POLL_S)
    calls_s = [at - cancelled_at for at, _ in judge.arrivals if at > cancelled_at]
    return Cancellation(
        state_s=state_s, read_s=read_s, last_call_s=max(calls_s, default=0.0), calls=len(calls_s)
    )


def _launch(engine: sa.Engine, judge: LoopbackJudge, cases: int) -> str:
    """Queue an evaluation with one model call per case."""
    return runs.launch(
        engine,
        actor="bench",
        dataset="prices",
        judge=f"openai:judge-model@{judge.url}/v1",
        metrics=["safety"],
        sample_size=cases,
        pace=RateLimits(concurrency=CONCURRENCY),
    )


def _wait_while_open(engine: sa.Engine, id: str, condition: Callable[[runs.Evaluation], bool]) -> None:
    """Wait for a condition on an evaluation that must not end before."""

    def is_met() -> bool:
        evaluation = _fetch(engine, id)
        assert evaluation.is_open, evaluation
        return condition(evaluation)

    wait_for(is_met)


def _wait_for_results(engine: sa.Engine, id: str) -> runs.Evaluation:
    wait_for(lambda: _fetch(engine, id).results is not None)
    return _fetch(engine, id)


def _fetch(engine: sa.Engine, id: str) -> runs.Evaluation:
    with reading(engine) as connection:
        return runs.get(connection, id)


def _fetch_calls(engine: sa.Engine, id: str) -> dict[str, tuple[Any, ...]]:
    """What is recorded of each call; a repeated call would have another time."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(judge_call).where(judge_call.c.evaluation_id == id))
        return {row.call_sha256: (row.called_at, row.latency_ms) for row in rows}
