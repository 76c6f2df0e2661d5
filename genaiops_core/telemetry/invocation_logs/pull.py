"""Pulling invocation logs from S3 or CloudWatch Logs: what is new since the last time, each entry once.

Killed at any moment, the next pull reads a little again and finds it known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from genaiops_core.aws import cloudwatch, s3
from genaiops_core.clock import now
from genaiops_core.telemetry.invocation_logs import sources
from genaiops_core.telemetry.invocation_logs.importer import ImportCounts, Importer
from genaiops_core.telemetry.invocation_logs.reader import ReadResult, is_log, read_message, read_stream
from genaiops_core.telemetry.invocation_logs.sources import ObjectCursor, Source

FIRST_DAYS = 30
"""The first pull of a log group begins so many days ago; what is older can be imported from files."""

OVERLAP = dt.timedelta(minutes=15)
"""Read again at the beginning of each pull of a log group: events become visible late."""

WINDOW = dt.timedelta(hours=6)
"""Stretch of a log group read before the cursor moves on."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, kw_only=True)
class PullReport:
    """What one pull found; `objects` are S3 objects or stretches of a log group."""

    source: str
    objects: int
    counts: ImportCounts
    is_busy: bool = False
    """Another worker reads the source, so nothing was done."""


def pull(
    engine: sa.Engine,
    source: Source,
    client: Any,
    *,
    application: str | None = None,
    shard: int = 0,
    model_limit: int,
    is_stopping: Callable[[], bool] = lambda: False,
) -> PullReport:
    """Take in what is new in `source`.

    Args:
        engine: the database.
        source: where from.
        client: of the AWS SDK, for S3 or CloudWatch Logs as `source` says.
        application: whose calls these are; by default each entry says it.
        shard: number of this writer.
        model_limit: distinct models kept apart per application in rollups.
        is_stopping: asked between objects; the rest is left to the next pull.

    Raises:
        Misconfigured: the source cannot be read with these credentials.
        Unavailable: AWS does not answer; what was read is kept.
    """
    kept = sources.claim(engine, source, now())
    if kept is None:
        return PullReport(source=source.url, objects=0, counts=ImportCounts(), is_busy=True)
    importer = Importer(engine, application=application, shard=shard, model_limit=model_limit)
    read = _read_objects if source.kind == "s3" else _read_events
    objects = 0
    try:
        for found, cursor in read(source, client, kept, application):
            taken = importer.take(found)
            # Asked for only now: reading decides what the cursor says.
            sources.save_cursor(engine, source, cursor(), now(), entries=taken.entries, rejected=taken.rejected)
            objects += 1
            if is_stopping():
                break
    finally:
        sources.release_claim(engine, source)
    return PullReport(source=source.url, objects=objects, counts=importer.counts)


_Step = tuple[Iterator[ReadResult], Callable[[], dict[str, Any]]]
"""Entries to be taken, and the cursor once they are."""


def _read_objects(source: Source, client: Any, kept: dict[str, Any], application: str | None) -> Iterator[_Step]:
    cursor = ObjectCursor.from_json(kept)

    def list_after(key: str) -> Iterator[s3.ObjectKey]:
        return s3.keys(client, bucket=source.name, prefix=source.prefix, after=key)

    for one in cursor.unread(list_after):
        if not one.size_bytes or not is_log(one.key):
            continue
        name = f"s3://{source.name}/{one.key}"

        def found(key: str = one.key, name: str = name) -> Iterator[ReadResult]:
            with s3.reading(client, bucket=source.name, key=key) as body:
                yield from read_stream(body, name, application=application)

        def done(key: str = one.key) -> dict[str, Any]:
            cursor.add(key)
            return cursor.as_json()

        yield found(), done


def _read_events(source: Source, client: Any, kept: dict[str, Any], application: str | None) -> Iterator[_Step]:
    end_ms = _to_ms(now())
    start_ms = int(kept["read_to_ms"]) if "read_to_ms" in kept else end_ms - FIRST_DAYS * 86_400_000
    start_ms -= OVERLAP // dt.timedelta(milliseconds=1)
    step_ms = WINDOW // dt.timedelta(milliseconds=1)
    while start_ms < end_ms:
        until_ms = min(end_ms, start_ms + step_ms)

        def found(start_ms: int = start_ms, until_ms: int = until_ms) -> Iterator[ReadResult]:
            pages = cloudwatch.events(client, group=source.name, start_ms=start_ms, end_ms=until_ms)
            for page in pages:
                for event in page:
                    where = f"{source.url} {event.stream} {event.event_id}"
                    yield from read_message(event.message, where, application=application)

        yield found(), lambda until_ms=until_ms: {"read_to_ms": until_ms}  # type: ignore[misc]
        start_ms = until_ms


def _to_ms(instant: dt.datetime) -> int:
    return (instant - _EPOCH) // dt.timedelta(milliseconds=1)
