"""Log records of traces: kept beside the spans and joined to them when a trace is read, whichever comes first."""

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
    """One record: the columns of table `log_record`, and the scores it tells."""

    application: str
    trace_id: str
    span_id: str
    time_ns: int
    digest: str
    event_name: str
    record: bytes
    """JSON of everything it says."""
    scores: list[Score]


def prepare_logs(export: DecodedLogs) -> list[LogFacts]:
    """Map every record of `export`; pure, so that it can run before the database is locked."""
    return [facts for group in export.groups for facts in _map_group(group)]


def _map_group(group: LogGroup) -> Iterable[LogFacts]:
    origin = Origin(group.resource)
    shared = {
        "resource": orjson.Fragment(bounds.to_json(group.resource)),
        "scope": orjson.Fragment(bounds.to_json(group.scope)),
    }
    for raw in group.records:
        notes: list[str] = []
        said = bounds.limit_attributes({"body": raw.body}, notes)
        record: dict[str, Any] = {
            "body": said["body"],
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
    said = {**raw.attributes, **body} if isinstance(body, dict) else raw.attributes
    return [
        build_score(
            one,
            application=origin.application,
            trace_id=raw.trace_id,
            start_ns=raw.time_ns,
            environment=origin.environment,
            release=origin.release,
        )
        for one in conventions.read_evaluations({}, [(raw.event_name, said)])
    ]


def insert_log_records(connection: sa.Connection, records: Sequence[LogFacts]) -> int:
    """Keep `records`; one sent again changes nothing. Returns how many were new."""
    distinct = {(one.trace_id, one.digest, one.application): one for one in records}
    ordered = [distinct[key] for key in sorted(distinct)]
    compress = zstandard.ZstdCompressor(level=1).compress
    new = 0
    for start in range(0, len(ordered), _ROWS_PER_STATEMENT):
        rows = [
            {
                "application": one.application,
                "trace_id": one.trace_id,
                "span_id": one.span_id,
                "time_ns": one.time_ns,
                "digest": one.digest,
                "event_name": one.event_name,
                "record_zstd": compress(one.record),
            }
            for one in ordered[start : start + _ROWS_PER_STATEMENT]
        ]
        statement = insert(connection, log_record).values(rows).on_conflict_do_nothing()
        new += len(connection.execute(statement.returning(log_record.c.id)).all())
    return new
