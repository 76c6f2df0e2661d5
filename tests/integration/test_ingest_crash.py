"""kill -9 in the middle of ingest: whatever was acknowledged is there, once, and the rollups agree."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import sqlalchemy as sa

from db import histogram
from db.engine import make_engine
from db.tables.telemetry import request, rollup_minute, span
from db.transaction import reading
from tests.otlp_samples import SECOND_NS, T0_NS, body, call
from tests.otlp_samples import span as sample
from tests.payloads import read_payloads
from tests.waiting import LIMIT_S, wait_for

SENDERS = 4
TRACES_PER_BATCH = 10
BATCHES = 400
ROOT = Path(__file__).resolve().parents[2]


def bodies() -> list[bytes]:
    """Batches of ten traces of three spans; trace and span numbers say which batch they belong to."""
    randomness = random.Random(11)
    batches = []
    for batch in range(BATCHES):
        spans = []
        for trace in range(batch * TRACES_PER_BATCH + 1, (batch + 1) * TRACES_PER_BATCH + 1):
            start_ns = T0_NS + randomness.randrange(7200) * SECOND_NS
            spans.append(sample(trace * 10, trace=trace, name="ask", start_ns=start_ns))
            spans += [
                call(
                    trace * 10 + step,
                    trace=trace,
                    parent=trace * 10,
                    start_ns=start_ns,
                    duration_ns=randomness.randrange(1, 10**9),
                    model=f"m{step}",
                    tokens=(trace, step),
                )
                for step in (1, 2)
            ]
        batches.append(body(*spans))
    return batches


def start_api(database_url: str, port: int) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "genaiops_core.api.app:create_app", "--factory"),
            *("--port", str(port), "--log-level", "warning"),
        ],
        cwd=ROOT,
        env={**os.environ, "GENAIOPS_DATABASE_URL": database_url},
    )

    def is_up() -> bool:
        assert server.poll() is None, "the API ended while starting"
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        try:
            client.request("GET", "/healthz")
            return client.getresponse().status == 200
        except OSError:
            return False
        finally:
            client.close()

    wait_for(is_up)
    return server


def post_all(port: int, sent: list[bytes], acknowledged: set[int]) -> None:
    """Post from several threads until all are acknowledged or the server is gone."""
    numbers = iter(range(len(sent)))
    lock = threading.Lock()

    def sender() -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        try:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                client.request("POST", "/v1/traces", sent[number], {"Content-Type": "application/json"})
                answer = client.getresponse()
                answer.read()
                if answer.status == 200:
                    acknowledged.add(number)
        except (OSError, http.client.HTTPException):
            return
        finally:
            client.close()

    threads = [threading.Thread(target=sender) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def assert_consistent(engine: sa.Engine, *, at_least: set[int]) -> int:
    """Every batch is there whole or not at all, and requests and rollups say what the spans say."""
    with reading(engine) as connection:
        keys = connection.execute(sa.select(span.c.trace_id, span.c.span_id)).all()
        assert len(set(keys)) == len(keys)
        by_batch: dict[int, int] = {}
        for trace_id, _ in keys:
            number = (int(trace_id, 16) - 1) // TRACES_PER_BATCH
            by_batch[number] = by_batch.get(number, 0) + 1
        assert set(by_batch.values()) <= {TRACES_PER_BATCH * 3}
        assert at_least <= set(by_batch)
        calls = span.c.is_call
        of_spans = connection.execute(
            sa.select(
                sa.func.count(), sa.func.sum(span.c.input_tokens), sa.func.sum(span.c.output_tokens)
            ).where(calls)
        ).one()
        minute = rollup_minute.c
        of_rollups = connection.execute(
            sa.select(
                sa.func.sum(minute.calls), sa.func.sum(minute.input_tokens), sa.func.sum(minute.output_tokens)
            )
        ).one()
        of_requests = connection.execute(
            sa.select(
                sa.func.sum(request.c.calls),
                sa.func.sum(request.c.input_tokens),
                sa.func.sum(request.c.output_tokens),
            )
        ).one()
        assert tuple(of_spans) == tuple(map(int, of_rollups)) == tuple(map(int, of_requests))
        blobs = connection.execute(sa.select(minute.call_latency)).scalars().all()
        assert histogram.count(histogram.merge(blobs)) == of_spans[0]
        assert connection.execute(sa.select(sa.func.sum(minute.requests))).scalar() == len(keys) // 3
        for number in list(by_batch)[:5]:
            assert len(read_payloads(connection, f"{number * TRACES_PER_BATCH + 1:032x}")) == 3
        return len(by_batch)


def test_kill_during_ingest_loses_and_doubles_nothing(database_url: str) -> None:
    sent = bodies()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    engine = make_engine(database_url)
    acknowledged: set[int] = set()

    server = start_api(database_url, port)
    posting = threading.Thread(target=post_all, args=(port, sent, acknowledged))
    posting.start()
    wait_for(lambda: len(acknowledged) >= BATCHES // 5, interval_s=0.002)
    server.send_signal(signal.SIGKILL)
    server.wait()
    posting.join()
    assert len(acknowledged) < BATCHES, "it was killed too late to prove anything"
    stored_batches = assert_consistent(engine, at_least=acknowledged)
    assert stored_batches <= len(acknowledged) + SENDERS

    server = start_api(database_url, port)
    try:
        for _ in range(2):
            resent: set[int] = set()
            post_all(port, sent, resent)
            assert resent == set(range(BATCHES))
            assert assert_consistent(engine, at_least=resent) == BATCHES
    finally:
        server.terminate()
        server.wait()
        engine.dispose()
