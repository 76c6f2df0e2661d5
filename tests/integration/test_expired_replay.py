"""Telemetry of days that retention has deleted is refused: the figures still include it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import score_rollup_hour
from db.tables.telemetry import span as span_table
from db.transaction import reading
from genaiops_core.telemetry.ingest.ingest import Ingestor, ingest
from genaiops_core.telemetry.ingest.invocation_entries import read_entry
from genaiops_core.telemetry.ingest.writer import Writer
from genaiops_core.telemetry.invocation_logs.importer import Importer
from genaiops_core.telemetry.invocation_logs.reader import ReadResult
from genaiops_core.telemetry.otlp.decode import DecodedExport, decode_json
from genaiops_core.telemetry.privacy.retention import RetentionPeriods, delete_expired
from genaiops_core.telemetry.spans import prepare_spans
from genaiops_core.telemetry.time_window import Filters, to_instant
from genaiops_core.telemetry.traffic.queries import read_summary
from tests.bedrock_samples import AT_NS, entry
from tests.otlp_samples import SECOND_NS, T0_NS, call, export, span
from tests.waiting import LIMIT_S

DAY_NS = 86_400 * SECOND_NS
NOW = to_instant(T0_NS) + dt.timedelta(days=100)
PERIODS = RetentionPeriods(payload_days=30, span_days=90, rollup_days=400)
EVALUATION = {
    "name": "gen_ai.evaluation.result",
    "timeUnixNano": str(T0_NS),
    "attributes": [
        {"key": "gen_ai.evaluation.name", "value": {"stringValue": "tone"}},
        {"key": "gen_ai.evaluation.score.value", "value": {"doubleValue": 1.0}},
    ],
}


def build_export(day: int, trace: int = 1) -> DecodedExport:
    start_ns = T0_NS + day * DAY_NS
    root = {**span(1, trace=trace, start_ns=start_ns), "events": [EVALUATION]}
    spans = [root, call(2, trace=trace, parent=1, start_ns=start_ns)]
    return decode_json(json.dumps(export(*spans)).encode())


def read(engine: sa.Engine) -> tuple[Any, ...]:
    window = Filters(start=to_instant(T0_NS), end=NOW)
    with reading(engine) as connection:
        scored = connection.scalar(sa.select(sa.func.sum(score_rollup_hour.c.scored)))
        return read_summary(connection, window), int(scored or 0)


def count_spans(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(span_table)) or 0


def test_replay_after_retention_changes_no_figure(engine: sa.Engine) -> None:
    old, recent = build_export(3), build_export(20, trace=2)
    ingest(engine, old, recent)
    before = read(engine)
    assert before[0].requests == 2
    delete_expired(engine, PERIODS, NOW)
    assert count_spans(engine) == 2
    result = ingest(engine, old, recent)
    assert (result.spans, result.new, result.rejected) == (4, 0, 2)
    assert result.problem == (
        "2 spans are older than the retention of spans: the days are deleted and their figures are final"
    )
    assert read(engine) == before
    assert count_spans(engine) == 2


def test_history_is_taken_until_retention_has_run(engine: sa.Engine) -> None:
    assert ingest(engine, build_export(3)).new == 2
    delete_expired(engine, PERIODS, NOW, is_dry_run=True)
    assert ingest(engine, build_export(4, trace=2)).new == 2
    # The first day that is kept, and the last one that is deleted.
    delete_expired(engine, PERIODS, NOW)
    assert ingest(engine, build_export(10, trace=3)).new == 2
    assert ingest(engine, build_export(9, trace=4)).new == 0


def test_demo_may_be_written_again(engine: sa.Engine) -> None:
    delete_expired(engine, PERIODS, NOW)
    assert ingest(engine, build_export(3), is_demo=True).new == 2


def test_writer_says_how_many_spans_it_stored(engine: sa.Engine) -> None:
    delete_expired(engine, PERIODS, NOW)
    writer = Writer(engine, Ingestor(), queue_batches=4)
    writer.start()
    futures = [writer.submit(prepare_spans(build_export(day, trace=day))) for day in (3, 20)]
    assert [future.result(LIMIT_S) for future in futures] == [0, 2]
    writer.stop()


def test_log_entries_of_deleted_days_are_known_or_refused(engine: sa.Engine) -> None:
    def import_entries(*names: str) -> Any:
        results = [ReadResult("log", read_entry(entry(name)), "") for name in names]
        return Importer(engine).import_entries(results)

    assert import_entries("request-old").new == 1
    delete_expired(engine, PERIODS, to_instant(AT_NS) + dt.timedelta(days=100))
    counts = import_entries("request-old", "request-unseen")
    assert (counts.entries, counts.new, counts.known, counts.rejected) == (2, 0, 1, 1)
    assert "1 entry is older than the retention of spans" in counts.problems[0]
