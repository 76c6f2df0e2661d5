"""Ingest on both databases: every span once, whatever the order and however often it comes."""

from __future__ import annotations

import datetime as dt
import json
import random
import threading
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from db import histogram
from db.tables.telemetry import (
    ROLLUP_SUMS,
    application,
    dirty_hour,
    payload,
    request,
    rollup_minute,
    rollup_model,
    span,
)
from db.transaction import reading, writing
from genaiops_core.errors import BadInput
from genaiops_core.pricing.imports import import_prices, read_prices
from genaiops_core.telemetry.ingest import span_store
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import DecodedExport, decode_json
from genaiops_core.telemetry.sampling.feedback import record_feedback
from tests.acceptance import replay
from tests.otlp_samples import SECOND_NS, T0_NS, body, call
from tests.otlp_samples import span as sample
from tests.payloads import read_payloads

PRICES = {"alpha": ["1.00", "2.56"]}


def export(*spans: dict[str, Any], **more: Any) -> DecodedExport:
    return decode_json(body(*spans, **more))


def price(engine: sa.Engine, prices: dict[str, list[str]], **more: Any) -> None:
    import_prices(
        engine, actor="ann", prices=read_prices(json.dumps(prices).encode(), "p.json"), source="p", **more
    )


def everything(engine: sa.Engine) -> dict[str, list[Any]]:
    """Every row that traffic makes, without surrogate ids, in one order."""
    with reading(engine) as connection:
        return {
            table.name: sorted(
                (
                    tuple(row)
                    for row in connection.execute(sa.select(*[c for c in table.c if c.name != "id"]))
                ),
                key=repr,
            )
            for table in (span, request, rollup_minute)
        }


def rollup_sums(engine: sa.Engine) -> dict[str, int]:
    with reading(engine) as connection:
        row = connection.execute(
            sa.select(*[sa.func.sum(rollup_minute.c[n]).label(n) for n in ROLLUP_SUMS])
        ).one()
        return {name: int(value or 0) for name, value in row._mapping.items()}


def trace() -> list[dict[str, Any]]:
    return [
        sample(1, name="POST /ask", duration_ns=3 * SECOND_NS, user__id="ann"),
        sample(2, parent=1, name="retrieve", openinference__span__kind="RETRIEVER"),
        call(3, parent=1, start_ns=T0_NS + SECOND_NS, gen_ai__conversation__id="s1"),
        call(4, parent=1, start_ns=T0_NS + 2 * SECOND_NS, error=True, model="beta"),
    ]


def test_trace_becomes_spans_request_and_cells(engine: sa.Engine) -> None:
    price(engine, PRICES)
    result = ingest(engine, export(*trace(), service__version="v1", deployment__environment__name="prod"))
    assert (result.spans, result.new, result.rejected) == (4, 4, 0)
    with reading(engine) as connection:
        row = connection.execute(sa.select(request)).one()._mapping
        assert row["duration_ns"] == 3 * SECOND_NS
        assert (row["name"], row["user_id"], row["session_id"], row["model"]) == (
            "POST /ask",
            "ann",
            "s1",
            "alpha",
        )
        assert (row["spans"], row["span_errors"], row["calls"], row["unpriced_calls"]) == (4, 1, 2, 1)
        # 1,000 x 1.00 + 100 x 2.56 USD per million; `beta` has no price
        assert (row["cost_nano_usd"], row["input_tokens"], row["output_tokens"]) == (1_256_000, 2000, 200)
        assert not row["is_error"]
        cells = {row.model: row for row in connection.execute(sa.select(rollup_minute))}
        assert set(cells) == {"", "alpha", "beta"}
        assert (cells[""].requests, cells[""].calls, cells[""].environment, cells[""].release) == (
            1,
            0,
            "prod",
            "v1",
        )
        assert cells["alpha"].cost_nano_usd == 1_256_000
        assert (cells["beta"].calls, cells["beta"].call_errors, cells["beta"].unpriced_calls) == (1, 1, 1)
        assert histogram.count(cells["alpha"].call_latency) == 1
        assert cells["beta"].call_latency == b""  # failed calls are left out
        assert histogram.count(cells[""].request_latency) == 1
        assert connection.execute(sa.select(dirty_hour.c.application, dirty_hour.c.hour)).all() == [
            ("shop", T0_NS // (3600 * SECOND_NS))
        ]
        assert connection.execute(sa.select(application.c.application, application.c.is_demo)).all() == [
            ("shop", False)
        ]
        assert connection.execute(sa.select(sa.func.count()).select_from(payload)).scalar() == 1
        assert read_payloads(connection, f"{1:032x}")[f"{2:016x}"]["attributes"] == {
            "openinference.span.kind": "RETRIEVER"
        }


def test_retried_batch_changes_nothing(engine: sa.Engine) -> None:
    sent = export(*trace())
    ingest(engine, sent)
    before = everything(engine)
    assert ingest(engine, sent).new == 0
    assert everything(engine) == before


def test_repeated_span_in_a_batch_counts_once(engine: sa.Engine) -> None:
    result = ingest(engine, export(call(1), call(1)), export(call(1)))
    assert (result.spans, result.new) == (3, 1)
    assert rollup_sums(engine)["calls"] == 1


def test_only_new_spans_of_a_partly_stored_batch_count(engine: sa.Engine) -> None:
    ingest(engine, export(call(1), call(3)))
    result = ingest(engine, export(call(1), call(2), call(3), call(4)))
    assert result.new == 2
    assert rollup_sums(engine)["calls"] == 4
    with reading(engine) as connection:
        assert len(read_payloads(connection, f"{1:032x}")) == 4


@pytest.mark.parametrize("seed", range(6))
def test_order_and_grouping_do_not_matter(engine: sa.Engine, seed: int) -> None:
    spans = trace()
    ingest(engine, export(*spans))
    together = everything(engine)
    with writing(engine) as connection:
        for table in (span, request, payload, rollup_minute, dirty_hour):
            connection.execute(table.delete())
    order = random.Random(seed)
    order.shuffle(spans)
    cut = order.randrange(1, len(spans))
    for part in (spans[:cut], spans[cut:]):
        ingest(engine, export(*part))
    apart = everything(engine)
    assert apart == together


def test_request_without_root_has_earliest_start_no_duration(engine: sa.Engine) -> None:
    ingest(engine, export(call(2, parent=1, start_ns=T0_NS + 5)))
    ingest(engine, export(call(3, parent=1, start_ns=T0_NS + 3)))
    with reading(engine) as connection:
        row = connection.execute(sa.select(request)).one()
        assert (row.start_ns, row.duration_ns, row.calls) == (T0_NS + 3, None, 2)
    assert rollup_sums(engine)["requests"] == 0
    ingest(engine, export(sample(1, name="root", start_ns=T0_NS + 4, error=True)))
    with reading(engine) as connection:
        row = connection.execute(sa.select(request)).one()
        assert (row.start_ns, row.duration_ns, row.name, row.is_error) == (T0_NS + 4, SECOND_NS, "root", True)
    assert (rollup_sums(engine)["requests"], rollup_sums(engine)["request_errors"]) == (1, 1)


def test_trace_of_two_applications_is_a_request_of_each(engine: sa.Engine) -> None:
    ingest(engine, export(sample(1)), export(call(2, parent=1), application="search"))
    with reading(engine) as connection:
        rows = connection.execute(sa.select(request.c.application, request.c.duration_ns)).all()
        assert sorted(rows, key=repr) == [("search", SECOND_NS), ("shop", SECOND_NS)]
        assert set(read_payloads(connection, f"{1:032x}", "search")) == {f"{2:016x}"}


def test_models_beyond_the_limit_roll_up_as_other(engine: sa.Engine) -> None:
    calls = [call(n, trace=n, model=f"m{n}") for n in range(1, 6)]
    ingest(engine, export(*calls[:2]), model_limit=3)
    ingest(engine, export(*calls), model_limit=3)
    with reading(engine) as connection:
        rolled = dict(
            connection.execute(
                sa.select(rollup_minute.c.model, sa.func.sum(rollup_minute.c.calls)).group_by(
                    rollup_minute.c.model
                )
            ).all()  # type: ignore[arg-type]
        )
        assert rolled == {"m1": 1, "m2": 1, "m3": 1, "other": 2}
        assert len(connection.execute(sa.select(rollup_model)).all()) == 3
        assert connection.execute(sa.select(sa.func.count(sa.distinct(span.c.model)))).scalar() == 5


def test_newest_price_valid_at_the_start_of_the_call_counts(engine: sa.Engine) -> None:
    text = "model,provider,valid_from,input,output\nm,,2025-01-01,1,0\nm,,2026-01-05,2,0\nm,other,2026-01-05,9,0\n"
    import_prices(engine, actor="ann", prices=read_prices(text.encode(), "p.csv"), source="p.csv")
    before, at, long_ago = T0_NS - 1_000, T0_NS, T0_NS - 3 * 365 * 86_400 * SECOND_NS
    ingest(
        engine,
        export(
            call(1, model="m", start_ns=before),
            call(2, model="m", start_ns=at),
            call(3, model="m", start_ns=long_ago),
        ),
    )
    with reading(engine) as connection:
        costs = connection.execute(sa.select(span.c.cost_nano_usd).order_by(span.c.span_id)).scalars().all()
        assert list(costs) == [1_000_000, 2_000_000, None]


def test_imported_prices_replace_and_are_audited(engine: sa.Engine) -> None:
    from genaiops_core.access.audit import entries

    price(engine, {"m": ["1", "1"]})
    price(engine, {"m": ["2", "2"]}, reason="new contract")
    ingest(engine, export(call(1, model="m")))
    assert rollup_sums(engine)["cost_nano_usd"] == 2_200_000
    with reading(engine) as connection:
        newest = entries(connection)[0]
        assert (newest.action, newest.actor, newest.reason) == ("price.import", "ann", "new contract")


def test_embeddings_are_priced_without_output_tokens(engine: sa.Engine) -> None:
    embedding = sample(
        1,
        gen_ai__operation__name="embeddings",
        gen_ai__provider__name="aws.bedrock",
        gen_ai__request__model="amazon.titan-embed-text-v2:0",
        gen_ai__usage__input_tokens=1_000_000,
    )
    ingest(engine, export(embedding))
    assert rollup_sums(engine)["cost_nano_usd"] == 20_000_000  # 0.02 USD


def test_concurrent_writers_lose_nothing(engine: sa.Engine) -> None:
    """Two writers of one shard and one of another, with the same traces in different order."""
    spans = [call(n, trace=n % 7 + 1, start_ns=T0_NS + n) for n in range(1, 61)]
    failures: list[BaseException] = []

    def write(shard: int, order: list[dict[str, Any]]) -> None:
        try:
            for at in range(0, len(order), 10):
                ingest(engine, export(*order[at : at + 10]), shard=shard)
        except BaseException as error:
            failures.append(error)

    writers = [
        threading.Thread(target=write, args=(shard, random.Random(number).sample(spans, len(spans))))
        for number, shard in enumerate((1, 1, 2))
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(span)).scalar() == 60
        assert connection.execute(sa.select(sa.func.sum(request.c.calls))).scalar() == 60
        blobs = connection.execute(sa.select(rollup_minute.c.call_latency)).scalars().all()
        assert histogram.count(histogram.merge(blobs)) == 60
    assert rollup_sums(engine)["calls"] == 60


def test_nul_characters_are_removed_from_columns(engine: sa.Engine) -> None:
    odd = sample(1, name="a\x00b", gen_ai__request__model="m\x00", my__own="x\x00y", user__id="u" * 500)
    ingest(engine, export(odd, application="sh\x00op" + "p" * 300))
    with reading(engine) as connection:
        row = connection.execute(sa.select(span)).one()
        assert (row.name, row.model, len(row.application)) == ("ab", "m", 200)
        assert read_payloads(connection, row.trace_id)[row.span_id]["attributes"]["my.own"] == "x\x00y"


def test_failed_transaction_stores_nothing(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("genaiops_core.telemetry.ingest.ingest.rollups.write_cells", fail)
    with pytest.raises(RuntimeError, match="disk on fire"):
        ingest(engine, export(*trace()))
    assert everything(engine) == {"span": [], "request": [], "rollup_minute": []}


def test_insert_spans_returns_exactly_the_new_spans(engine: sa.Engine) -> None:
    from genaiops_core.telemetry.spans import prepare_spans

    spans = prepare_spans(export(*[call(n) for n in range(1, 5)])).spans
    with writing(engine) as connection:
        assert span_store.insert_spans(connection, []) == []
        assert [s.span_id for s in span_store.insert_spans(connection, spans[1:2])] == [f"{2:016x}"]
        assert [
            int(s.span_id, 16)
            for s in span_store.insert_spans(connection, span_store.sort_distinct(spans[::-1]))
        ] == [1, 3, 4]


def test_feedback_needs_a_rating_and_a_trace(engine: sa.Engine) -> None:
    record_feedback(engine, trace_id="AB" * 16, user_id="u", thumb="down", comment="wrong\x00")
    for wrong in ({"trace_id": "ab", "rating": 1.0}, {"trace_id": "ab" * 16}):
        with pytest.raises(BadInput):
            record_feedback(engine, **wrong)  # type: ignore[arg-type]


def test_sample_day_of_traffic_is_summed_exactly(engine: sa.Engine) -> None:
    """Every file twice, shuffled: calls, errors, tokens and money equal the truth by model."""
    day = replay.load()
    price(engine, day.prices)
    bodies = day.bodies * 2
    random.Random(5).shuffle(bodies)
    for sent in bodies:
        ingest(engine, decode_json(sent))
    for table, calls, errors in (
        (span, sa.func.count(), sa.func.sum(sa.cast(span.c.is_error, sa.Integer))),
        (rollup_minute, sa.func.sum(rollup_minute.c.calls), sa.func.sum(rollup_minute.c.call_errors)),
    ):
        sums = [sa.func.sum(table.c[name]) for name in ("input_tokens", "output_tokens", "cost_nano_usd")]
        with reading(engine) as connection:
            rows = connection.execute(
                sa.select(table.c.model, calls, errors, *sums).group_by(table.c.model)
            ).all()
        assert len(rows) == len(day.truth) - 1
        for model, *values in rows:
            truth = day.truth[model]
            cost = int(Decimal(truth["cost_usd"]) * 10**9)
            tokens = [truth["input_tokens"], truth["output_tokens"]]
            expected = [truth["calls"], truth["errors"], *tokens, cost]
            assert [int(value or 0) for value in values] == expected, (table.name, model)


def test_every_change_marks_its_hour(engine: sa.Engine) -> None:
    for n in range(1, 4):
        ingest(engine, export(call(n)))
    with reading(engine) as connection:
        assert connection.execute(sa.select(dirty_hour.c.marks)).scalars().all() == [3]


def test_first_seen_is_now_and_demo_is_marked(engine: sa.Engine) -> None:
    ingest(engine, export(call(1)), is_demo=True)
    ingest(engine, export(call(2)))
    with reading(engine) as connection:
        row = connection.execute(sa.select(application)).one()
        assert row.is_demo
        assert abs(dt.datetime.now(dt.UTC) - row.first_seen_at) < dt.timedelta(minutes=1)


def test_removed_application_is_registered_by_next_span(engine: sa.Engine) -> None:
    from genaiops_core.telemetry.ingest.ingest import Ingestor
    from genaiops_core.telemetry.spans import prepare_spans

    ingestor = Ingestor()
    ingestor.write(engine, [prepare_spans(export(call(1)))])
    with writing(engine) as connection:
        connection.execute(application.delete())
    ingestor.write(engine, [prepare_spans(export(call(2)))])
    with reading(engine) as connection:
        assert connection.execute(sa.select(application.c.application)).scalars().all() == ["shop"]


def test_demo_attribute_registers_a_demo_application(engine: sa.Engine) -> None:
    ingest(engine, export(call(1), genaiops__demo="true"), export(call(2), application="real"))
    ingest(engine, export(call(3), application="real", genaiops__demo="true"))  # known as real already
    with reading(engine) as connection:
        rows = connection.execute(sa.select(application.c.application, application.c.is_demo)).all()
    assert {tuple(row) for row in rows} == {("shop", True), ("real", False)}
