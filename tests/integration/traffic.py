"""Traffic for tests of the reads: rows written as ingest writes them, and the same figures by brute force."""

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
    """One request made of one model call, or (`model` empty) a request that calls no model itself."""

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


def tell(connection: sa.Connection, calls: Iterable[Call], *, shard: int = 0) -> None:
    """Add calls to minutes and mark their hours, in the transaction of `connection`."""
    for call in calls:
        connection.execute(
            insert(connection, application).on_conflict_do_nothing(),
            {"application": call.application, "is_demo": False, "first_seen_at": DAY},
        )
        _add(connection, call, shard)
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


def nearest_rank_ms(calls: Iterable[Call], share: float, of: Callable[[Call], bool]) -> float | None:
    """The exact percentile of the successful calls that `of` picks."""
    durations = sorted(call.duration_ns for call in calls if not call.is_error and of(call))
    return durations[max(1, math.ceil(share * len(durations) - 1e-9)) - 1] / 1e6 if durations else None


def _add(connection: sa.Connection, call: Call, shard: int) -> None:
    key = {
        "application": call.application,
        "bucket": call.minute,
        "environment": call.environment,
        "release": call.release,
        "model": call.model,
        "shard": shard,
    }
    is_this = sa.and_(*[rollup_minute.c[name] == value for name, value in key.items()])
    held = connection.execute(sa.select(rollup_minute).where(is_this)).mappings().one_or_none()
    new = sums_of([call])
    took = b"" if call.is_error else histogram_of([call.duration_ns])
    row = {
        "request_latency": histogram.merge([held["request_latency"] if held else b"", took]),
        "call_latency": histogram.merge([held["call_latency"] if held else b"", took if call.model else b""]),
        **{name: new[name] + (held[name] if held else 0) for name in ROLLUP_SUMS},
    }
    if held is None:
        connection.execute(rollup_minute.insert(), {**key, **row})
    else:
        connection.execute(rollup_minute.update().where(is_this).values(**row))
