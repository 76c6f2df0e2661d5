"""Exports: the rows of every format, no formulas in CSV, and reimport of OTLP with equal figures."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from db.tables.telemetry import log_record, payload, request, span
from db.transaction import reading, writing
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json, decode_protobuf
from genaiops_core.telemetry.search import export as exporting
from genaiops_core.telemetry.search import paging
from genaiops_core.telemetry.search.export import export
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traces import trace
from genaiops_core.telemetry.traffic import queries
from tests.conftest import SHARED_DATA
from tests.otlp_samples import SECOND_NS, T0_NS, body, call
from tests.otlp_samples import export as export_request
from tests.otlp_samples import span as build_span

DAY = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
ALL_DAY = Filters(start=DAY, end=DAY + dt.timedelta(days=1))
EVER = Filters(start=dt.datetime(2020, 1, 1, tzinfo=dt.UTC), end=dt.datetime(2030, 1, 1, tzinfo=dt.UTC))
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.fixture
def engine_with_traces(engine: sa.Engine) -> sa.Engine:
    spans = [
        build_span(1, trace=1, name="=cmd()", user__id="@ann", start_ns=T0_NS),
        call(2, trace=1, parent=1, model=HAIKU, gen_ai__provider__name="aws.bedrock"),
        build_span(3, trace=2, name='ask, "him"\nnow', error=True, start_ns=T0_NS + SECOND_NS),
    ]
    ingest(engine, decode_json(body(*spans, service__version="v1")))
    ingest(engine, decode_json(body(build_span(4, trace=2, parent=3, name="inner"), application="desk")))
    return engine


def export_bytes(engine: sa.Engine, format: str, query: str = "", **options: int) -> bytes:
    return b"".join(export(engine, ALL_DAY, query, format=format, **options))


def test_csv_has_one_line_per_request_and_no_formula(engine_with_traces: sa.Engine) -> None:
    lines = list(
        csv.DictReader(io.StringIO(export_bytes(engine_with_traces, "csv", "app:shop").decode(), newline=""))
    )
    assert [line["name"] for line in lines] == ['ask, "him"\nnow', "'=cmd()"]
    assert lines[1]["user_id"] == "'@ann"
    assert lines[1]["cost_usd"] == "0.00165"
    assert (lines[1]["start"], lines[1]["duration_ms"]) == ("2026-01-05T00:00:00+00:00", "1000.0")
    assert lines[0]["model"] == ""


@pytest.mark.parametrize("start", ["=1", "+1", "-1", "@a", "\t1", "\r1", "\n=1", "＝1", " \n＋1"])
def test_formula_cells_are_quoted(sqlite_engine: sa.Engine, start: str) -> None:
    ingest(sqlite_engine, decode_json(body(build_span(1, name=start))))
    (line,) = csv.DictReader(io.StringIO(export_bytes(sqlite_engine, "csv").decode(), newline=""))
    assert line["name"] == f"'{start}"


def test_json_lines_have_one_object_per_request(engine_with_traces: sa.Engine) -> None:
    lines = [
        orjson.loads(line) for line in export_bytes(engine_with_traces, "jsonl", "status:error").splitlines()
    ]
    assert [(line["name"], line["status"], line["start"]) for line in lines] == [
        ('ask, "him"\nnow', "error", "2026-01-05T00:00:01Z")
    ]


def test_parquet_columns_are_typed(engine_with_traces: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr(exporting, "_ROWS_PER_PAGE", 1)
    table = pq.read_table(io.BytesIO(export_bytes(engine_with_traces, "parquet")))
    assert table.num_rows == 3
    (row_of_command,) = [row for row in table.to_pylist() if row["name"] == "=cmd()"]
    assert (str(row_of_command["cost_usd"]), row_of_command["start"], row_of_command["calls"]) == (
        "0.001650000",
        DAY,
        1,
    )


def test_parquet_without_rows_is_a_valid_file(engine_with_traces: sa.Engine) -> None:
    import pyarrow.parquet as pq

    assert (
        pq.read_table(io.BytesIO(export_bytes(engine_with_traces, "parquet", "name:nothing"))).num_rows == 0
    )


def test_export_has_every_page_once_up_to_the_limit(
    engine_with_traces: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_ROWS_PER_PAGE", 1)
    monkeypatch.setattr(paging, "SCANS", (1, 1))
    assert len(export_bytes(engine_with_traces, "jsonl").splitlines()) == 3
    assert len(export_bytes(engine_with_traces, "jsonl", "spans>0").splitlines()) == 3
    assert len(export_bytes(engine_with_traces, "jsonl", limit=2).splitlines()) == 2


@pytest.mark.parametrize(("format", "query", "limit"), [("xml", "", 1), ("csv", "a:b", 1), ("csv", "", 0)])
def test_invalid_export_is_refused_before_the_first_piece(
    sqlite_engine: sa.Engine, format: str, query: str, limit: int
) -> None:
    with pytest.raises(BadInput):
        export(sqlite_engine, ALL_DAY, query, format=format, limit=limit)


def read_everything(engine: sa.Engine) -> dict[str, object]:
    """All data behind the figures, without row ids."""
    with reading(engine) as connection:
        spans = [
            {key: value for key, value in row.items() if key not in ("id", "is_other_model")}
            for row in connection.execute(
                sa.select(span).order_by(span.c.trace_id, span.c.span_id, span.c.application)
            ).mappings()
        ]
        requests = [
            {key: value for key, value in row.items() if key not in ("id", "open_since_ns")}
            for row in connection.execute(
                sa.select(request).order_by(request.c.trace_id, request.c.application)
            ).mappings()
        ]
        summary = queries.read_summary(connection, EVER).as_json()
        by_model = [
            (row.keys, row.figures.as_json()) for row in queries.read_breakdown(connection, EVER, ("model",))
        ]
        contents = [
            [
                (trace_span.attributes, trace_span.events, trace_span.resource, trace_span.scope)
                for trace_span in stored_trace.spans
            ]
            for row in requests
            if (stored_trace := trace.get_trace(connection, row["trace_id"])) is not None
        ]
    return {"spans": spans, "requests": requests, "summary": summary, "models": by_model, "told": contents}


def import_exports(tmp_path: Path, *exports: bytes) -> sa.Engine:
    engine = make_engine(f"sqlite:///{tmp_path}/again.db")
    upgrade(engine)
    for data in exports:
        ingest(engine, decode_json(data))
    return engine


def test_otlp_export_reimports_with_equal_figures(engine_with_traces: sa.Engine, tmp_path: Path) -> None:
    exported = export_bytes(engine_with_traces, "otlp")
    reimported = import_exports(tmp_path, exported, exported)
    assert read_everything(reimported) == read_everything(engine_with_traces)
    reimported.dispose()


def test_every_kind_of_value_survives_an_otlp_export(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    sent = export_request(build_span(1, whole__number=3.0, text="ü\u2028", flag=True, less=-5))
    (spans,) = (scope["spans"] for scope in sent["resourceSpans"][0]["scopeSpans"])
    spans[0]["attributes"] += [
        {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "a"}, {}]}}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}]}}},
        {"key": "huge", "value": {"intValue": "18446744073709551615"}},
    ]
    spans[0] |= {
        "events": [
            {"name": "e", "timeUnixNano": "7", "attributes": [{"key": "a", "value": {"intValue": 1}}]}
        ],
        "links": [{"traceId": "ab" * 16, "spanId": "cd" * 8}],
        "traceState": "a=b",
        "kind": 3,
    }
    spans.append(build_span(2, parent=1, duration_ns=-SECOND_NS))
    ingest(sqlite_engine, decode_json(json.dumps(sent).encode()))
    reimported = import_exports(tmp_path, export_bytes(sqlite_engine, "otlp"))
    assert read_everything(reimported) == read_everything(sqlite_engine)
    reimported.dispose()


def test_spans_without_payload_reimport_with_equal_figures(
    engine_with_traces: sa.Engine, tmp_path: Path
) -> None:
    before = read_everything(engine_with_traces)
    with writing(engine_with_traces) as connection:
        connection.execute(payload.delete())
    reimported = import_exports(tmp_path, export_bytes(engine_with_traces, "otlp"))
    after = read_everything(reimported)
    assert after["summary"] == before["summary"]
    assert after["models"] == before["models"]
    assert after["requests"] == before["requests"]
    reimported.dispose()


def test_trace_of_two_applications_is_exported_once(
    engine_with_traces: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_ROWS_PER_PAGE", 1)
    groups = json.loads(export_bytes(engine_with_traces, "otlp"))["resourceSpans"]
    ids = [
        exported_span["spanId"]
        for group in groups
        for scope in group["scopeSpans"]
        for exported_span in scope["spans"]
    ]
    assert sorted(ids) == [f"{number:016x}" for number in range(1, 5)]


def test_log_records_are_exported_as_events(engine_with_traces: sa.Engine) -> None:
    import zstandard

    record = {"body": {"content": "hello"}, "attributes": {"gen_ai.system": "x"}}
    with writing(engine_with_traces) as connection:
        connection.execute(
            log_record.insert(),
            {
                "application": "shop",
                "trace_id": f"{1:032x}",
                "span_id": f"{2:016x}",
                "time_ns": T0_NS,
                "digest": "d",
                "event_name": "gen_ai.user.message",
                "record_zstd": zstandard.compress(orjson.dumps(record)),
            },
        )
    groups = json.loads(export_bytes(engine_with_traces, "otlp"))["resourceSpans"]
    events = [
        event
        for group in groups
        for scope in group["scopeSpans"]
        for exported_span in scope["spans"]
        for event in exported_span.get("events", ())
    ]
    assert [event["name"] for event in events] == ["gen_ai.user.message"]
    assert {"key": "content", "value": {"stringValue": "hello"}} in events[0]["attributes"]


REAL = sorted(SHARED_DATA.glob("otlp/captured/*/*.traces.pb")) + sorted(
    file for file in SHARED_DATA.glob("otlp/converted/**/*.json") if not file.name.endswith("truth.json")
)


def test_real_exports_reimport_with_equal_figures(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    for file in REAL:
        data = file.read_bytes()
        ingest(sqlite_engine, decode_protobuf(data) if file.suffix == ".pb" else decode_json(data))
    ingest(sqlite_engine, decode_json(body(call(1))))
    reimported = import_exports(tmp_path, b"".join(export(sqlite_engine, EVER, format="otlp")))
    assert read_everything(reimported) == read_everything(sqlite_engine)
    reimported.dispose()
