"""Reads of every screen at 10,000,000 model calls over 30 days, and at 100,000: milliseconds and their ratio.

Three applications with two releases, four models and requests that call two of them; rollups as closing leaves them:
30 days of day and hour cells, minute cells of the hours that windows begin in, of the last 12 hours and of the current
one, which is dirty. Requests for the list of traces are `REQUEST_ROWS` at the larger scale and fewer in proportion.
SQLite in a temporary folder, or the empty database named by GENAIOPS_BENCH_URL.

    python -m benchmarks.bench_reads
"""

from __future__ import annotations

import datetime as dt
import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from db import histogram
from db.engine import is_sqlite, make_engine
from db.migrate import upgrade
from db.tables.telemetry import (
    ROLLUP_SUMS,
    application,
    dirty_hour,
    request,
    rollup_day,
    rollup_hour,
    rollup_minute,
    score_rollup_hour,
)
from db.transaction import reading, writing
from genaiops_core.telemetry.rollups.applications import fetch_filter_options
from genaiops_core.telemetry.search.trace_list import list_traces
from genaiops_core.telemetry.time_window import Filters, to_minute
from genaiops_core.telemetry.traffic.quality import read_quality, read_quality_by, read_quality_series
from genaiops_core.telemetry.traffic.queries import read_breakdown, read_summary
from genaiops_core.telemetry.traffic.series import read_series

SCALES = (100_000, 10_000_000)
DAYS = 30
REQUEST_ROWS = 2_000_000
ROUNDS = 25
NOW = dt.datetime(2026, 11, 22, 14, 48, tzinfo=dt.UTC)

APPLICATIONS = ("claims-assistant", "policy-search", "support-agent")
RELEASES = ("2026-10-30", "2026-11-12")
MODELS = (
    "anthropic.claude-sonnet-4-5",
    "anthropic.claude-haiku-4-5",
    "amazon.nova-lite-v1",
    "amazon.titan-embed-v2",
)
CELLS = [(a, r, m) for a in APPLICATIONS for r in RELEASES for m in (*MODELS, "")]

Read = Callable[[sa.Connection], object]


def main() -> None:
    """Build both scales, time every screen, print a table."""
    timings = {scale: _time_screens(scale) for scale in SCALES}
    small, large = SCALES
    print(f"\n{'screen':<34}{'calls':>12}{'p50 ms':>9}{'p95 ms':>9}")
    worst, worst_ratio = 0.0, 0.0
    for screen in timings[large]:
        for scale in SCALES:
            p50, p95 = timings[scale][screen]
            print(f"{screen:<34}{scale:>12,}{p50:>9.1f}{p95:>9.1f}")
        ratio = timings[large][screen][0] / timings[small][screen][0]
        print(
            f"{'':<34}{'ratio':>12}{ratio:>9.2f}{timings[large][screen][1] / timings[small][screen][1]:>9.2f}"
        )
        worst, worst_ratio = max(worst, timings[large][screen][1]), max(worst_ratio, ratio)
    print(
        f"\nslowest screen p95 {worst:.1f} ms (aim < 100), largest ratio of medians {worst_ratio:.2f} (aim <= 1.5)"
    )


def _time_screens(calls: int) -> dict[str, tuple[float, float]]:
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(os.environ.get("GENAIOPS_BENCH_URL") or f"sqlite:///{folder}/bench.db")
        upgrade(engine)
        began = time.perf_counter()
        _fill(engine, calls)
        print(f"{calls:,} calls: written in {time.perf_counter() - began:.0f} s, {_size(folder)}")
        # Reader processes do the same at startup: the garbage collector then skips all loaded objects.
        gc.collect()
        gc.freeze()
        percentiles = {}
        for screen, reads in _screens().items():
            times_ms = []
            for round_number in range(ROUNDS + 2):
                start = time.perf_counter()
                with reading(engine) as connection:
                    for read in reads:
                        read(connection)
                if round_number >= 2:  # the first two compile statements and warm the cache
                    times_ms.append((time.perf_counter() - start) * 1000)
            percentiles[screen] = (float(np.percentile(times_ms, 50)), float(np.percentile(times_ms, 95)))
        engine.dispose()
    return percentiles


def _screens_of_window(window: str) -> dict[str, list[Read]]:
    every = Filters.last(window, now=NOW)
    return {
        f"overview {window}": [
            lambda c: read_summary(c, every),
            lambda c: read_summary(c, every.previous()),
            lambda c: read_series(c, every),
            lambda c: read_breakdown(c, every, ("application",)),
        ],
        f"cost {window}": [
            lambda c: read_summary(c, every),
            lambda c: read_series(c, every, by="model", latency=False),
            lambda c: read_breakdown(c, every, ("model", "day")),
        ],
        f"latency {window}": [
            lambda c: read_summary(c, every),
            lambda c: read_series(c, every),
            lambda c: read_breakdown(c, every, ("application", "release")),
        ],
        f"quality {window}": [
            lambda c: read_quality(c, every),
            lambda c: read_quality_series(c, every),
            lambda c: read_quality_by(c, every, "release"),
        ],
    }


def _screens() -> dict[str, list[Read]]:
    """The reads of each screen, by its name and window."""
    screens: dict[str, list[Read]] = {"filters": [fetch_filter_options]}
    for window in ("1h", "6h", "24h", "7d", "30d"):
        screens |= _screens_of_window(window)
    week = Filters.last("7d", now=NOW)
    one_application = Filters.last("7d", now=NOW, application=APPLICATIONS[0])
    screens["one application, 24h"] = [
        lambda c: read_summary(
            c, Filters.last("24h", now=NOW, application=APPLICATIONS[0], release=RELEASES[0])
        ),
        lambda c: read_series(c, Filters.last("24h", now=NOW, application=APPLICATIONS[0])),
    ]
    screens["traces, first page"] = [lambda c: list_traces(c, week)]
    screens["traces of one application"] = [lambda c: list_traces(c, one_application)]
    screens["traces that failed"] = [lambda c: list_traces(c, one_application, status="error")]
    screens["traces by a text that is nowhere"] = [
        lambda c: list_traces(c, one_application, text="no such text")
    ]
    return screens


def _fill(engine: sa.Engine, calls: int) -> None:
    random = np.random.default_rng(7)
    now = to_minute(NOW)
    current, first_hour = now // 60, (now // 1440 - DAYS) * 24
    minutes = {
        minute
        for hours in (0, 1, 2, 6, 12, 24, 48, 7 * 24, 14 * 24, 30 * 24)
        for hour in ({current - hours} if hours > 12 else range(current - hours, current + 1))
        for minute in range(hour * 60, min((hour + 1) * 60, now))
    }
    each = calls / (DAYS * 24 * len(CELLS))
    with writing(engine) as connection:
        for table in (
            application,
            dirty_hour,
            request,
            rollup_minute,
            rollup_hour,
            rollup_day,
            score_rollup_hour,
        ):
            connection.execute(table.delete())
        connection.execute(
            application.insert(),
            [{"application": a, "is_demo": False, "first_seen_at": NOW} for a in APPLICATIONS],
        )
        connection.execute(
            dirty_hour.insert(),
            [{"application": a, "hour": current, "shard": 0, "marks": 9} for a in APPLICATIONS],
        )
        _add_cells(connection, rollup_minute, sorted(minutes), each / 60, random)
        _add_cells(connection, rollup_hour, range(first_hour, current), each, random)
        _add_cells(connection, rollup_day, range(first_hour // 24, current // 24), each * 24, random)
        _add_scores(connection, range(first_hour, current + 1), random)
        _add_requests(connection, REQUEST_ROWS * calls // SCALES[-1], random)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("analyze")


def _add_cells(
    connection: sa.Connection,
    table: sa.Table,
    buckets: range | list[int],
    mean: float,
    random: np.random.Generator,
) -> None:
    """Add cells of a rollup; each has a Poisson number of calls, or of requests in cells without a model."""
    rows = []
    for bucket in buckets:
        for (name, release, model), n in zip(CELLS, random.poisson(mean, len(CELLS)).tolist(), strict=True):
            if n == 0:
                continue
            # Beyond some thousand values only the counts of a histogram grow, not its width.
            latencies = random.lognormal(21.0, 0.7, min(n, 4000))
            indexes = np.ceil(np.log(latencies) / np.log(histogram.GAMMA)).astype(int).tolist()
            blob = histogram.merge([histogram.from_buckets(indexes)] * max(1, n // 4000))
            row = dict.fromkeys(ROLLUP_SUMS, 0) | {
                "application": name,
                "bucket": bucket,
                "environment": "production",
                "release": release,
                "model": model,
                "shard": 0,
                "request_latency": b"" if model else blob,
                "call_latency": blob if model else b"",
            }
            if model:
                row |= {"calls": n, "call_errors": n // 50, "cost_nano_usd": n * 1_234_567}
                row |= {"input_tokens": n * 900, "output_tokens": n * 150}
            else:
                row |= {"requests": n, "request_errors": n // 50}
            rows.append(row)
    for start in range(0, len(rows), 5000):
        connection.execute(table.insert(), rows[start : start + 5000])


def _add_scores(connection: sa.Connection, buckets: range, random: np.random.Generator) -> None:
    rows = [
        {
            "application": name,
            "bucket": bucket,
            "environment": "production",
            "release": release,
            "metric": metric,
            "judge": "offline",
            "scored": 20,
            "undefined": 1,
            "value_sum": 17.0,
            "value_square_sum": 14.6,
        }
        for bucket in buckets
        for name in APPLICATIONS
        for release in RELEASES
        for metric in ("faithfulness", "answer_relevancy", "context_precision", "context_recall")
    ]
    connection.execute(score_rollup_hour.insert(), rows)


def _add_requests(connection: sa.Connection, count: int, random: np.random.Generator) -> None:
    """Add request rows over the 30 days, in order of arrival."""
    end = to_minute(NOW) * 60_000_000_000
    starts = np.sort(random.integers(end - DAYS * 86_400 * 10**9, end, count)).tolist()
    names = random.integers(0, len(APPLICATIONS), count).tolist()
    failed = (random.random(count) < 0.02).tolist()
    columns = [column.name for column in request.c if column.name != "id"]

    def rows() -> Iterator[tuple[object, ...]]:
        for number, (start, name, is_error) in enumerate(zip(starts, names, failed, strict=True)):
            yield (
                *(
                    APPLICATIONS[name],
                    f"{number * 0x9E3779B97F4A7C15 % (1 << 128):032x}",
                    start,
                    1_800_000_000,
                ),
                *(is_error, "answer question", "production", RELEASES[number % 2], "", f"s{number // 5}"),
                *(f"u{number % 20_000}", 6, int(is_error), 2, 0, 0, 2_469_134, 1800, 300),
                *(False, False, False, None),
            )

    raw: Any = connection.connection.cursor()
    if is_sqlite(connection):
        marks = ", ".join("?" * len(columns))
        raw.executemany(f"insert into request ({', '.join(columns)}) values ({marks})", rows())
    else:
        with raw.copy(f"copy request ({', '.join(columns)}) from stdin") as copy:
            for row in rows():
                copy.write_row(row)
    raw.close()


def _size(folder: str) -> str:
    return f"{sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6:,.0f} MB"


if __name__ == "__main__":
    main()
