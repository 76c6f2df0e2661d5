"""CPU use of an idle console: the share of a core that `genaiops up --demo` takes without users.

The measurement starts when the demo is written, its samples are scored and the job engine is idle. The floor is a bare
Uvicorn and a bare Streamlit with minimal applications, idle over the same time. Linux only: times come from /proc.

    python -m benchmarks.bench_idle [--seconds 60]
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import sqlalchemy as sa

from db.engine import make_engine
from db.tables.reviews import sample
from db.transaction import reading
from genaiops_core.database_url import resolve
from genaiops_core.jobs.evaluating import PAUSE_AFTER_SECONDS
from genaiops_core.jobs.worker import PAUSE_CHECK_SECONDS

AIM_PERCENT = 1.5
SETTLE_S = PAUSE_AFTER_SECONDS + 2 * PAUSE_CHECK_SECONDS
"""Time from the last job until the job engine is idle."""

READY_WITHIN_S = 600.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_known_args()[0].seconds
    if not Path("/proc/self/stat").exists():
        print("not measured: needs /proc")
        return
    with tempfile.TemporaryDirectory() as folder:
        ui_port, api_port, bare_ui_port, bare_api_port = _free_ports(4)
        page = Path(folder) / "page.py"
        page.write_text("import streamlit as st\n\nst.write('bare')\n")
        python = [sys.executable, "-m"]
        console = [*python, "genaiops_core.cli.main", "up", "--demo"]
        console += ["--ui-port", str(ui_port), "--api-port", str(api_port)]
        bare_ui = [*python, "streamlit", "run", str(page), "--server.headless=true"]
        bare_ui += [f"--server.port={bare_ui_port}", "--browser.gatherUsageStats=false"]
        bare_api = [*python, "uvicorn", "benchmarks.bench_routing:floor", "--port", str(bare_api_port)]
        with (
            _process(console, {"GENAIOPS_HOME": folder, "GENAIOPS_SAMPLE_PER_MINUTE": "1000000"}) as root,
            _process(bare_ui) as first_floor,
            _process(bare_api) as second_floor,
        ):
            _wait_for(lambda: httpx.get(f"http://127.0.0.1:{api_port}/readyz").status_code == 200)
            engine = make_engine(resolve("", Path(folder)))
            _wait_for(lambda: _are_samples_judged(engine))
            engine.dispose()
            time.sleep(SETTLE_S)
            before = {pid: _tree_cpu_s(pid) for pid in (root, first_floor, second_floor)}
            time.sleep(seconds)
            percent = {
                pid: {
                    name: (cpu_s - before[pid].get(name, 0.0)) / seconds * 100
                    for name, cpu_s in _tree_cpu_s(pid).items()
                }
                for pid in before
            }
    total = sum(percent[root].values())
    floor = sum(percent[first_floor].values()) + sum(percent[second_floor].values())
    print(f"idle console            {total:>6.2f} % of one core (aim < {AIM_PERCENT})")
    print(f"{'':<24}" + ", ".join(f"{name} {value:.2f}" for name, value in percent[root].items()))
    print(f"{'':<24}floor (bare Uvicorn and Streamlit) {floor:.2f} %: {total / max(floor, 0.01):.1f} times")


def _are_samples_judged(engine: sa.Engine) -> bool:
    states = sa.select(sample.c.state, sa.func.count()).group_by(sample.c.state)
    with reading(engine) as connection:
        counts = {row.state: row[1] for row in connection.execute(states)}
    return counts.get("scored", 0) > 0 and not counts.get("queued")


def _wait_for(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if is_done():
                return
        time.sleep(1.0)
    raise TimeoutError("the console did not become idle")


@contextmanager
def _process(command: list[str], extra: dict[str, str] | None = None) -> Iterator[int]:
    """Run a process with extra environment variables; it is stopped at the end and stops its children."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env={**os.environ, **(extra or {})}, stdout=quiet, stderr=quiet)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _tree_cpu_s(root: int) -> dict[str, float]:
    """CPU seconds of each process of a tree, by the name of its task."""
    children: dict[int, list[int]] = {}
    cpu_s: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(folder.name))
                cpu_s[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    tree: dict[str, float] = {}
    pending = [root]
    while pending:
        pid = pending.pop()
        pending += children.get(pid, [])
        tree[_name_of(pid)] = tree.get(_name_of(pid), 0.0) + cpu_s.get(pid, 0.0)
    return tree


def _name_of(pid: int) -> str:
    with suppress(OSError):
        arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        return next(
            (name for name in ("streamlit", "worker", "api", "up", "uvicorn") if name in arguments), "other"
        )
    return "other"


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


if __name__ == "__main__":
    main()
