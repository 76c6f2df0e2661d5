"""Run every benchmark, or those named: `python -m benchmarks ingest reads`."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main() -> None:
    names = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name.startswith("bench_"))
    # Each benchmark parses its own options when it runs alone, so they are removed from sys.argv here.
    wanted, sys.argv = sys.argv[1:], sys.argv[:1]
    for name in names:
        if not wanted or name.removeprefix("bench_") in wanted:
            print(f"\n== {name.removeprefix('bench_')}", flush=True)
            importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
