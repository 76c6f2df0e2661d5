"""The start of a console, and the first trace that an API process receives."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.bench_routing import _server
from benchmarks.reactions.processes import (
    POLL_S,
    Processes,
    create_database,
    find_free_port,
    measure_s,
    open_console,
    responds,
    stop,
)
from genaiops_core.project import root
from tests.otlp_samples import body, call
from tests.waiting import LIMIT_S, wait_for

LATER_TRACES = 20
COMMAND_MODULES = "genaiops_core.cli.main, genaiops_core.cli.serve"
UP_MODULES = f"{COMMAND_MODULES}, genaiops_core.processes.supervise"
CHILD_MODULES = (
    f"{COMMAND_MODULES}, genaiops_core.processes.api, genaiops_core.api.app",
    f"{COMMAND_MODULES}, genaiops_core.jobs.worker, dbos",
    "streamlit.web.cli, streamlit.web.bootstrap, pages.parts.serving.warm_up, pages.parts.serving.preload",
)


@dataclass(frozen=True, kw_only=True)
class Start:
    """Seconds of one `genaiops up`."""

    ready_s: float
    stop_s: float


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Seconds of the traces that one API process received, each from the start of its export."""

    acknowledged_s: float
    visible_s: float
    later_s: tuple[float, ...]
    """Until later traces are visible."""


def start_up(server: str) -> Start:
    """Start `genaiops up` on an empty database, wait for /readyz and stop it."""
    with tempfile.TemporaryDirectory() as folder, create_database(server, Path(folder)) as url:
        ui_port, api_port = find_free_port(), find_free_port()
        address = f"http://127.0.0.1:{api_port}"
        with Processes(url, Path(folder)) as processes, httpx.Client(base_url=address) as client:
            began = time.perf_counter()
            up = processes.start("up", "--ui-port", str(ui_port), "--api-port", str(api_port))
            wait_for(lambda: responds(client, "/readyz", up))
            return Start(ready_s=time.perf_counter() - began, stop_s=stop(up))


def import_modules() -> None:
    """Import what `genaiops up` and then its three processes import, and do nothing else."""
    subprocess.run([sys.executable, "-c", f"import {UP_MODULES}"], check=True)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", f"import {names}"],
            cwd=root(),
            # Outside of a server the framework warns that it is missing.
            stderr=subprocess.DEVNULL,
            # As `genaiops up`: the kernel may divide the cores by session.
            start_new_session=True,
        )
        for names in CHILD_MODULES
    ]
    codes = [child.wait() for child in children]
    assert not any(codes), codes


def send_first_traces(server: str) -> Traces:
    """Send traces to a new API process on an empty database, one after the other."""
    with open_console(server) as (_, processes), processes.open_api() as api:
        acknowledged_s, visible_s = _send_trace(api, 1)
        later_s = [_send_trace(api, number)[1] for number in range(2, LATER_TRACES + 2)]
    return Traces(acknowledged_s=acknowledged_s, visible_s=visible_s, later_s=tuple(later_s))


def time_bare_requests(count: int) -> Iterator[float]:
    """Seconds of as many requests as a trace and its reads need, to a bare Uvicorn."""
    with _server("benchmarks.bench_routing:floor", "") as port:
        content = body(call())
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=LIMIT_S) as bare:
            for _ in range(count):
                yield measure_s(lambda: (bare.post("/", content=content), *(bare.get("/") for _ in range(3))))


def _send_trace(api: httpx.Client, number: int) -> tuple[float, float]:
    """Seconds until an export of one trace is acknowledged, and until trace, list and summary contain it."""
    # It ended before now, because the read API covers the time until now.
    content = body(call(number, trace=number, start_ns=time.time_ns() - 2_000_000_000))
    began = time.perf_counter()
    api.post("/v1/traces", content=content, headers={"content-type": "application/json"}).raise_for_status()
    acknowledged_at = time.perf_counter()
    wait_for(lambda: _is_visible(api, number), interval_s=POLL_S)
    return acknowledged_at - began, time.perf_counter() - began


def _is_visible(api: httpx.Client, number: int) -> bool:
    trace_id = f"{number:032x}"
    if not api.get(f"/api/v1/traces/{trace_id}").is_success:
        return False
    newest = api.get("/api/v1/traces", params={"limit": 1}).json()["traces"]
    requests = api.get("/api/v1/summary").json()["requests"]
    return bool(newest) and newest[0]["trace_id"] == trace_id and requests == number
