"""Run every benchmark, or the named ones: `python -m benchmarks ingest reads`; options go to each of them."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main() -> None:
    names = sorted(
        module.name.removeprefix("bench_")
        for module in pkgutil.iter_modules(benchmarks.__path__)
        if module.name.startswith("bench_")
    )
    arguments = sys.argv[1:]
    first_option = next((at for at, text in enumerate(arguments) if text.startswith("-")), len(arguments))
    # Each benchmark parses the options itself.
    wanted, sys.argv = arguments[:first_option], [sys.argv[0], *arguments[first_option:]]
    if unknown := sorted({*wanted} - {*names}):
        sys.exit(f"There is no benchmark {', '.join(unknown)}; the benchmarks are {', '.join(names)}.")
    for name in wanted or names:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.bench_{name}").main()


if __name__ == "__main__":
    main()
