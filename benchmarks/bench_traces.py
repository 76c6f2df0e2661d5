"""Reads of traffic with 10,000,000 spans over 30 days: list, searches, sessions, users, service map, a giant trace.

The database has 2,000,000 requests of three applications and 50,000 users, which represent 10,000,000 spans. Only the
newest `WITH_SPANS` requests have spans and the newest `WITH_PAYLOADS` have payloads, because no read uses more. SQLite
in a temporary folder, or the empty database of GENAIOPS_BENCH_URL.

    python -m benchmarks.bench_traces
"""

from __future__ import annotations

import datetime as dt
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
import zstandard

from db.engine import is_sqlite, make_engine
from db.migrate import upgrade
from db.tables.telemetry import application, payload, request, span
from db.transaction import reading, writing
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import DecodedExport, RawSpan, SpanGroup
from genaiops_core.telemetry.rollups import usage
from genaiops_core.telemetry.search.export import export
from genaiops_core.telemetry.search.search import search
from genaiops_core.telemetry.search.trace_list import list_traces
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traces import context_record, trace
from genaiops_core.telemetry.traffic import service_map, sessions, users

REQUESTS = int(os.environ.get("GENAIOPS_BENCH_REQUESTS", "2000000"))
USERS = 50_000
SPANS_EACH = 5
WITH_SPANS = 60_000
WITH_PAYLOADS = 3_000
GIANT = 30_000
ROUNDS = 7
NOW = dt.datetime(2026, 11, 22, 14, 48, tzinfo=dt.UTC)
APPLICATIONS = ("claims-assistant", "policy-search", "support-agent")
MODELS = ("anthropic.claude-sonnet-4-5", "amazon.nova-lite-v1")
_BATCH = 20_000


def main() -> None:
    url = os.environ.get("GENAIOPS_BENCH_URL")
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(url or f"sqlite:///{Path(folder) / 'bench.db'}")
        upgrade(engine)
        started = time.perf_counter()
        fill(engine)
        print(f"{REQUESTS:,} requests written in {time.perf_counter() - started:.0f} s")
        started = time.perf_counter()
        days = usage.close_days(engine, NOW)
        print(f"{days} days of users added up in {time.perf_counter() - started:.1f} s")
        for name, action in actions(engine):
            took = [time_action(action) for _ in range(ROUNDS)]
            print(f"{name:58} {statistics.median(took) * 1000:9.1f} ms  (first {took[0] * 1000:.1f})")
        engine.dispose()


def actions(engine: sa.Engine) -> Iterator[tuple[str, Callable[[], Any]]]:
    everything = Filters(start=NOW - dt.timedelta(days=31), end=NOW)
    ours = Filters(start=everything.start, end=NOW, application="support-agent")
    day = Filters(start=NOW - dt.timedelta(days=1), end=NOW, application="support-agent")

    def read(query: Callable[[sa.Connection], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with reading(engine) as connection:
                return query(connection)

        return run

    yield "first page of traces", read(lambda c: list_traces(c, everything))
    yield "first page of traces, one application", read(lambda c: list_traces(c, ours))

    def read_page(query: str) -> Callable[[], Any]:
        return read(lambda c: search(c, everything, query))

    for query in (
        "status:error",
        "user:u-17",
        "user:u-17 status:error latency>1s",
        "session:s-4711",
        "model:nova",
        "-model:nova tool:nothing",
        "cost>=1000",
        "score(faithfulness)<0.7",
        '"refund policy"',
        '"not said by anybody"',
    ):
        yield f"search {query}", read_page(query)
    yield "sessions, first page", read(lambda c: sessions.list_sessions(c, ours))
    yield "sessions of a user", read(lambda c: sessions.list_sessions(c, everything, user="u-17"))
    yield "one session", read(lambda c: sessions.read_conversation(c, "s-399990"))
    yield "top users, 30 days", read(lambda c: users.list_users(c, everything))
    yield "top users, 24 hours of one application", read(lambda c: users.list_users(c, day))
    yield "one user, 30 days", read(lambda c: users.read_user(c, everything, "u-17"))
    yield "service map, 30 days", read(lambda c: service_map.read_service_map(c, everything))
    yield "service map, 24 hours of one application", read(lambda c: service_map.read_service_map(c, day))
    giant = f"{2**100:032x}"
    yield f"trace of {GIANT:,} spans, first 200", read(lambda c: trace.get_trace(c, giant, limit=200))
    yield (
        f"trace of {GIANT:,} spans, 200 from 20,000",
        read(lambda c: trace.get_trace(c, giant, offset=20_000, limit=200)),
    )
    yield "record of that trace", read(lambda c: context_record.build_context_record(c, giant))
    yield "export of 5,000 requests, CSV", lambda: size(export(engine, ours, format="csv", limit=5_000))
    yield (
        "export of 5,000 requests, Parquet",
        lambda: size(export(engine, ours, format="parquet", limit=5_000)),
    )
    yield "export of 500 requests, OTLP", lambda: size(export(engine, ours, format="otlp", limit=500))


def fill(engine: sa.Engine) -> None:
    rng = np.random.default_rng(5)
    first_ns = int((NOW - dt.timedelta(days=30)).timestamp()) * 10**9
    step_ns = 30 * 86_400 * 10**9 // REQUESTS
    with writing(engine) as connection:
        connection.execute(
            application.insert(),
            [{"application": name, "is_demo": False, "first_seen_at": NOW} for name in APPLICATIONS],
        )
        first_day = first_ns // usage.DAY_NS
        days = {(name, day) for name in APPLICATIONS for day in range(first_day, first_day + 32)}
        usage.mark_days(connection, days, 0)
    for begin in range(0, REQUESTS, _BATCH):
        rows = list(build_requests(rng, begin, min(begin + _BATCH, REQUESTS), first_ns, step_ns))
        with writing(engine) as connection:
            insert(connection, request, rows)
            with_spans = [row for row in rows if int(row["trace_id"][8:], 16) >= REQUESTS - WITH_SPANS]
            insert(connection, span, [child for row in with_spans for child in build_spans(row)])
            insert(connection, payload, [build_payload(row) for row in with_spans if has_payload(row)])
    ingest(engine, giant_export())
    with engine.connect() as connection:
        if not is_sqlite(connection):
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("vacuum analyze")


def insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)


def build_requests(
    rng: np.random.Generator, begin: int, end: int, first_ns: int, step_ns: int
) -> Iterator[dict[str, Any]]:
    count = end - begin
    user_numbers = rng.zipf(1.3, count) % USERS
    costs = rng.integers(10_000, 40_000_000, count)
    durations = (rng.lognormal(0, 0.6, count) * 1e9).astype(int)
    errors = rng.random(count) < 0.02
    for at in range(count):
        number = begin + at
        yield {
            "application": APPLICATIONS[number % 3],
            # A random prefix, as real trace ids have, followed by the number of the request.
            "trace_id": f"{number * 2_654_435_761 % 2**32:08x}{number:024x}",
            "start_ns": first_ns + number * step_ns,
            "duration_ns": int(durations[at]),
            "is_error": bool(errors[at]),
            "name": "ask",
            "environment": "production",
            "release": "2026-11-12",
            "model": MODELS[number % 2],
            "session_id": f"s-{number // 5}",
            "user_id": f"u-{int(user_numbers[at])}",
            "spans": SPANS_EACH,
            "span_errors": int(errors[at]),
            "calls": 1,
            "unpriced_calls": 0,
            "cost_nano_usd": int(costs[at]),
            "input_tokens": 900,
            "output_tokens": 120,
        }


def build_spans(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    names = ("answer", "search", "rerank", "chat", "check")
    components = ("chain", "retrieval", "reranking", "generation", "guardrail")
    for number, (name, component) in enumerate(zip(names, components, strict=True)):
        is_call = component == "generation"
        yield {
            "application": row["application"],
            "trace_id": row["trace_id"],
            "span_id": f"{number + 1:016x}",
            "parent_span_id": "" if number == 0 else f"{1:016x}",
            "name": name,
            "component": component,
            "start_ns": row["start_ns"] + number * 1000,
            "duration_ns": row["duration_ns"] // (number + 1),
            "is_error": row["is_error"] and number == 0,
            "status_message": "",
            "is_request": number == 0,
            "is_call": is_call,
            "environment": row["environment"],
            "release": row["release"],
            "provider": "",
            "model": row["model"] if is_call else "",
            "session_id": row["session_id"],
            "user_id": row["user_id"],
            "input_tokens": 900 if is_call else None,
            "output_tokens": 120 if is_call else None,
            "cost_nano_usd": row["cost_nano_usd"] if is_call else None,
        }


def has_payload(row: dict[str, Any]) -> bool:
    return int(row["trace_id"][8:], 16) >= REQUESTS - WITH_PAYLOADS


def build_payload(row: dict[str, Any]) -> dict[str, Any]:
    passage = (
        "Your order can be changed until it has left the warehouse, after that only its address can. " * 20
    )
    question = "What is the refund policy?" if int(row["trace_id"][8:], 16) % 50 == 0 else "Where is it?"
    contents = {
        f"{1:016x}": {"attributes": {"input.value": question, "output.value": "On its way."}},
        f"{2:016x}": {
            "attributes": {"gen_ai.retrieval.documents": orjson.dumps([{"content": passage}]).decode()}
        },
        f"{4:016x}": {"attributes": {"gen_ai.input.messages": orjson.dumps([{"content": passage}]).decode()}},
    }
    return {
        "application": row["application"],
        "trace_id": row["trace_id"],
        "start_ns": row["start_ns"],
        "spans_zstd": zstandard.compress(orjson.dumps(contents), 1),
    }


def giant_export() -> DecodedExport:
    """One trace of a long agent run in a single batch: 100 spans in each of 300 rounds."""
    start_ns = int((NOW - dt.timedelta(minutes=5)).timestamp()) * 10**9
    text = "The agent looked at the next page of results and thought about it. " * 15
    raw = [RawSpan(f"{2**100:032x}", f"{1:016x}", "", "agent", start_ns, start_ns + 60 * 10**9, {})]
    for number in range(2, GIANT + 1):
        parent = 1 if number % 100 == 2 else number - (number - 2) % 100
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "search",
            "output.value": text,
        }
        begin = start_ns + number * 10**6
        raw.append(
            RawSpan(
                f"{2**100:032x}", f"{number:016x}", f"{parent:016x}", "step", begin, begin + 10**6, attributes
            )
        )
    return DecodedExport(groups=[SpanGroup({"service.name": "support-agent"}, {}, raw)])


def size(pieces: Iterator[bytes]) -> int:
    return sum(len(piece) for piece in pieces)


def time_action(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
