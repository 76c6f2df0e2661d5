"""Traffic for tests of reads: rows as ingest writes them, and the same figures by brute force."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db import histogram
from db.tables.telemetry import ROLLUP_SUMS, application, dirty_hour, request, rollup_minute
from db.transaction import insert
from tests.histograms import histogram_of

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DAY = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request with one model call; with an empty `model`, a request without a model call of its own."""

    at: dt.datetime
    application: str = "shop"
    environment: str = "prod"
    release: str = "r1"
    model: str = "m1"
    duration_ns: int = 1_000_000_000
    is_error: bool = False
    input_tokens: int = 100
    output_tokens: int = 10
    cost_nano_usd: int | None = 1_000

    @property
    def minute(self) -> int:
        return (self.at - EPOCH) // dt.timedelta(minutes=1)

    @property
    def start_ns(self) -> int:
        return (self.at - EPOCH) // dt.timedelta(microseconds=1) * 1000


def write_calls(connection: sa.Connection, calls: Iterable[Call], *, shard: int = 0) -> None:
    """Add calls to the rollups by minute and mark their hours as changed, in the transaction of `connection`."""
    for call in calls:
        connection.execute(
            insert(connection, application).on_conflict_do_nothing(),
            {"application": call.application, "is_demo": False, "first_seen_at": DAY},
        )
        _add_to_minute(connection, call, shard)
        mark = insert(connection, dirty_hour)
        connection.execute(
            mark.on_conflict_do_update(
                index_elements=list(dirty_hour.primary_key), set_={"marks": dirty_hour.c.marks + 1}
            ),
            {"application": call.application, "hour": call.minute // 60, "shard": shard, "marks": 1},
        )


def add_requests(connection: sa.Connection, calls: Sequence[Call], *, first: int = 0) -> list[str]:
    """A row of table `request` for each call; returns their trace ids."""
    rows = [
        {
            "application": call.application,
            "trace_id": f"{first + number:032x}",
            "start_ns": call.start_ns,
            "duration_ns": call.duration_ns,
            "is_error": call.is_error,
            "name": f"ask {number}",
            "environment": call.environment,
            "release": call.release,
            "model": call.model,
            "session_id": f"session-{number % 3}",
            "user_id": f"user-{number % 2}",
            "spans": 1,
            "span_errors": int(call.is_error),
            "calls": 1,
            "unpriced_calls": int(call.cost_nano_usd is None),
            "cost_nano_usd": call.cost_nano_usd or 0,
            "input_tokens": call.input_tokens,
            "output_tokens": call.output_tokens,
        }
        for number, call in enumerate(calls)
    ]
    connection.execute(request.insert(), rows)
    return [str(row["trace_id"]) for row in rows]


def sums_of(calls: Iterable[Call]) -> dict[str, int]:
    """The columns of a rollup for these calls."""
    sums = dict.fromkeys(ROLLUP_SUMS, 0)
    for call in calls:
        sums["requests"] += 1
        sums["request_errors"] += call.is_error
        if call.model:
            sums["calls"] += 1
            sums["call_errors"] += call.is_error
            sums["unpriced_calls"] += call.cost_nano_usd is None
            sums["cost_nano_usd"] += call.cost_nano_usd or 0
            sums["input_tokens"] += call.input_tokens
            sums["output_tokens"] += call.output_tokens
    return sums


def nearest_rank_ms(calls: Iterable[Call], share: float, is_included: Callable[[Call], bool]) -> float | None:
    """The exact percentile of the successful calls that `is_included` selects."""
    durations = sorted(call.duration_ns for call in calls if not call.is_error and is_included(call))
    return durations[max(1, math.ceil(share * len(durations) - 1e-9)) - 1] / 1e6 if durations else None


def _add_to_minute(connection: sa.Connection, call: Call, shard: int) -> None:
    key = {
        "application": call.application,
        "bucket": call.minute,
        "environment": call.environment,
        "release": call.release,
        "model": call.model,
        "shard": shard,
    }
    is_same_row = sa.and_(*[rollup_minute.c[name] == value for name, value in key.items()])
    existing = connection.execute(sa.select(rollup_minute).where(is_same_row)).mappings().one_or_none()
    added_sums = sums_of([call])
    latency = b"" if call.is_error else histogram_of([call.duration_ns])
    row = {
        "request_latency": histogram.merge([existing["request_latency"] if existing else b"", latency]),
        "call_latency": histogram.merge(
            [existing["call_latency"] if existing else b"", latency if call.model else b""]
        ),
        **{name: added_sums[name] + (existing[name] if existing else 0) for name in ROLLUP_SUMS},
    }
    if existing is None:
        connection.execute(rollup_minute.insert(), {**key, **row})
    else:
        connection.execute(rollup_minute.update().where(is_same_row).values(**row))
