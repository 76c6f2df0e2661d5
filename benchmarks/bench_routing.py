"""Routing: decisions per second in process, latency of OFREP over HTTP, and propagation time of a rollback.

The floor of a decision is a bare SHA-256 of the key. The floor of a response is an ASGI application that sends the same
constant bytes. Requests are sent at a fixed rate over keep-alive connections. Each latency counts from the scheduled
time of its request, so that delayed requests do not hide a slow response.

    python -m benchmarks.bench_routing [--seconds 10] [--rate 500]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from genaiops_core.releases import approvals, prompts, releases
from genaiops_core.rollbacks import procedure
from genaiops_core.rollouts import rollouts
from genaiops_core.rollouts.routing import RoutingTable, Target, evaluate

APP = "support-agent"
PROMPT = "Answer from the context only, and say so when it does not hold the answer. " * 20
DECISIONS = 400_000
CONNECTIONS = 16
ROLLBACKS = 8


def main() -> None:
    """Measure all three and print them with their aims."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=500)
    chosen, _ = parser.parse_known_args()
    _decisions()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'routing.db'}"
        engine = make_engine(url)
        upgrade(engine)
        _start_canary(engine, "v1")
        _start_canary(engine, "v2")
        with _server("benchmarks.bench_routing:floor", url) as port:
            _latency("floor: constant bytes", port, chosen.rate, chosen.seconds)
        target = "genaiops_core.api.app:create_app"
        with _server(target, url) as first, _server(target, url) as second:
            _latency("release flag", first, chosen.rate, chosen.seconds, aim=" (aim p99 < 5)")
            _propagation(engine, (first, second))
        engine.dispose()


def _decisions() -> None:
    table = RoutingTable(
        application=APP,
        version=1,
        stable=Target(release="v1", model_id="m-1"),
        canary=Target(release="v2", model_id="m-2"),
        canary_percent=25.0,
        salt="support-agent:v2",
    )
    keys = [f"user-{number}" for number in range(DECISIONS)]

    def decide() -> None:
        for key in keys:
            evaluate(table, "release", key)

    def floor_of_decide() -> None:
        for key in keys:
            hashlib.sha256(key.encode()).digest()

    # The best of three alternating measurements, because other work on the machine only slows them down.
    times = [(_seconds(decide), _seconds(floor_of_decide)) for _ in range(3)]
    decisions, floor_rate = (DECISIONS / min(column) for column in zip(*times, strict=True))
    print(f"decisions in process    {decisions:>12,.0f}/s   floor (bare sha256) {floor_rate:,.0f}/s")
    print(f"{'':<24}{decisions / floor_rate:>11.2f} of the floor (aim >= 500,000/s)")


def _seconds(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _start_canary(engine: sa.Engine, release: str) -> rollouts.Rollout:
    """Approve a release with a prompt of 1.5 KB and start its rollout at a quarter."""
    prompt = prompts.add(engine, actor="ada", application=APP, name="answer", text=f"{release}: {PROMPT}")
    reference = f"answer@{prompt.version}"
    releases.create(engine, actor="ada", application=APP, release=release, model="m", prompts=[reference])
    approvals.request(engine, actor="ada", application=APP, release=release)
    approvals.approve(engine, actor="grace", application=APP, release=release)
    return rollouts.start(engine, actor="linus", application=APP, release=release, percent=25)


@contextlib.contextmanager
def _server(target: str, url: str) -> Iterator[int]:
    """Run a uvicorn process and yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    factory = ["--factory"] if target.endswith("create_app") else []
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", target, *factory, "--port", str(port), "--no-access-log"],
        env={**os.environ, "GENAIOPS_DATABASE_URL": url},
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                if _ask(port).status_code == 200:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def _body(user: str) -> bytes:
    return orjson.dumps({"context": {"application": APP, "targetingKey": user}})


def _ask(port: int) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{port}/ofrep/v1/evaluate/flags/release", content=_body("user-1"))


def _latency(name: str, port: int, rate: int, seconds: float, aim: str = "") -> None:
    asyncio.run(_load(port, rate, 1.0))  # warm up
    taken_ms = np.asarray(asyncio.run(_load(port, rate, seconds))) * 1000
    p50, p99 = np.percentile(taken_ms, [50, 99])
    print(f"{name:<24}{len(taken_ms):>8,} requests at {rate}/s: p50 {p50:.2f} ms, p99 {p99:.2f} ms{aim}")


async def _load(port: int, rate: int, seconds: float) -> list[float]:
    """Latencies in seconds of requests at `rate` per second over `CONNECTIONS` connections."""
    began = time.perf_counter() + 0.1
    numbers = itertools.count()
    taken: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (number := next(numbers)) < rate * seconds:
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            body = _body(f"user-{number}")
            writer.write(
                b"POST /ofrep/v1/evaluate/flags/release HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            assert head.startswith(b"HTTP/1.1 200"), head
            taken.append(time.perf_counter() - due)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*[connection() for _ in range(CONNECTIONS)])
    return taken


def _propagation(engine: sa.Engine, ports: tuple[int, ...]) -> None:
    """Seconds from the commit of a rollback until the last process routes by it."""
    seen_s = []
    with httpx.Client() as client:
        for number in range(ROLLBACKS):
            if number:
                _wait_for(client, ports, _start_canary(engine, f"v{number + 2}").version)
            done = procedure.roll_back(engine, actor="linus", application=APP, reason="benchmark")
            began = time.perf_counter()
            _wait_for(client, ports, done.routing_version)
            seen_s.append(time.perf_counter() - began)
    print(
        f"a rollback is seen by {len(ports)} processes after {np.median(seen_s):.3f} s (median), "
        f"{max(seen_s):.3f} s (worst of {len(seen_s)}; aim < 1)"
    )


def _wait_for(client: httpx.Client, ports: tuple[int, ...], version: int) -> None:
    for port in ports:
        url = f"http://127.0.0.1:{port}/ofrep/v1/evaluate/flags/release"
        while client.post(url, content=_body("user-1")).json()["metadata"]["version"] < version:
            time.sleep(0.005)


async def floor(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """An ASGI application that answers every request with the same 3 KB."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"3000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b" " * 3000})


if __name__ == "__main__":
    main()
