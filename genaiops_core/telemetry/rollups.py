"""Minute rollups: what new spans add to each cell, and the hours that must be closed again because of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from db import histogram
from db.engine import is_sqlite
from db.tables.telemetry import ROLLUP_SUMS, dirty_hour, rollup_minute
from db.transaction import insert
from genaiops_core.telemetry.spans import SpanFacts

MINUTE_NS = 60_000_000_000
MINUTES_PER_HOUR = 60
OTHER_MODEL = "other"
"""Stands in rollups for models beyond the limit; spans keep the real one."""

_SHARD_LOCKS = 0x5348
"""First half of the PostgreSQL advisory locks that writers of one shard take."""

Key = tuple[str, int, str, str, str]
"""application, minute, environment, release, model"""

_LATENCIES = ("request_latency", "call_latency")


class Cell:
    """What one batch adds to one cell."""

    __slots__ = ("call_buckets", "request_buckets", "sums")

    def __init__(self) -> None:
        self.sums = dict.fromkeys(ROLLUP_SUMS, 0)
        self.request_buckets: list[int] = []
        self.call_buckets: list[int] = []


def cells_of(spans: Iterable[SpanFacts], models: Mapping[tuple[str, str], str]) -> dict[Key, Cell]:
    """Sum `spans`, all of them new, by cell.

    Args:
        spans: those that are neither a request nor a call add nothing.
        models: (application, model) -> the name to roll up under; see `models.ModelNames`.
    """
    cells: dict[Key, Cell] = defaultdict(Cell)
    for span in spans:
        if not (span.is_request or span.is_call):
            continue
        # A request that is no model call itself belongs to no model.
        model = models[span.application, span.model] if span.is_call else ""
        cell = cells[span.application, span.start_ns // MINUTE_NS, span.environment, span.release, model]
        sums = cell.sums
        if span.is_request:
            sums["requests"] += 1
            if span.is_error:
                sums["request_errors"] += 1
            else:
                cell.request_buckets.append(histogram.bucket_of(span.duration_ns))
        if span.is_call:
            sums["calls"] += 1
            sums["unpriced_calls"] += span.is_unpriced
            sums["cost_nano_usd"] += span.cost_nano_usd or 0
            sums["input_tokens"] += span.input_tokens or 0
            sums["output_tokens"] += span.output_tokens or 0
            sums["cache_read_tokens"] += span.cache_read_tokens or 0
            sums["cache_write_tokens"] += span.cache_write_tokens or 0
            if span.is_error:
                sums["call_errors"] += 1
            else:
                cell.call_buckets.append(histogram.bucket_of(span.duration_ns))
    return cells


def lock_shard(connection: sa.Connection, shard: int) -> None:
    """Keep other writers of `shard` out until the transaction ends, so that no merged histogram is lost.

    SQLite has one writer at a time anyway.
    """
    if not is_sqlite(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SHARD_LOCKS, shard)))


def add(connection: sa.Connection, cells: Mapping[Key, Cell], shard: int) -> None:
    """Add `cells` to this shard's rows and mark their hours; the caller holds `lock_shard`."""
    if not cells:
        return
    latencies = _stored_latencies(connection, cells, shard)
    rows = []
    for key in sorted(cells):
        cell = cells[key]
        kept_request, kept_call = latencies.get(key, (b"", b""))
        application, bucket, environment, release, model = key
        rows.append(
            {
                "application": application,
                "bucket": bucket,
                "environment": environment,
                "release": release,
                "model": model,
                "shard": shard,
                **cell.sums,
                "request_latency": _merged(kept_request, cell.request_buckets),
                "call_latency": _merged(kept_call, cell.call_buckets),
            }
        )
    upsert = insert(connection, rollup_minute)
    changes: dict[str, Any] = {name: rollup_minute.c[name] + upsert.excluded[name] for name in ROLLUP_SUMS}
    changes.update({name: upsert.excluded[name] for name in _LATENCIES})
    statement = upsert.on_conflict_do_update(index_elements=list(rollup_minute.primary_key), set_=changes)
    connection.execute(statement, rows)
    _mark_hours(connection, cells, shard)


def _merged(kept: bytes, buckets: list[int]) -> bytes:
    if not buckets:
        return kept
    added = histogram.from_buckets(buckets)
    return histogram.merge((kept, added)) if kept else added


def _stored_latencies(
    connection: sa.Connection, cells: Mapping[Key, Cell], shard: int
) -> dict[Key, tuple[bytes, bytes]]:
    minutes: dict[str, set[int]] = defaultdict(set)
    for application, minute, *_ in cells:
        minutes[application].add(minute)
    c = rollup_minute.c
    stored: dict[Key, tuple[bytes, bytes]] = {}
    for application, buckets in minutes.items():
        # By minute, not by whole key: one short statement text however many cells there are.
        rows = connection.execute(
            sa.select(c.bucket, c.environment, c.release, c.model, c.request_latency, c.call_latency).where(
                c.application == application, c.bucket.in_(sorted(buckets)), c.shard == shard
            )
        )
        for bucket, environment, release, model, of_requests, of_calls in rows:
            stored[application, bucket, environment, release, model] = (of_requests, of_calls)
    return stored


def _mark_hours(connection: sa.Connection, cells: Iterable[Key], shard: int) -> None:
    hours = sorted({(application, minute // MINUTES_PER_HOUR) for application, minute, *_ in cells})
    upsert = insert(connection, dirty_hour)
    # An update, not "do nothing": it must lock the mark against the job that closes hours and deletes it.
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=list(dirty_hour.primary_key), set_={"marks": dirty_hour.c.marks + 1}
        ),
        [{"application": a, "hour": hour, "shard": shard, "marks": 1} for a, hour in hours],
    )
