"""Minute rollups: adds spans to their cells, and marks the hours that must be closed again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db import histogram
from db.engine import is_sqlite
from db.tables.telemetry import ROLLUP_LATENCIES, ROLLUP_SUMS, dirty_hour, rollup_minute
from db.transaction import insert
from genaiops_core.telemetry.counting import CountedSpan

MINUTE_NS = 60_000_000_000
MINUTES_PER_HOUR = 60
OTHER_MODEL = "other"
"""Name in rollups for models beyond the limit; spans keep the real name."""

_SHARD_LOCKS = 0x5348
"""First key of the PostgreSQL advisory locks of shards."""

Key = tuple[str, int, str, str, str]
"""application, minute, environment, release, model"""

_NO_LATENCIES = (b"",) * len(ROLLUP_LATENCIES)


class Cell:
    """The change of one cell by one batch; sums and latency counts may be negative."""

    __slots__ = ("added", "removed", "sums")

    def __init__(self) -> None:
        self.sums = dict.fromkeys(ROLLUP_SUMS, 0)
        # Histogram buckets by name of the latency.
        self.added: dict[str, list[int]] = {}
        self.removed: dict[str, list[int]] = {}


Cells = defaultdict[Key, Cell]


def build_cells(spans: Iterable[CountedSpan]) -> Cells:
    """Sum `spans`, all new, by cell; spans that are neither a request nor a call add nothing."""
    cells: Cells = defaultdict(Cell)
    add_spans(cells, spans)
    return cells


def subtract_spans(cells: Cells, spans: Iterable[CountedSpan]) -> None:
    """Subtract `spans`, in the state in which they were added before, from `cells`."""
    for span in spans:
        if span.is_request or span.is_call:
            _count_span(cells, span, -1)


def add_spans(cells: Cells, spans: Iterable[CountedSpan]) -> None:
    """Add `spans` to `cells`."""
    for span in spans:
        if span.is_request or span.is_call:
            _count_span(cells, span, 1)


def _count_span(cells: Cells, span: CountedSpan, sign: int) -> None:
    # A request whose root span is not a model call belongs to no model.
    model = "" if not span.is_call else OTHER_MODEL if span.is_other_model else span.model
    cell = cells[span.application, span.start_ns // MINUTE_NS, span.environment, span.release, model]
    sums = cell.sums
    # A negative duration is unknown.
    # Failed requests are often fast and would lower the percentiles.
    has_latency = not span.is_error and span.duration_ns >= 0
    if span.is_request:
        sums["requests"] += sign
        if span.is_error:
            sums["request_errors"] += sign
        if span.is_internal:
            sums["internal_requests"] += sign
            sums["internal_request_errors"] += sign * span.is_error
        if span.is_rootless:
            sums["rootless_requests"] += sign
        if has_latency:
            name = "internal_request_latency" if span.is_internal else "request_latency"
            buckets = cell.added if sign > 0 else cell.removed
            buckets.setdefault(name, []).append(histogram.bucket_of(span.duration_ns))
    if span.is_call:
        sums["calls"] += sign
        sums["unpriced_calls"] += sign * span.is_unpriced
        sums["cost_nano_usd"] += sign * (span.cost_nano_usd or 0)
        sums["input_tokens"] += sign * (span.input_tokens or 0)
        sums["output_tokens"] += sign * (span.output_tokens or 0)
        sums["cache_read_tokens"] += sign * (span.cache_read_tokens or 0)
        sums["cache_write_tokens"] += sign * (span.cache_write_tokens or 0)
        if span.is_error:
            sums["call_errors"] += sign
        if has_latency:
            buckets = cell.added if sign > 0 else cell.removed
            buckets.setdefault("call_latency", []).append(histogram.bucket_of(span.duration_ns))


def lock_shard(connection: sa.Connection, shard: int) -> None:
    """Exclude other writers of `shard` until the transaction ends, so that no merged histogram is lost.

    SQLite has one writer at a time anyway.
    """
    if not is_sqlite(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SHARD_LOCKS, shard)))


def write_cells(connection: sa.Connection, cells: Mapping[Key, Cell], shard: int) -> None:
    """Add `cells` to the rows of this shard and mark their hours; the caller has called `lock_shard`."""
    if not cells:
        return
    latencies = _fetch_latencies(connection, cells, shard)
    rows = []
    for key in sorted(cells):
        cell = cells[key]
        stored = latencies.get(key, _NO_LATENCIES)
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
                **{
                    name: _merge_latency(blob, cell.added.get(name, ()), cell.removed.get(name, ()))
                    for name, blob in zip(ROLLUP_LATENCIES, stored, strict=True)
                },
            }
        )
    upsert = insert(connection, rollup_minute)
    changes: dict[str, Any] = {name: rollup_minute.c[name] + upsert.excluded[name] for name in ROLLUP_SUMS}
    # Histograms cannot be added in SQL: they were merged above, under the lock of the shard.
    changes.update({name: upsert.excluded[name] for name in ROLLUP_LATENCIES})
    statement = upsert.on_conflict_do_update(index_elements=list(rollup_minute.primary_key), set_=changes)
    connection.execute(statement, rows)
    _drop_empty(
        connection,
        [
            key
            for key, cell in cells.items()
            if cell.removed or cell.sums["calls"] < 0 or cell.sums["requests"] < 0
        ],
        shard,
    )
    _mark_hours(connection, cells, shard)


def _merge_latency(stored: bytes, added: Sequence[int], removed: Sequence[int]) -> bytes:
    if added:
        new = histogram.from_buckets(added)
        stored = histogram.merge((stored, new)) if stored else new
    return histogram.subtract(stored, histogram.from_buckets(removed)) if removed else stored


def _drop_empty(connection: sa.Connection, keys: list[Key], shard: int) -> None:
    """Delete the cells that are empty now, so that their model or release is no longer listed."""
    if not keys:
        return
    c = rollup_minute.c
    names = ("application", "bucket", "environment", "release", "model")
    connection.execute(
        rollup_minute.delete().where(
            *[c[name] == sa.bindparam(f"of_{name}") for name in names],
            c.shard == shard,
            *[c[name] == 0 for name in ROLLUP_SUMS],
            *[c[name] == b"" for name in ROLLUP_LATENCIES],
        ),
        [{f"of_{name}": value for name, value in zip(names, key, strict=True)} for key in keys],
    )


def _fetch_latencies(
    connection: sa.Connection, cells: Mapping[Key, Cell], shard: int
) -> dict[Key, tuple[bytes, ...]]:
    minutes: dict[str, set[int]] = defaultdict(set)
    for application, minute, *_ in cells:
        minutes[application].add(minute)
    c = rollup_minute.c
    stored: dict[Key, tuple[bytes, ...]] = {}
    for application, buckets in minutes.items():
        # By minute, not by complete key: one short statement for any number of cells.
        rows = connection.execute(
            sa.select(
                c.bucket, c.environment, c.release, c.model, *[c[name] for name in ROLLUP_LATENCIES]
            ).where(c.application == application, c.bucket.in_(sorted(buckets)), c.shard == shard)
        )
        for bucket, environment, release, model, *blobs in rows:
            stored[application, bucket, environment, release, model] = tuple(blobs)
    return stored


def _mark_hours(connection: sa.Connection, cells: Iterable[Key], shard: int) -> None:
    hours = sorted({(application, minute // MINUTES_PER_HOUR) for application, minute, *_ in cells})
    upsert = insert(connection, dirty_hour)
    # An update, not "do nothing": it locks the mark against the job that closes hours and deletes it.
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=list(dirty_hour.primary_key), set_={"marks": dirty_hour.c.marks + 1}
        ),
        [{"application": a, "hour": hour, "shard": shard, "marks": 1} for a, hour in hours],
    )
