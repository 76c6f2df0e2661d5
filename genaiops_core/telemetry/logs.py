"""Log records of traces: stored beside the spans and joined when a trace is read, so either may arrive first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson
import sqlalchemy as sa
import zstandard

from db.tables.telemetry import log_record
from db.transaction import insert
from genaiops_core.telemetry import bounds, conventions
from genaiops_core.telemetry.conventions.messages import parse_json_text
from genaiops_core.telemetry.origin import Origin, build_score, clean
from genaiops_core.telemetry.otlp.logs import DecodedLogs, LogGroup, RawLog
from genaiops_core.telemetry.scores import Score

_ROWS_PER_STATEMENT = 500
_DIGEST_BYTES = 16


@dataclass(slots=True, kw_only=True)
class LogFacts:
    """One record: the columns of table `log_record`, and the scores it reports."""

    application: str
    trace_id: str
    span_id: str
    time_ns: int
    digest: str
    event_name: str
    record: bytes
    """JSON of body, attributes, severity, resource and scope."""
    scores: list[Score]


def prepare_logs(export: DecodedLogs) -> list[LogFacts]:
    """Map every record of `export`; pure, so that it can run before the database is locked."""
    return [facts for group in export.groups for facts in _map_group(group)]


def _map_group(group: LogGroup) -> Iterable[LogFacts]:
    origin = Origin(group.resource)
    shared = {
        # Encoded once for all records of the group.
        "resource": orjson.Fragment(bounds.to_json(group.resource)),
        "scope": orjson.Fragment(bounds.to_json(group.scope)),
    }
    for raw in group.records:
        notes: list[str] = []
        limited = bounds.limit_attributes({"body": raw.body}, notes)
        record: dict[str, Any] = {
            "body": limited["body"],
            "attributes": bounds.limit_attributes(raw.attributes, notes),
            "severity": raw.severity,
            **shared,
        }
        if notes:
            record["notes"] = notes
        blob = bounds.to_json(record)
        identity = f"{raw.span_id}/{raw.time_ns}/{raw.event_name}/".encode(errors="replace") + blob
        yield LogFacts(
            application=origin.application,
            trace_id=raw.trace_id,
            span_id=raw.span_id,
            time_ns=raw.time_ns,
            digest=blake2b(identity, digest_size=_DIGEST_BYTES).hexdigest(),
            event_name=clean(raw.event_name, 200),
            record=blob,
            scores=_build_scores(raw, origin),
        )


def _build_scores(raw: RawLog, origin: Origin) -> list[Score]:
    body = raw.body if isinstance(raw.body, dict) else parse_json_text(raw.body)
    fields = {**raw.attributes, **body} if isinstance(body, dict) else raw.attributes
    return [
        build_score(
            evaluation,
            application=origin.application,
            trace_id=raw.trace_id,
            start_ns=raw.time_ns,
            environment=origin.environment,
            release=origin.release,
        )
        for evaluation in conventions.read_evaluations({}, [(raw.event_name, fields)])
    ]


def insert_log_records(connection: sa.Connection, records: Sequence[LogFacts]) -> int:
    """Insert `records`, ignoring stored ones; return the number of new records."""
    # Sorted by key below: two writers of the same records lock them in the same order.
    distinct = {(record.trace_id, record.digest, record.application): record for record in records}
    ordered = [distinct[key] for key in sorted(distinct)]
    # A compressor must not be shared by threads.
    compress = zstandard.ZstdCompressor(level=1).compress
    new = 0
    for start in range(0, len(ordered), _ROWS_PER_STATEMENT):
        rows = [
            {
                "application": record.application,
                "trace_id": record.trace_id,
                "span_id": record.span_id,
                "time_ns": record.time_ns,
                "digest": record.digest,
                "event_name": record.event_name,
                "record_zstd": compress(record.record),
            }
            for record in ordered[start : start + _ROWS_PER_STATEMENT]
        ]
        statement = insert(connection, log_record).values(rows).on_conflict_do_nothing()
        new += len(connection.execute(statement.returning(log_record.c.id)).all())
    return new
