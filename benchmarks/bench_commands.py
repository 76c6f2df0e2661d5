"""CPU seconds of commands, each compared with the import of its most expensive library.

The minimum of several alternating runs, because other work on the machine only adds time. Aims: the help within twice
the import of Typer, a list within twice the import of SQLAlchemy.

    python -m benchmarks.bench_commands [--runs 7]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.bench_routing import APP, _start_canary
from db.engine import make_engine
from db.migrate import upgrade
from genaiops_core.database_url import resolve

GENAIOPS = (sys.executable, "-m", "genaiops_core.cli.main")
PAIRS = (
    ("genaiops --help", (*GENAIOPS, "--help"), "typer"),
    ("genaiops release list", (*GENAIOPS, "release", "list", "--application", APP), "sqlalchemy"),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_known_args()[0].runs
    with tempfile.TemporaryDirectory() as home:
        engine = make_engine(resolve("", Path(home)))
        upgrade(engine)
        _start_canary(engine, "v1")
        engine.dispose()
        environment = {**os.environ, "GENAIOPS_HOME": home}
        for name, command, library in PAIRS:
            floor_command = (sys.executable, "-c", f"import {library}")
            times = [(_cpu_s(command, environment), _cpu_s(floor_command, environment)) for _ in range(runs)]
            command_s, floor_s = (min(column) for column in zip(*times, strict=True))
            print(
                f"{name:<24}{command_s:>8.3f} s of CPU   floor (import {library}) {floor_s:.3f} s: "
                f"{command_s / floor_s:.2f} times (aim <= 2)"
            )


def _cpu_s(command: tuple[str, ...], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
