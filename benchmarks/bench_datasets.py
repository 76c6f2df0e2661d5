"""Preview of a 50 MB file: the reads of the datasets screen before it shows columns, cases and problems.

The peer in the same run is pandas reading the whole file.

    python -m benchmarks.bench_datasets
"""

from __future__ import annotations

import io
import json
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import pandas as pd

from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.readers import read_table

SIZE_BYTES = 50_000_000
ROUNDS = 5
TARGET_S = 3.0

_CONTEXT = "The parcel was handed over to the carrier on Monday, and arrives within five working days. " * 4


def main() -> None:
    csv, lines = rows_as_csv(), rows_as_jsonl()
    print(f"CSV of {len(csv) / 1e6:.0f} MB, JSON lines of {len(lines) / 1e6:.0f} MB; median of {ROUNDS}")
    report("first look, CSV", lambda: datasets.preview_import(csv, "cases.csv"), target=True)
    report("  pandas.read_csv of the same", lambda: pd.read_csv(io.BytesIO(csv)))
    report("  the whole file as a table", lambda: read_table(csv, "cases.csv"))
    report("first look, JSON lines", lambda: datasets.preview_import(lines, "cases.jsonl"), target=True)
    report("  pandas.read_json of the same", lambda: pd.read_json(io.BytesIO(lines), lines=True))
    report("  the whole file as a table", lambda: read_table(lines, "cases.jsonl"))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, pandas included")


def report(name: str, action: Callable[[], Any], *, target: bool = False) -> None:
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        action()
        took.append(time.perf_counter() - started)
    output = f"  (target {TARGET_S:.0f} s: {'met' if took[0] < TARGET_S else 'MISSED'})" if target else ""
    print(f"{name:34} {statistics.median(took):6.2f} s  (first {took[0]:.2f}){output}")


def rows_as_csv() -> bytes:
    stream = io.StringIO()
    stream.write("question,answer,contexts,reference,topic\n")
    number = 0
    while stream.tell() < SIZE_BYTES:
        number += 1
        stream.write(
            f'"Where is parcel {number}, please?",On its way.,"[""{_CONTEXT}""]","On its way, day {number % 9}.",post\n'
        )
    return stream.getvalue().encode()


def rows_as_jsonl() -> bytes:
    lines, size, number = [], 0, 0
    while size < SIZE_BYTES:
        number += 1
        row = {
            "question": f"Where is parcel {number}?",
            "answer": "On its way.",
            "contexts": [_CONTEXT],
        }
        lines.append(json.dumps(row))
        size += len(lines[-1]) + 1
    return "\n".join(lines).encode()


if __name__ == "__main__":
    main()
