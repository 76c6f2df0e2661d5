"""Of spans with one id the most complete is stored and counted, whatever the order and the batches of arrival."""

from __future__ import annotations

import itertools
import json
import random
import threading
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from db.tables.telemetry import dirty_hour, payload, request, rollup_minute, span, usage_mark
from db.transaction import reading, writing
from genaiops_core.pricing.imports import import_prices, read_prices
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from tests.otlp_samples import SECOND_NS, T0_NS, body, call
from tests.otlp_samples import span as sample
from tests.payloads import read_payloads

Span = dict[str, Any]


@pytest.fixture(autouse=True)
def prices(engine: sa.Engine) -> None:
    listed = {"alpha": ["1.00", "2.56"], "beta": ["3", "4"]}
    import_prices(engine, actor="ann", prices=read_prices(json.dumps(listed).encode(), "p.json"), source="p")


def send(engine: sa.Engine, *spans: Span, application: str = "shop") -> int:
    return ingest(engine, decode_json(body(*spans, application=application))).new


def read_rows(engine: sa.Engine) -> dict[str, Any]:
    """Everything that is stored and counted, without surrogate ids and times of arrival."""
    with reading(engine) as connection:
        rows: dict[str, Any] = {
            table.name: sorted(
                (
                    tuple(row)
                    for row in connection.execute(
                        sa.select(*[c for c in table.c if c.name not in ("id", "open_since_ns")])
                    )
                ),
                key=repr,
            )
            for table in (span, request, rollup_minute)
        }
        rows["payloads"] = {
            (trace_id, name): read_payloads(connection, trace_id, name)
            for trace_id, name in connection.execute(sa.select(request.c.trace_id, request.c.application))
        }
        return rows


def clear(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for table in (span, request, payload, rollup_minute, dirty_hour, usage_mark):
            connection.execute(table.delete())


ROOT = sample(
    1, name="POST /ask", duration_ns=3 * SECOND_NS, user__id="ann", deployment__environment__name="prod"
)
CASES: dict[str, tuple[list[Span], list[Span]]] = {
    # The complete spans of the trace, and less complete copies of some of them.
    "call without usage": (
        [ROOT, call(2, parent=1)],
        [sample(2, parent=1, duration_ns=0, gen_ai__operation__name="chat", gen_ai__request__model="alpha")],
    ),
    "call that was no call yet": ([ROOT, call(2, parent=1)], [sample(2, parent=1, duration_ns=0)]),
    "usage that was still growing": (
        [ROOT, call(2, parent=1)],
        [
            call(2, parent=1, tokens=(1000, 7)),
            call(2, parent=1, tokens=(1000, 60), duration_ns=SECOND_NS // 2),
        ],
    ),
    "root that started": (
        [ROOT, call(2, parent=1)],
        [sample(1, name="POST /ask", duration_ns=0), sample(1, name="POST", duration_ns=0)],
    ),
    "root that failed in another minute": (
        [
            sample(
                1, error=True, duration_ns=90 * SECOND_NS, start_ns=T0_NS - 61 * SECOND_NS, session__id="s"
            ),
            call(2, parent=1),
        ],
        [sample(1, duration_ns=0)],
    ),
    "nested reports of one call": (
        [
            ROOT,
            sample(
                2,
                parent=1,
                gen_ai__operation__name="invoke_agent",
                gen_ai__usage__input_tokens=1000,
                gen_ai__usage__output_tokens=100,
            ),
            call(3, parent=2),
        ],
        [sample(2, parent=1, duration_ns=0), sample(3, parent=2, duration_ns=0)],
    ),
    "other model": (
        [ROOT, call(2, parent=1, model="beta", gen_ai__provider__name="openai")],
        [call(2, parent=1, model="alpha")],
    ),
    "content alone": (
        [ROOT, call(2, parent=1, gen_ai__input__messages='[{"role":"user","content":"Why?"}]')],
        [call(2, parent=1), call(2, parent=1, gen_ai__input__messages="[]")],
    ),
    "user and session": (
        [sample(1, session__id="s1", user__id="ann"), call(2, parent=1, session__id="s2")],
        [sample(1), sample(1, user__id="bob")],
    ),
    "parent that was unknown": ([ROOT, call(2, parent=1)], [call(2)]),
    "entry of a called service": (
        [call(7, parent=99, kind=2, flags=0x300), call(8, parent=7)],
        [sample(7, parent=99, duration_ns=0, kind=2, flags=0x300), sample(8, parent=7)],
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda name: name.replace(" ", "-"))
def test_most_complete_span_counts_in_any_order(engine: sa.Engine, case: str) -> None:
    complete, copies = CASES[case]
    send(engine, *complete)
    expected = read_rows(engine)
    everything = [*complete, *copies]
    for seed in range(8):
        clear(engine)
        order = random.Random(seed).sample(everything, len(everything))
        cuts = sorted(random.Random(seed).sample(range(1, len(order)), seed % len(order)))
        for first, last in itertools.pairwise([0, *cuts, len(order)]):
            send(engine, *order[first:last])
        assert read_rows(engine) == expected, (case, seed, cuts)
        # And a repetition of all of it changes nothing.
        assert send(engine, *everything) == 0
        assert read_rows(engine) == expected, (case, seed, "repeated")


def test_figures_move_with_the_span(engine: sa.Engine) -> None:
    started = sample(
        2, parent=1, duration_ns=0, gen_ai__operation__name="chat", gen_ai__request__model="alpha"
    )
    send(engine, ROOT, started)
    assert send(engine, call(2, parent=1)) == 0
    with reading(engine) as connection:
        row = connection.execute(sa.select(request)).one()
        sums = connection.execute(
            sa.select(
                *[sa.func.sum(rollup_minute.c[n]) for n in ("calls", "unpriced_calls", "cost_nano_usd")]
            )
        ).one()
    # 1,000 x 1.00 + 100 x 2.56 USD per million
    assert (row.spans, row.calls, row.unpriced_calls, row.cost_nano_usd) == (2, 1, 0, 1_256_000)
    assert tuple(map(int, sums)) == (1, 0, 1_256_000)


def test_random_variants_end_alike(engine: sa.Engine) -> None:
    """Many spans with random versions, in two orders: what is stored depends on the set alone."""
    randomness = random.Random(7)

    def vary(number: int) -> Span:
        parent = None if number == 1 else randomness.randrange(1, number)
        more: dict[str, Any] = {"parent": parent, "duration_ns": randomness.choice([0, 1, 2]) * SECOND_NS}
        more["start_ns"] = T0_NS + randomness.randrange(3) * 40 * SECOND_NS
        more["error"] = randomness.random() < 0.3
        if randomness.random() < 0.5:
            more["user__id"] = randomness.choice(["ann", "bob"])
        if randomness.random() < 0.6:
            return call(
                number,
                tokens=(randomness.randrange(3), 5),
                model=randomness.choice(["alpha", "gamma"]),
                **more,
            )
        return sample(number, **more)

    spans = [vary(number) for number in range(1, 9) for _ in range(3)]
    results = []
    for seed in range(6):
        clear(engine)
        order = random.Random(seed).sample(spans, len(spans))
        size = (1, 2, 5, 24, 3, 7)[seed]
        for first in range(0, len(order), size):
            send(engine, *order[first : first + size])
        results.append(read_rows(engine))
    for result in results[1:]:
        assert result == results[0]


def test_writers_of_the_same_spans_agree(engine: sa.Engine) -> None:
    """Two writers, one with started and one with finished spans of the same traces."""
    finished = [call(number, trace=number % 5 + 1, start_ns=T0_NS + number) for number in range(1, 41)]
    started = [
        sample(number, trace=number % 5 + 1, start_ns=T0_NS + number, duration_ns=0)
        for number in range(1, 41)
    ]
    failures: list[BaseException] = []

    def write(shard: int, spans: Sequence[Span]) -> None:
        try:
            for first in range(0, len(spans), 8):
                ingest(engine, decode_json(body(*spans[first : first + 8])), shard=shard)
        except BaseException as error:
            failures.append(error)

    orders = (finished, started[::-1], random.Random(3).sample(started + finished, 80))
    writers = [threading.Thread(target=write, args=(shard, spans)) for shard, spans in enumerate(orders, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    with reading(engine) as connection:
        sums = connection.execute(
            sa.select(sa.func.sum(rollup_minute.c.calls), sa.func.sum(rollup_minute.c.input_tokens))
        ).one()
        assert tuple(map(int, sums)) == (40, 40_000)
        assert connection.execute(sa.select(sa.func.sum(request.c.calls))).scalar() == 40
        assert (
            connection.execute(sa.select(sa.func.count()).select_from(span).where(span.c.is_call)).scalar()
            == 40
        )
