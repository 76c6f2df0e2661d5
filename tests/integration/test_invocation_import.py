"""Invocation logs on both databases: every call once, whichever way it is told and in whatever order."""

from __future__ import annotations

import gzip
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from db.tables.telemetry import ROLLUP_SUMS, invocation_log, payload, request, rollup_minute, span
from db.transaction import reading
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.ingest.invocation_entries import derive_id, read_entry
from genaiops_core.telemetry.invocation_logs import importer as invocation_import
from genaiops_core.telemetry.invocation_logs.importer import ImportCounts, Importer
from genaiops_core.telemetry.invocation_logs.reader import ReadResult, find_log_files, read_file
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.time_window import Filters, to_instant
from genaiops_core.telemetry.traces.trace import get_trace
from genaiops_core.telemetry.traffic.queries import read_summary
from tests import bedrock_samples as samples
from tests.bedrock_samples import AT_NS, entry
from tests.conftest import SHARED_DATA
from tests.otlp_samples import SECOND_NS, attribute, body, call
from tests.otlp_samples import span as sample

MODEL = "meta.llama3-2-1b-instruct-v1:0"
REQUEST_ID = "11111111-aaaa-bbbb-cccc-000000000001"


def import_entries(
    engine: sa.Engine, *entries: dict[str, Any], application: str | None = None, shard: int = 0
) -> ImportCounts:
    results = [ReadResult("test", read_entry(item, application=application), "") for item in entries]
    return Importer(engine, shard=shard).import_entries(results)


def ingest_spans(engine: sa.Engine, *spans: dict[str, Any], shard: int = 0) -> None:
    ingest(engine, decode_json(body(*spans)), shard=shard)


def otlp_call(number: int = 2, *, parent: int | None = 1, **attributes: Any) -> dict[str, Any]:
    """The OTLP span of the call that `entry(REQUEST_ID)` tells of: 52 + 8 + 2 tokens in, 30 out."""
    return call(
        number,
        parent=parent,
        model=MODEL,
        tokens=(62, 30),
        start_ns=AT_NS + SECOND_NS // 2,
        duration_ns=2 * SECOND_NS,
        **{"gen_ai__provider__name": "aws.bedrock", "aws__request_id": REQUEST_ID, **attributes},
    )


def root() -> dict[str, Any]:
    return sample(1, name="ask", start_ns=AT_NS, duration_ns=3 * SECOND_NS)


def read_figures(engine: sa.Engine, application: str | None = None) -> dict[str, Any]:
    hour = 3600 * SECOND_NS
    with reading(engine) as connection:
        summary = read_summary(
            connection,
            Filters(start=to_instant(AT_NS - hour), end=to_instant(AT_NS + hour), application=application),
        )
    names = ("requests", "calls", "input_tokens", "output_tokens", "unpriced_calls", "cost_nano_usd")
    return {name: getattr(summary, name) for name in names}


def fetch_rows(engine: sa.Engine) -> dict[str, list[Any]]:
    """What is kept of traffic, without surrogate ids, shards and cells that hold nothing."""
    with reading(engine) as connection:
        rows_by_table: dict[str, list[Any]] = {}
        for table in (span, request, invocation_log):
            columns = [column for column in table.c if column.name != "id"]
            rows_by_table[str(table.name)] = sorted(map(repr, connection.execute(sa.select(*columns))))
        sums = [sa.func.sum(rollup_minute.c[name]) for name in ROLLUP_SUMS]
        keys = [rollup_minute.c[name] for name in ("application", "bucket", "model", "release")]
        rows = connection.execute(sa.select(*keys, *sums).group_by(*keys))
        rows_by_table["rollup"] = sorted(
            repr([*row[:4], *map(int, row[4:])]) for row in rows if any(int(value) for value in row[4:])
        )
    return rows_by_table


def one(engine: sa.Engine, table: sa.Table, **where: Any) -> Any:
    with reading(engine) as connection:
        conditions = [table.c[name] == value for name, value in where.items()]
        return connection.execute(sa.select(table).where(*conditions)).one()


def test_entry_is_a_request_of_one_call(engine: sa.Engine) -> None:
    assert import_entries(engine, entry(REQUEST_ID)) == ImportCounts(entries=1, new=1)
    # 62 tokens in and 30 out at 0.10 USD a million: cached ones cost the same, for the list has no price for them.
    assert read_figures(engine, "bedrock") == {
        "requests": 1,
        "calls": 1,
        "input_tokens": 62,
        "output_tokens": 30,
        "unpriced_calls": 0,
        "cost_nano_usd": 62 * 100 + 30 * 100,
    }
    with reading(engine) as connection:
        trace = get_trace(connection, derive_id("trace", REQUEST_ID, 32))
    assert trace is not None
    assert trace.is_complete
    assert trace.spans[0].attributes["aws.request_id"] == REQUEST_ID
    assert one(engine, span).call_id == REQUEST_ID


def test_second_import_changes_nothing(engine: sa.Engine) -> None:
    entries = [entry(f"request-{number}") for number in range(5)]
    import_entries(engine, *entries[:3], entries[0])
    before = fetch_rows(engine)
    assert import_entries(engine, *entries[:3], application="other") == ImportCounts(entries=3, known=3)
    assert fetch_rows(engine) == before
    assert import_entries(engine, *entries) == ImportCounts(entries=5, new=2, known=3)
    assert read_figures(engine)["calls"] == 5


def test_repeated_request_in_a_file_is_one(engine: sa.Engine) -> None:
    assert import_entries(engine, entry(REQUEST_ID), entry(REQUEST_ID)) == ImportCounts(
        entries=2, new=1, known=1
    )
    assert read_figures(engine)["calls"] == 1


def test_counts_of_transactions_are_added(sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invocation_import, "ENTRIES_PER_TRANSACTION", 3)
    entries = [entry(f"request-{number % 7}") for number in range(10)]
    assert import_entries(sqlite_engine, *entries) == ImportCounts(entries=10, new=7, known=3)


def test_call_without_latency_is_in_no_percentile(engine: sa.Engine) -> None:
    quick = entry("with-latency")
    unknown = entry("without", output={"outputTokenCount": 30})
    import_entries(engine, unknown)
    window = Filters(start=to_instant(AT_NS), end=to_instant(AT_NS + 60 * SECOND_NS))
    with reading(engine) as connection:
        summary = read_summary(connection, window)
    assert (summary.calls, summary.call_latency_ms["p50"], summary.latency_ms["p99"]) == (1, None, None)
    import_entries(engine, quick)
    with reading(engine) as connection:
        summary = read_summary(connection, window)
    assert summary.calls == 2
    # 589 ms of the one that is known, to the 1 % of the histogram.
    assert summary.call_latency_ms["p50"] == pytest.approx(589, rel=0.01)
    assert summary.latency_ms["p50"] == pytest.approx(589, rel=0.01)


def test_call_without_usage_is_unpriced_and_not_free(engine: sa.Engine) -> None:
    import_entries(engine, entry("image", modelId="stability.sd3-5-large-v1:0", input={}, output={}))
    assert read_figures(engine) | {"requests": 1} == {
        "requests": 1,
        "calls": 1,
        "input_tokens": 0,
        "output_tokens": 0,
        "unpriced_calls": 1,
        "cost_nano_usd": 0,
    }


def test_failed_call_counts_as_an_error(engine: sa.Engine) -> None:
    import_entries(engine, entry("failed", errorCode="ThrottlingException", output=None, input={}))
    with reading(engine) as connection:
        summary = read_summary(
            connection, Filters(start=to_instant(AT_NS), end=to_instant(AT_NS + 60 * SECOND_NS))
        )
    assert (summary.requests, summary.request_errors, summary.call_errors, summary.unpriced_calls) == (
        1,
        1,
        1,
        0,
    )


# The same call by OTLP and by its log entry.

ONCE = {"requests": 1, "calls": 1, "input_tokens": 62, "output_tokens": 30}


def by_otlp_first(engine: sa.Engine) -> None:
    ingest_spans(engine, root(), otlp_call(), shard=1)
    assert import_entries(engine, entry(REQUEST_ID), shard=2) == ImportCounts(entries=1, known=1, joined=1)


def by_log_first(engine: sa.Engine) -> None:
    import_entries(engine, entry(REQUEST_ID), shard=2)
    ingest_spans(engine, root(), otlp_call(), shard=1)


@pytest.mark.parametrize("send_both", [by_otlp_first, by_log_first])
def test_call_with_span_and_entry_counts_once(engine: sa.Engine, send_both: Any) -> None:
    send_both(engine)
    assert {name: read_figures(engine)[name] for name in ONCE} == ONCE
    assert {name: read_figures(engine, "shop")[name] for name in ONCE} == ONCE
    with reading(engine) as connection:
        trace = get_trace(connection, f"{1:032x}")
    assert trace is not None
    # What is counted is the span, which knows how long the call took; the entry is shown below it, with its messages.
    counted, logged = trace.spans[1], trace.spans[2]
    assert (counted.is_call, counted.span_id) == (True, f"{2:016x}")
    assert (logged.is_call, logged.parent_span_id, logged.depth) == (False, counted.span_id, 2)
    assert one(engine, span, span_id=logged.span_id).folded_into == counted.span_id
    assert "Paris" in logged.attributes["gen_ai.output.messages"]
    assert one(engine, invocation_log).is_folded
    window = Filters(start=to_instant(AT_NS), end=to_instant(AT_NS + 60 * SECOND_NS))
    with reading(engine) as connection:
        assert read_summary(connection, window).call_latency_ms["p50"] == pytest.approx(2000, rel=0.01)
    # Again, both ways: nothing changes.
    before = fetch_rows(engine)
    ingest_spans(engine, root(), otlp_call())
    assert import_entries(engine, entry(REQUEST_ID)) == ImportCounts(entries=1, known=1)
    assert fetch_rows(engine) == before


def test_order_of_span_and_entry_does_not_matter(database_url: str, tmp_path: Path) -> None:
    from db.engine import make_engine
    from db.migrate import upgrade

    results = []
    for number, send_both in enumerate((by_otlp_first, by_log_first)):
        # One of the two is the database of this kind, the other a file: what is kept must not depend on that either.
        url = database_url if number == 0 else f"sqlite:///{tmp_path}/other.db"
        engine = make_engine(url)
        upgrade(engine)
        send_both(engine)
        results.append(fetch_rows(engine))
        engine.dispose()
    assert results[0] == results[1]


def test_root_span_may_arrive_last(engine: sa.Engine) -> None:
    import_entries(engine, entry(REQUEST_ID))
    ingest_spans(engine, otlp_call())
    ingest_spans(engine, root())
    assert {name: read_figures(engine)[name] for name in ONCE} == ONCE


def test_framework_span_sdk_span_and_entry_are_one_call(engine: sa.Engine) -> None:
    wrapper = call(
        3, parent=1, model="llama3-2-1b", tokens=(62, 30), start_ns=AT_NS, duration_ns=3 * SECOND_NS
    )
    import_entries(engine, entry(REQUEST_ID))
    ingest_spans(engine, otlp_call(parent=3))
    ingest_spans(engine, wrapper)
    ingest_spans(engine, root())
    assert {name: read_figures(engine)[name] for name in ONCE} == ONCE


def test_response_id_joins_span_and_entry(engine: sa.Engine) -> None:
    logged = entry(
        "r-claude",
        operation="InvokeModel",
        modelId="anthropic.claude-3-sonnet-20240229-v1:0",
        output={"outputBodyJson": samples.CLAUDE_ANSWER, "outputTokenCount": 30},
    )
    otlp_span = call(1, tokens=(62, 30), start_ns=AT_NS, **{"gen_ai__response__id": "msg_bdrk_01"})
    import_entries(engine, logged)
    ingest_spans(engine, otlp_span)
    assert {name: read_figures(engine)[name] for name in ONCE} == ONCE
    assert one(engine, request).trace_id == f"{1:032x}"


def test_entry_counts_for_a_span_without_usage(engine: sa.Engine) -> None:
    # The call timed out for the application, but the model answered and is paid for.
    failed = sample(
        2,
        parent=1,
        start_ns=AT_NS,
        error=True,
        **{"gen_ai__operation__name": "chat", "aws__request_id": REQUEST_ID},
    )
    for tell_first in (True, False):
        if tell_first:
            ingest_spans(engine, root(), failed)
        else:
            import_entries(engine, entry(REQUEST_ID))
    assert {name: read_figures(engine, "shop")[name] for name in ONCE} == ONCE


def test_distant_or_short_id_is_another_call(engine: sa.Engine) -> None:
    import_entries(engine, entry(REQUEST_ID, timestamp="2026-01-01T10:00:00Z"), entry("r-1"))
    ingest_spans(engine, root(), otlp_call(), otlp_call(3, aws__request_id="r-1"))
    assert not any(repr(True) in row for row in fetch_rows(engine)["invocation_log"])


def test_entry_of_a_deleted_trace_is_left_out(engine: sa.Engine) -> None:
    import_entries(engine, entry(REQUEST_ID))
    with engine.begin() as connection:
        connection.execute(sa.delete(span))
        connection.execute(sa.delete(payload))
    ingest_spans(engine, root(), otlp_call())
    assert (
        read_figures(engine)["calls"] == 2
    )  # what is gone cannot be taken back: the limit is written in docs
    assert not one(engine, invocation_log).is_folded


def test_concurrent_entries_and_spans_count_once(engine: sa.Engine) -> None:
    ids = [f"request-{number:04}" for number in range(60)]

    def logs() -> None:
        for at in range(0, 60, 6):
            import_entries(engine, *[entry(request_id) for request_id in ids[at : at + 6]], shard=5)

    def spans() -> None:
        for number in reversed(range(60)):
            sent_span = otlp_call(10 + number, parent=None, aws__request_id=ids[number])
            sent_span["traceId"] = f"{number + 1:032x}"
            ingest_spans(engine, sent_span, shard=6)

    failures: list[BaseException] = []

    def run_guarded(work: Any) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run_guarded, args=(work,)) for work in (logs, spans, logs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert read_figures(engine) | {"cost_nano_usd": 0} == {
        "requests": 60,
        "calls": 60,
        "input_tokens": 60 * 62,
        "output_tokens": 60 * 30,
        "unpriced_calls": 0,
        "cost_nano_usd": 0,
    }


def test_concurrent_spans_move_an_entry_once(engine: sa.Engine) -> None:
    ids = [f"request-{number:04}" for number in range(40)]
    import_entries(engine, *[entry(request_id) for request_id in ids])

    def tell_all(parent: int | None, number: int, shard: int) -> None:
        for at, request_id in enumerate(ids):
            sent_span = otlp_call(number, parent=parent, aws__request_id=request_id)
            sent_span["traceId"] = f"{at + 1:032x}"
            ingest_spans(engine, sent_span, shard=shard)

    threads = [
        threading.Thread(target=tell_all, args=(None, 2, 1)),
        threading.Thread(target=tell_all, args=(2, 3, 2)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    measured = read_figures(engine)
    assert (measured["requests"], measured["calls"], measured["input_tokens"]) == (40, 40, 40 * 62)


def test_files_and_folders_are_imported(engine: sa.Engine, tmp_path: Path) -> None:
    tmp_path = tmp_path / "logs"
    (tmp_path / "2026").mkdir(parents=True)
    (tmp_path / "2026/a.json.gz").write_bytes(gzip.compress(json.dumps(entry("request-a")).encode()))
    (tmp_path / "2026/b.json").write_text(json.dumps([entry("request-b"), {"requestId": "none"}]))
    importer = Importer(engine)
    for file in find_log_files([tmp_path]):
        importer.import_entries(read_file(file))
    assert (importer.counts.new, importer.counts.rejected) == (2, 1)
    assert importer.counts.problems[0].startswith(f"{tmp_path}/2026/b.json:1[1]: it has no")


def test_sample_logs_join_sample_spans(engine: sa.Engine) -> None:
    folder = SHARED_DATA / "bedrock_invocation_logs"
    importer = Importer(engine)
    for file in find_log_files([folder] if folder.exists() else []):
        importer.import_entries(read_file(file))
    expected = 4 if folder.exists() else 0
    assert (importer.counts.new, importer.counts.rejected) == (expected, 0)
    with reading(engine) as connection:
        tokens = connection.execute(
            sa.select(sa.func.sum(span.c.input_tokens), sa.func.sum(span.c.output_tokens))
        ).one()
        assert tuple(tokens) == ((16 + 52 + 54 + 30, 19 + 30 + 18 + 29) if expected else (None, None))
        unpriced = connection.scalar(
            sa.select(sa.func.count()).select_from(span).where(span.c.cost_nano_usd.is_(None))
        )
        assert unpriced == 0


def send_in_both_orders(engine: sa.Engine, spans: list[dict[str, Any]], logged: dict[str, Any]) -> None:
    """Traces 1 and 2 have the same call, of which the span or the entry arrives first."""
    for trace in (1, 2):
        request_id = f"22222222-aaaa-bbbb-cccc-00000000000{trace}"
        copies = [{**sent, "traceId": f"{trace:032x}"} for sent in spans]
        for sent in copies:
            sent["attributes"] = [
                attribute("aws.request_id", request_id) if item["key"] == "aws.request_id" else item
                for item in sent["attributes"]
            ]
        if trace == 1:
            ingest_spans(engine, *copies)
        import_entries(engine, {**logged, "requestId": request_id})
        if trace == 2:
            ingest_spans(engine, *copies)


def test_usage_is_of_the_log_and_latency_of_the_span(engine: sa.Engine) -> None:
    # The instrumentation left the cached tokens out and reported half of the output.
    wrong = call(
        2,
        parent=1,
        model=MODEL,
        tokens=(52, 15),
        start_ns=AT_NS,
        duration_ns=2 * SECOND_NS,
        aws__request_id=REQUEST_ID,
    )
    send_in_both_orders(engine, [root(), wrong], entry(REQUEST_ID))
    expected = {name: 2 * value for name, value in ONCE.items()}
    assert {name: read_figures(engine, "shop")[name] for name in ONCE} == expected
    assert {name: read_figures(engine)[name] for name in ONCE} == expected
    window = Filters(start=to_instant(AT_NS), end=to_instant(AT_NS + 60 * SECOND_NS))
    with reading(engine) as connection:
        assert read_summary(connection, window).call_latency_ms["p50"] == pytest.approx(2000, rel=0.01)


@pytest.mark.parametrize(
    "attributes",
    [
        {"rpc__system": "aws-api", "rpc__service": "Bedrock Runtime", "rpc__method": "Converse"},
        {"rpc__service": "BedrockRuntime"},
        {"gen_ai__operation__name": "chat"},
    ],
)
def test_bare_span_of_the_sdk_joins_its_entry(engine: sa.Engine, attributes: dict[str, Any]) -> None:
    bare = sample(
        2,
        parent=1,
        kind=3,
        start_ns=AT_NS,
        duration_ns=2 * SECOND_NS,
        aws__request_id=REQUEST_ID,
        **attributes,
    )
    send_in_both_orders(engine, [root(), bare], entry(REQUEST_ID))
    expected = {name: 2 * value for name, value in ONCE.items()}
    assert {name: read_figures(engine)[name] for name in ONCE} == expected
    window = Filters(start=to_instant(AT_NS), end=to_instant(AT_NS + 60 * SECOND_NS), application="shop")
    with reading(engine) as connection:
        figures = read_summary(connection, window)
    assert (figures.requests, figures.calls) == (2, 2)
    assert figures.call_latency_ms["p50"] == pytest.approx(2000, rel=0.01)


def test_request_id_of_another_service_joins_nothing(engine: sa.Engine) -> None:
    other = sample(2, parent=1, start_ns=AT_NS, aws__request_id=REQUEST_ID, rpc__service="S3")
    ingest_spans(engine, root(), other)
    import_entries(engine, entry(REQUEST_ID))
    assert read_figures(engine)["requests"] == 2
    assert one(engine, span, span_id=f"{2:016x}").call_id == ""


def test_profile_is_priced_by_the_model_of_the_span(engine: sa.Engine) -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    send_in_both_orders(engine, [root(), otlp_call()], entry(REQUEST_ID, modelId=arn))
    assert {name: read_figures(engine)[name] for name in ONCE} == {
        name: 2 * value for name, value in ONCE.items()
    }
