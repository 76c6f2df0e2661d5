"""The service map: nodes, dependencies, figures, and a sample that says it is one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from db.tables.telemetry import request
from db.transaction import reading
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.otlp.decode import decode_json
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import service_map
from genaiops_core.telemetry.traffic.component_names import name_node
from genaiops_core.telemetry.traffic.service_map import ServiceMap
from tests.otlp_samples import SECOND_NS, T0_NS, body, call, span

DAY = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
SHOP = Filters(start=DAY, end=DAY + dt.timedelta(days=1), application="shop")


def one_request(number: int, *, fails: bool = False) -> list[dict[str, object]]:
    at = {"trace": number, "start_ns": T0_NS + number * SECOND_NS}
    return [
        span(1, name=f"answer {number + 1000}", genaiops__component="chain", **at),
        span(
            2,
            parent=1,
            name="execute_tool search",
            gen_ai__operation__name="execute_tool",
            error=fails,
            duration_ns=2 * SECOND_NS,
            **at,
        ),
        call(3, parent=1, model="anthropic.claude-haiku-4-5-20251001-v1:0", **at),
        call(4, parent=2, model="anthropic.claude-haiku-4-5-20251001-v1:0", duration_ns=SECOND_NS // 2, **at),
    ]


def drawn(engine: sa.Engine, filters: Filters = SHOP) -> ServiceMap:
    with reading(engine) as connection:
        return service_map.read_service_map(connection, filters)


def test_components_and_their_dependencies(engine: sa.Engine) -> None:
    spans = [one for number in range(1, 5) for one in one_request(number, fails=number == 1)]
    ingest(engine, decode_json(body(*spans)))
    found = drawn(engine)
    model = "generation:anthropic.claude-haiku-4-5-20251001-v1:0"
    assert [(node.key, node.calls, node.errors) for node in found.nodes] == [
        (model, 8, 0),
        ("chain:answer *", 4, 0),
        ("tool:search", 4, 1),
    ]
    assert [(edge.source, edge.target, edge.calls, edge.errors) for edge in found.edges] == [
        ("chain:answer *", model, 4, 0),
        ("chain:answer *", "tool:search", 4, 1),
        ("tool:search", model, 4, 0),
    ]
    assert (found.requests, found.sampled_requests, found.sampled_spans, found.rate) == (4, 4, 16, 1.0)
    assert not found.is_sampled
    assert [(node.name, node.p95_ms) for node in found.slowest] == [
        ("search", 2000.0),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", 1000.0),
    ]
    assert [(node.name, node.error_rate) for node in found.failing] == [("search", 0.25)]
    assert [node.key for node in found.most_expensive] == [model]
    assert found.most_expensive[0].cost_share == 1.0


def test_another_application_is_one_node(engine: sa.Engine) -> None:
    ingest(engine, decode_json(body(span(1, name="answer"), span(9, trace=1, parent=8, name="back"))))
    ingest(
        engine,
        decode_json(
            body(span(7, parent=1, name="ask"), span(8, parent=7, name="inside"), application="desk")
        ),
    )
    found = drawn(engine)
    assert [(edge.source, edge.target) for edge in found.edges] == [
        ("application:desk", "other:back"),
        ("other:answer", "application:desk"),
    ]
    assert {node.key: node.calls for node in found.nodes} == {
        "other:answer": 1,
        "other:back": 1,
        "application:desk": 2,
    }


def test_a_window_with_too_many_spans_is_sampled_and_says_so(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_map, "MAX_SPANS", 400)
    spans = [one for number in range(1, 501) for one in one_request(number)]
    ingest(engine, decode_json(body(*spans)))
    found = drawn(engine)
    assert found.requests == 500
    assert found.is_sampled
    assert found.sampled_spans <= 400
    assert 60 <= found.sampled_requests <= 100
    assert found.rate == found.sampled_requests / 500
    assert {node.key.partition(":")[0] for node in found.nodes} == {"chain", "tool", "generation"}


def test_a_giant_trace_does_not_make_the_whole_map(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_map, "MAX_SPANS_PER_TRACE", 5)
    giant = [span(number, trace=1, parent=1 if number > 1 else None, name="loop") for number in range(1, 50)]
    ingest(engine, decode_json(body(*giant, *one_request(2))))
    assert drawn(engine).sampled_spans == 9


def test_rare_names_are_drawn_together(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_map, "MAX_NODES", 2)
    spans = [span(number, trace=number, name=name) for number, name in enumerate("aaabbcd", 1)]
    ingest(engine, decode_json(body(*spans)))
    assert {node.key: node.calls for node in drawn(engine).nodes} == {
        "other:a": 3,
        "other:b": 2,
        "other:other": 2,
    }


def test_an_empty_window_is_an_empty_map(engine: sa.Engine) -> None:
    found = drawn(engine)
    assert (found.nodes, found.edges, found.requests, found.rate) == ((), (), 0, 1.0)


@pytest.mark.parametrize(
    ("named", "name"),
    [
        (lambda: name_node("tool", "execute_tool search_orders", ""), "search_orders"),
        (lambda: name_node("generation", "chat", "nova"), "nova"),
        (lambda: name_node("generation", "chat", ""), "chat"),
        (lambda: name_node("other", "GET /orders/7/items", ""), "GET /orders/*/items"),
        (lambda: name_node("other", "job 0f8fad5b-d9cb-469f-a165-70867728950e", ""), "job *"),
        (lambda: name_node("other", "step 12", ""), "step 12"),
        (lambda: name_node("other", "s3 facade", ""), "s3 facade"),
        (lambda: name_node("other", "", ""), "other"),
    ],
)
def test_names_without_what_changes(named: Callable[[], str], name: str) -> None:
    assert named() == name


def test_the_rate_is_the_chance_of_every_request(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_map, "MAX_SPANS", 300)
    ingest(engine, decode_json(body(*[span(1, trace=number, name="a") for number in range(1, 2001)])))
    with reading(engine) as connection:
        total = connection.scalar(sa.select(sa.func.count()).select_from(request))
    found = drawn(engine)
    # 300 of 2,000 expected; the hash spreads consecutive rows evenly.
    assert total == 2000
    assert 250 <= found.sampled_requests <= 300
