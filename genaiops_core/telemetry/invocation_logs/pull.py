"""Pulls invocation logs from S3 or CloudWatch Logs: new entries since the last pull, each entry once.

After a crash the next pull reads the last objects again and skips the entries already stored.
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
"""Start of the first pull of a log group, in days ago; older entries can be imported from files."""

OVERLAP = dt.timedelta(minutes=15)
"""Time that each pull of a log group reads again: events become visible late."""

WINDOW = dt.timedelta(hours=6)
"""Time span of a log group that is read before the cursor moves on."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, kw_only=True)
class PullReport:
    """Result of one pull; `objects` counts S3 objects, or windows of a log group."""

    source: str
    objects: int
    counts: ImportCounts
    is_busy: bool = False
    """Whether another worker reads the source, so that nothing was read."""


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
    """Import the new entries of `source`.

    Args:
        engine: the database.
        source: the bucket or log group.
        client: of the AWS SDK, for S3 or CloudWatch Logs as `source` says.
        application: the application of all calls; by default read from each entry.
        shard: number of this writer.
        model_limit: distinct models that rollups separate per application.
        is_stopping: called between objects; when it returns True, the next pull reads the rest.

    Raises:
        Misconfigured: the source cannot be read with these credentials.
        Unavailable: AWS does not answer; entries read before stay imported.
    """
    stored_cursor = sources.claim(engine, source, now())
    if stored_cursor is None:
        return PullReport(source=source.url, objects=0, counts=ImportCounts(), is_busy=True)
    importer = Importer(engine, application=application, shard=shard, model_limit=model_limit)
    read = _read_objects if source.kind == "s3" else _read_events
    objects = 0
    try:
        for results, next_cursor in read(source, client, stored_cursor, application):
            imported = importer.import_entries(results)
            # Called after the import: reading an object advances the cursor.
            sources.save_cursor(
                engine, source, next_cursor(), now(), entries=imported.entries, rejected=imported.rejected
            )
            objects += 1
            if is_stopping():
                break
    finally:
        # After an error too; else the source would wait until the claim expires.
        sources.release_claim(engine, source)
    return PullReport(source=source.url, objects=objects, counts=importer.counts)


_Step = tuple[Iterator[ReadResult], Callable[[], dict[str, Any]]]
"""Entries to import, and a function that returns the cursor after their import."""


def _read_objects(
    source: Source, client: Any, stored_cursor: dict[str, Any], application: str | None
) -> Iterator[_Step]:
    cursor = ObjectCursor.from_json(stored_cursor)

    def list_after(key: str) -> Iterator[s3.ObjectKey]:
        return s3.keys(client, bucket=source.name, prefix=source.prefix, after=key)

    for log_object in cursor.list_unread(list_after):
        if not log_object.size_bytes or not is_log(log_object.key):
            continue
        name = f"s3://{source.name}/{log_object.key}"

        # Defaults bind the values of this iteration; the functions run after the loop has moved on.
        def read_entries(key: str = log_object.key, name: str = name) -> Iterator[ReadResult]:
            with s3.reading(client, bucket=source.name, key=key) as body:
                yield from read_stream(body, name, application=application)

        def advance(key: str = log_object.key) -> dict[str, Any]:
            cursor.mark_read(key)
            return cursor.as_json()

        yield read_entries(), advance


def _read_events(
    source: Source, client: Any, stored_cursor: dict[str, Any], application: str | None
) -> Iterator[_Step]:
    end_ms = _to_ms(now())
    start_ms = (
        int(stored_cursor["read_to_ms"])
        if "read_to_ms" in stored_cursor
        else end_ms - FIRST_DAYS * 86_400_000
    )
    # Entries that are read again are recognised by their request id.
    start_ms -= OVERLAP // dt.timedelta(milliseconds=1)
    step_ms = WINDOW // dt.timedelta(milliseconds=1)
    while start_ms < end_ms:
        until_ms = min(end_ms, start_ms + step_ms)

        def read_entries(start_ms: int = start_ms, until_ms: int = until_ms) -> Iterator[ReadResult]:
            pages = cloudwatch.events(client, group=source.name, start_ms=start_ms, end_ms=until_ms)
            for page in pages:
                for event in page:
                    location = f"{source.url} {event.stream} {event.event_id}"
                    yield from read_message(event.message, location, application=application)

        yield read_entries(), lambda until_ms=until_ms: {"read_to_ms": until_ms}  # type: ignore[misc]
        start_ms = until_ms


def _to_ms(instant: dt.datetime) -> int:
    return (instant - _EPOCH) // dt.timedelta(milliseconds=1)
