"""A run with a model as judge, and RAGAS's own `evaluate()`: 1,000 cases x 4 metrics, 300 ms per call, 2 % throttled.

Worker, judge and RAGAS are separate processes on this machine; the judge is the loopback server of the tests. The
benchmark prints the time of a run from launch to results against the ideal (calls x latency / concurrency), RAGAS on
the same cases and server, a run whose worker is killed (-9) half-way and replaced, and the peak memory of the worker.

RAGAS requests embeddings one at a time and blocks everything else, so with embeddings from the server it is timed on
`RAGAS_CASES` cases only. With embeddings computed in its own process, which saves calls, it is timed on all cases.

    GENAIOPS_BENCH_CASES=1000 GENAIOPS_BENCH_JUDGE=bedrock python -m benchmarks.bench_evaluation
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from db.tables.access import worker as workers
from db.transaction import reading
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.rate_limits import RateLimits

CASES = int(os.environ.get("GENAIOPS_BENCH_CASES", "1000"))
RAGAS_CASES = min(CASES, int(os.environ.get("GENAIOPS_BENCH_RAGAS_CASES", "200")))
JUDGE = os.environ.get("GENAIOPS_BENCH_JUDGE", "openai")
LATENCY_S = 0.3
THROTTLE_EVERY = 50
CONCURRENCY = 32
METRICS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        suite = home / "suite.jsonl"
        suite.write_text("\n".join(json.dumps(case) for case in generate_cases(CASES)))
        part = home / "part.jsonl"
        part.write_text("\n".join(json.dumps(case) for case in generate_cases(RAGAS_CASES)))
        port = free_port()
        server = subprocess.Popen([sys.executable, "-m", "tests.judge_server", str(port)])
        try:
            compare(home, suite, part, f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait()


def compare(home: Path, suite: Path, part: Path, url: str) -> None:
    print(f"{CASES:,} cases x 4 metrics, judge {JUDGE}, load of this machine {os.getloadavg()[0]:.1f}")
    engine = make_engine(f"sqlite:///{home / 'bench.db'}")
    upgrade(engine)
    datasets.import_dataset(engine, actor="bench", name="suite", data=suite.read_bytes(), filename=suite.name)
    with Worker(home, url, "first") as worker:
        wait_until(lambda: is_beating(engine))
        took_s, calls = time_run(engine, url)
        ideal_s = calls * LATENCY_S / CONCURRENCY
        print_line(
            f"run, {calls:,} calls: {took_s:.1f} s, {took_s / ideal_s:.2f} of the ideal {ideal_s:.1f} s"
        )
        print_line(f"peak memory of the worker: {worker.peak_mb():.0f} MB")
        warm_s, calls = time_run(engine, url)
        ideal_s = calls * LATENCY_S / CONCURRENCY
        print_line(
            f"the same once more, libraries loaded: {warm_s:.1f} s, {warm_s / ideal_s:.2f} of the ideal"
        )
    killed_s, facts = kill_run(home, engine, url)
    print_line(f"killed (-9) half-way and replaced: {killed_s:.1f} s, {killed_s - took_s:+.1f} s; {facts}")
    for name, file, count, more in (
        ("embeddings from the server", part, RAGAS_CASES, []),
        ("embeddings made in its process", suite, CASES, ["local"]),
    ):
        ragas_s = time_ragas(url, file, more) * CASES / count
        scaled = f", reckoned from {count:,} cases" if count < CASES else ""
        print_line(f"ragas evaluate(), {name}: {ragas_s:.1f} s, {ragas_s / took_s:.2f} times the run{scaled}")
    engine.dispose()


def generate_cases(count: int) -> Any:
    filler = " ".join(f"word{number}" for number in range(60))
    for number in range(1, count + 1):
        context = f"Item {number} costs {number * 3} coins. {filler}"
        yield {
            "question": f"What does item {number} cost?",
            "answer": f"Item {number} costs {number * 3} coins.",
            "contexts": [context],
            "reference": f"{number * 3} coins",
        }


class Worker:
    """A worker process on the benchmark's database."""

    def __init__(self, home: Path, url: str, name: str) -> None:
        environment = {
            **os.environ,
            "GENAIOPS_DATABASE_URL": f"sqlite:///{home / 'bench.db'}",
            "GENAIOPS_HOME": str(home),
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-east-1",
            "OPENAI_API_KEY": "bench",
        }
        self._log = (home / f"{name}.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "genaiops_core.cli.main", "worker"],
            env=environment,
            stdout=self._log,
            stderr=self._log,
        )

    def peak_mb(self) -> float:
        """Peak resident memory in MB, from /proc (Linux only)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()


def time_run(engine: sa.Engine, url: str) -> tuple[float, int]:
    """Return the seconds from launch to results, and the number of calls that the server received."""
    reset_server(url)
    started = time.perf_counter()
    evaluation = wait_for_end(engine, launch_run(engine, url))
    took_s = time.perf_counter() - started
    check(evaluation)
    return took_s, int(fetch_state(url)["calls"])


def kill_run(home: Path, engine: sa.Engine, url: str) -> tuple[float, str]:
    reset_server(url)
    with Worker(home, url, "second") as first:
        wait_until(lambda: is_beating(engine))
        started = time.perf_counter()
        id = launch_run(engine, url)
        wait_until(lambda: (run := get_evaluation(engine, id)).units_done >= run.units / 2)
        first.kill()
    with Worker(home, url, "third"):
        evaluation = wait_for_end(engine, id)
        took_s = time.perf_counter() - started
    check(evaluation)
    twice = int(fetch_state(url)["answered"]) - evaluation.judge_calls
    return took_s, f"{twice} calls in flight at the kill were paid twice; no finished call was repeated"


def launch_run(engine: sa.Engine, url: str) -> str:
    judge = "bedrock:amazon.nova-pro-v1:0" if JUDGE == "bedrock" else f"openai:judge-model@{url}/v1"
    return runs.launch(
        engine,
        actor="bench",
        dataset="suite",
        judge=judge,
        metrics=METRICS,
        minimums={"faithfulness": 0.5},
        pace=RateLimits(concurrency=CONCURRENCY),
    )


def wait_for_end(engine: sa.Engine, id: str) -> runs.Evaluation:
    wait_until(lambda: not get_evaluation(engine, id).is_open)
    return get_evaluation(engine, id)


def check(evaluation: runs.Evaluation) -> None:
    assert (evaluation.state, evaluation.units_done, evaluation.units_failed) == ("finished", CASES * 4, 0), (
        evaluation
    )


def time_ragas(url: str, suite: Path, more: list[str]) -> float:
    reset_server(url)
    command = [sys.executable, "-m", "benchmarks.ragas_evaluate", str(suite), f"{url}/v1", str(CONCURRENCY)]
    answer = subprocess.run([*command, *more], capture_output=True, text=True, check=True).stdout
    result = json.loads(answer.splitlines()[-1])
    assert result["values"] == result["of"], result
    return float(result["took_s"])


def get_evaluation(engine: sa.Engine, id: str) -> runs.Evaluation:
    with reading(engine) as connection:
        return runs.get(connection, id)


def is_beating(engine: sa.Engine) -> bool:
    from genaiops_core.clock import now

    with reading(engine) as connection:
        beats = connection.execute(sa.select(workers.c.beat_at)).scalars().all()
    return any((now() - at).total_seconds() < 3 for at in beats)


def reset_server(url: str) -> None:
    wait_until(lambda: is_ready(url))
    for change in ({"reset": True}, {"delay_s": LATENCY_S, "throttle_every": THROTTLE_EVERY}):
        httpx.post(f"{url}/_set", json=change).raise_for_status()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_state").is_success
    except httpx.TransportError:
        return False


def fetch_state(url: str) -> dict[str, Any]:
    body: dict[str, Any] = httpx.get(f"{url}/_state").json()
    return body


def wait_until(condition: Any) -> None:
    while not condition():
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def print_line(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
