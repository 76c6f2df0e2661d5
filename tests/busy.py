"""Run a command with every core kept busy by others: `python -m tests.busy COMMAND...`; `make test-busy` does it."""

from __future__ import annotations

import os
import subprocess
import sys


def main() -> int:
    """The exit code of the command."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    print(f"{cores} busy processes beside: {' '.join(sys.argv[1:])}", flush=True)
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        return subprocess.run(sys.argv[1:]).returncode
    finally:
        for process in busy:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
