"""One model call told by several spans counts once, in whatever order and batches its spans come."""

from __future__ import annotations

import itertools
import json
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from db import histogram
from db.engine import make_engine
from db.migrate import upgrade
from db.tables.telemetry import ROLLUP_SUMS, request, rollup_hour, rollup_minute, span
from db.transaction import reading
from genaiops_core.pricing.imports import import_prices, read_prices
from genaiops_core.telemetry.ingest import requests
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json, decode_protobuf
from genaiops_core.telemetry.rollups.closing import close_hours
from genaiops_core.telemetry.time_window import Filters, to_instant
from genaiops_core.telemetry.traffic.queries import read_breakdown
from tests.conftest import SHARED_DATA
from tests.otlp_samples import SECOND_NS, T0_NS, body, call
from tests.otlp_samples import span as sample

_numbers = itertools.count(1)


def fetch_rows(engine: sa.Engine, application: str) -> dict[str, list[Any]]:
    """What traffic made of one application: spans, requests, and cells added up over writers."""
    with reading(engine) as connection:
        rows_by_table: dict[str, list[Any]] = {}
        for table in (span, request):
            # The time of arrival differs.
            columns = [c for c in table.c if c.name not in ("id", "application", "open_since_ns")]
            rows = connection.execute(
                sa.select(*columns).where(table.c.application == application)
            ).mappings()
            rows_by_table[table.name] = sorted(
                (tuple({**row, "trace_id": row["trace_id"][16:]}.values()) for row in rows), key=repr
            )
        cells: dict[tuple[Any, ...], Any] = {}
        c = rollup_minute.c
        for row in connection.execute(
            sa.select(rollup_minute).where(c.application == application)
        ).mappings():
            key = tuple(row[name] for name in ("bucket", "environment", "release", "model"))
            sums, requests, calls = cells.get(key, ([0] * len(ROLLUP_SUMS), [], []))
            cells[key] = (
                [total + row[name] for total, name in zip(sums, ROLLUP_SUMS, strict=True)],
                [*requests, row["request_latency"]],
                [*calls, row["call_latency"]],
            )
        rows_by_table["cells"] = sorted(
            (key, sums, histogram.merge(requests), histogram.merge(calls))
            for key, (sums, requests, calls) in cells.items()
            if any(sums) or histogram.merge(requests) or histogram.merge(calls)
        )
        return rows_by_table


def sum_totals(engine: sa.Engine, application: str = "shop") -> dict[str, int]:
    with reading(engine) as connection:
        sums = [sa.func.coalesce(sa.func.sum(rollup_minute.c[n]), 0).label(n) for n in ROLLUP_SUMS]
        row = connection.execute(sa.select(*sums).where(rollup_minute.c.application == application)).one()
        return {name: int(value) for name, value in row._mapping.items()}


def fetch_duplicates(engine: sa.Engine) -> dict[int, int]:
    """Number of each folded span -> the one it is folded into."""
    with reading(engine) as connection:
        rows = connection.execute(
            sa.select(span.c.span_id, span.c.folded_into).where(span.c.folded_into != "")
        )
        return {int(duplicate, 16): int(target, 16) for duplicate, target in rows}


def price(engine: sa.Engine) -> None:
    prices = {"alpha": ["1.00", "2.00"], "beta": ["3", "4"]}
    import_prices(engine, actor="ann", prices=read_prices(json.dumps(prices).encode(), "p.json"), source="p")


def send(engine: sa.Engine, *batches: list[dict[str, Any]], application: str = "shop") -> None:
    for number, batch in enumerate(batches):
        ingest(engine, decode_json(body(*batch, application=application)), shard=number % 3)


def build_call_of_four_spans() -> list[dict[str, Any]]:
    """An agent's roll-up, a framework's span, an SDK's and an HTTP client's, of one call."""
    return [
        sample(1, name="agent", gen_ai__operation__name="invoke_agent", gen_ai__usage__input_tokens=50, gen_ai__usage__output_tokens=5),
        call(2, parent=1, name="framework", model="alpha", tokens=(50, 5), start_ns=T0_NS + 1, duration_ns=SECOND_NS - 2),
        call(3, parent=2, name="sdk", model="alpha", tokens=(50, 5), start_ns=T0_NS + 2, duration_ns=SECOND_NS - 4),
        sample(4, parent=3, name="POST", http__route="/v1/chat", start_ns=T0_NS + 3, duration_ns=SECOND_NS - 6),
    ]  # fmt: skip


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
def test_call_of_four_spans_counts_once_in_any_order(
    sqlite_engine: sa.Engine, order: tuple[int, ...]
) -> None:
    price(sqlite_engine)
    spans = build_call_of_four_spans()
    send(sqlite_engine, *[[spans[at]] for at in order])
    counted = sum_totals(sqlite_engine)
    assert (counted["calls"], counted["input_tokens"], counted["output_tokens"]) == (1, 50, 5)
    assert counted["cost_nano_usd"] == 60_000
    assert counted["requests"] == 1
    assert fetch_duplicates(sqlite_engine) == {1: 3, 2: 3}
    with reading(sqlite_engine) as connection:
        row = connection.execute(sa.select(request)).one()
        assert (row.calls, row.folded_calls, row.cost_nano_usd, row.input_tokens) == (1, 2, 60_000, 50)
        assert row.model == "alpha"
        blobs = connection.execute(sa.select(rollup_minute.c.call_latency)).scalars().all()
    assert histogram.count(histogram.merge(blobs)) == 1


def test_empty_cell_is_deleted(engine: sa.Engine) -> None:
    send(engine, [call(1, model="alias", tokens=(9, 9))])
    ingest(engine, decode_json(body(call(2, parent=1, model="real", tokens=(9, 9)))), shard=0)
    with reading(engine) as connection:
        models = connection.execute(sa.select(rollup_minute.c.model)).scalars().all()
    assert sorted(models) == ["", "real"]


def test_counts_of_another_writer_are_subtracted(engine: sa.Engine) -> None:
    ingest(engine, decode_json(body(call(1, model="alias", tokens=(9, 9)))), shard=1)
    inner = call(2, parent=1, model="real", tokens=(9, 9), duration_ns=SECOND_NS // 2)
    ingest(engine, decode_json(body(inner)), shard=2)
    day = Filters(start=to_instant(T0_NS), end=to_instant(T0_NS + 86_400 * SECOND_NS))
    for _ in range(2):
        with reading(engine) as connection:
            rows = {row.keys["model"]: row.figures for row in read_breakdown(connection, day, by=("model",))}
        assert {model: figures.calls for model, figures in rows.items()} == {"real": 1}
        assert rows["real"].call_latency_ms["p50"] == pytest.approx(500, rel=0.01)
        close_hours(engine, to_instant(T0_NS + 3 * 86_400 * SECOND_NS))
    with reading(engine) as connection:
        assert set(connection.execute(sa.select(rollup_hour.c.model)).scalars()) == {"", "real"}


@st.composite
def traces(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Spans of two traces, nested anyhow: also below spans that never come, and in circles."""
    spans = []
    size = draw(st.integers(2, 9))
    kinds = ("chat", "chat", "chat", "invoke_agent", "execute_tool", "embeddings", "")
    for number in range(1, size + 1):
        parent = draw(st.integers(0, size + 1))
        attributes: dict[str, Any] = {}
        kind = draw(st.sampled_from(kinds))
        if kind:
            attributes["gen_ai__operation__name"] = kind
        if draw(st.integers(0, 3)):
            attributes["gen_ai__usage__input_tokens"] = draw(st.sampled_from((10, 20, 30, 100)))
            if draw(st.integers(0, 3)):
                attributes["gen_ai__usage__output_tokens"] = draw(st.sampled_from((1, 2, 3)))
        if not draw(st.integers(0, 5)):
            attributes["gen_ai__usage__cache_read__input_tokens"] = draw(st.sampled_from((5, 20)))
        model = draw(st.sampled_from(("alpha", "beta", "unknown", "")))
        if model:
            attributes["gen_ai__request__model"] = model
        if not draw(st.integers(0, 4)):
            attributes["gen_ai__response__id"] = draw(st.sampled_from(("r1", "r2")))
        spans.append(
            sample(
                number,
                trace=draw(st.sampled_from((1, 1, 1, 2))),
                parent=None if parent == 0 else parent,
                error=not draw(st.integers(0, 4)),
                start_ns=T0_NS + draw(st.sampled_from((0, 0, 1, 50))) * SECOND_NS,
                duration_ns=draw(st.sampled_from((1, 2, 30))) * SECOND_NS,
                **attributes,
            )
        )
    return spans


def split(spans: list[dict[str, Any]], seed: int) -> list[list[dict[str, Any]]]:
    """`spans` shuffled and cut into batches; some are sent twice."""
    chance = random.Random(seed)
    shuffled = chance.sample(spans, len(spans))
    batches: list[list[dict[str, Any]]] = [[]]
    for item in shuffled:
        if batches[-1] and chance.random() < 0.5:
            batches.append([])
        batches[-1].append(item)
        if chance.random() < 0.1:
            batches[-1].append(chance.choice(shuffled))
    return batches


def with_own_traces(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`spans` in traces of their own, because a trace shared by two applications decides on the requests of both."""
    number = next(_numbers)
    return [{**item, "traceId": f"{number:016x}{item['traceId'][16:]}"} for item in spans]


def check_any_split(engine: sa.Engine, spans: list[dict[str, Any]], seed: int) -> None:
    whole, parts = f"whole{next(_numbers)}", f"parts{next(_numbers)}"
    send(engine, with_own_traces(spans), application=whole)
    send(engine, *split(with_own_traces(spans), seed), application=parts)
    assert fetch_rows(engine, parts) == fetch_rows(engine, whole)


@pytest.fixture(scope="module")
def module_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('once')}/once.db")
    upgrade(engine)
    price(engine)
    yield engine
    engine.dispose()


@settings(max_examples=150)
@given(spans=traces(), seed=st.integers(0, 1000))
def test_any_split_into_batches_gives_equal_rows(
    module_engine: sa.Engine, spans: list[dict[str, Any]], seed: int
) -> None:
    check_any_split(module_engine, spans, seed)


def test_any_split_gives_equal_rows_on_both_databases(engine: sa.Engine) -> None:
    price(engine)
    examples: list[list[dict[str, Any]]] = []

    @settings(max_examples=12, database=None)
    @given(spans=traces())
    def collect(spans: list[dict[str, Any]]) -> None:
        examples.append(spans)

    collect()
    for seed, spans in enumerate(examples):
        check_any_split(engine, spans, seed)


def test_concurrent_writers_of_one_trace_count_calls_once(engine: sa.Engine) -> None:
    """Four writers at once, each with other spans of the same 30 traces."""
    failures: list[BaseException] = []
    per_trace = [
        [{**sent_span, "traceId": f"{trace:032x}"} for sent_span in build_call_of_four_spans()]
        for trace in range(1, 31)
    ]

    def write(number: int) -> None:
        chance = random.Random(number)
        try:
            for start in range(0, 30, 6):
                batch = [
                    spans[(number + trace) % 4] for trace, spans in enumerate(per_trace[start : start + 6])
                ]
                chance.shuffle(batch)
                ingest(engine, decode_json(body(*batch)), shard=number)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    counted = sum_totals(engine)
    assert (counted["calls"], counted["input_tokens"], counted["requests"]) == (30, 1500, 30)
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.sum(request.c.calls))).scalar() == 30
        assert connection.execute(sa.select(sa.func.count()).where(span.c.is_call)).scalar() == 30
        blobs = connection.execute(sa.select(rollup_minute.c.call_latency)).scalars().all()
    assert histogram.count(histogram.merge(blobs)) == 30


def test_model_beyond_the_limit_is_subtracted_from_its_cell(engine: sa.Engine) -> None:
    for model in ("m1", "m2"):
        ingest(
            engine, decode_json(body(call(1, trace=9 if model == "m1" else 8, model=model))), model_limit=1
        )
    ingest(engine, decode_json(body(call(5, parent=6, model="m3", tokens=(7, 7)))), model_limit=1)
    # Later the limit is raised, and the span turns out to be told by another one too.
    ingest(engine, decode_json(body(call(6, parent=None, model="m1", tokens=(7, 7)))), model_limit=10)
    with reading(engine) as connection:
        rows = connection.execute(
            sa.select(rollup_minute.c.model, sa.func.sum(rollup_minute.c.calls)).group_by(
                rollup_minute.c.model
            )
        ).all()
    counted = {model: int(calls) for model, calls in rows if calls}
    assert counted == {"m1": 1, "other": 2}


def test_trace_over_the_limit_is_deduplicated_per_batch(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MAX_TRACE_SPANS", 3)
    spans = build_call_of_four_spans()
    send(sqlite_engine, spans[:1], spans[1:2], spans[2:])
    assert sum_totals(sqlite_engine)["calls"] == 2


def list_sample_exports() -> list[Any]:
    files = sorted((SHARED_DATA / "otlp").glob("converted/*[!h].json"))
    return [file for file in files if not file.name.endswith((".truth.json", "_logs.json"))]


def test_sample_exports_sent_by_span_match_expected_calls(sqlite_engine: sa.Engine) -> None:
    for number, file in enumerate(list_sample_exports()):
        truth = json.loads(file.with_name(file.name.replace(".json", ".truth.json")).read_text())
        expected = truth.get("true_calls") or {"spans": truth["llm_calls"], **truth}
        calls = truth["true_calls"]["spans"] if "true_calls" in truth else truth["llm_calls"]
        application = f"file{number}"
        requests = list(single_spans(json.loads(file.read_bytes()), application))
        random.Random(number).shuffle(requests)
        for request_body in requests:
            ingest(sqlite_engine, decode_json(json.dumps(request_body).encode()))
        counted = sum_totals(sqlite_engine, application)
        measured = (counted["calls"], counted["input_tokens"], counted["output_tokens"])
        assert measured == (calls, expected["input_tokens"], expected["output_tokens"]), file.name


def single_spans(export: dict[str, Any], application: str) -> Iterator[dict[str, Any]]:
    for resource_spans in export["resourceSpans"]:
        attributes = [a for a in resource_spans["resource"]["attributes"] if a["key"] != "service.name"]
        attributes.append({"key": "service.name", "value": {"stringValue": application}})
        for scope_spans in resource_spans["scopeSpans"]:
            for sent_span in scope_spans["spans"]:
                yield {
                    "resourceSpans": [
                        {
                            "resource": {"attributes": attributes},
                            "scopeSpans": [{"scope": scope_spans.get("scope", {}), "spans": [sent_span]}],
                        }
                    ]
                }


def test_captured_exports_match_expected_calls(sqlite_engine: sa.Engine) -> None:
    for truth in sorted((SHARED_DATA / "otlp").glob("captured/*/truth.json")):
        for name, expected in json.loads(truth.read_text()).items():
            for file in sorted(truth.parent.glob(f"{name}.*.traces.pb")):
                export = decode_protobuf(file.read_bytes())
                before = (
                    sum_totals(sqlite_engine, "capture-openinference"),
                    sum_totals(sqlite_engine, "capture"),
                )
                ingest(sqlite_engine, export)
                after = (
                    sum_totals(sqlite_engine, "capture-openinference"),
                    sum_totals(sqlite_engine, "capture"),
                )
                for field, wanted in (
                    ("calls", len(expected["calls"])),
                    ("input_tokens", sum(c["input_tokens"] or 0 for c in expected["calls"])),
                    ("output_tokens", sum(c["output_tokens"] or 0 for c in expected["calls"])),
                    ("call_errors", len(expected["calls"]) if expected["error"] else 0),
                ):
                    new = sum(sums[field] for sums in after) - sum(sums[field] for sums in before)
                    assert new == wanted, (file.name, field)
