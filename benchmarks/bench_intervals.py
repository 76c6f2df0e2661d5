"""Time of the 95 % interval of a mean score over 2,000 cases, compared with the bootstrap of the same cases.

python -m benchmarks.bench_intervals
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from genaiops_core.statistics.intervals import betting
from genaiops_core.statistics.paired import bootstrap

CASES = 2_000
ROUNDS = 5
TARGET_MS = 100


def main() -> None:
    values = np.random.default_rng(1).random(CASES)
    interval_ms = fastest_ms(lambda: betting(values))
    peer_ms = fastest_ms(lambda: bootstrap(values))
    verdict = "reached" if interval_ms < TARGET_MS else "MISSED"
    print(f"interval of {CASES:,} cases  {interval_ms:8.1f} ms  (at most {TARGET_MS} ms: {verdict})")
    print(f"bootstrap of the same       {peer_ms:8.1f} ms, {interval_ms / peer_ms:.2f} of it")


def fastest_ms(action: Callable[[], object]) -> float:
    durations_ms = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        action()
        durations_ms.append((time.perf_counter() - started) * 1000)
    return min(durations_ms)


if __name__ == "__main__":
    main()
