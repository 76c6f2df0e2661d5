"""The service map: nodes, dependencies, figures, and sampling of large windows."""

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


def request_spans(number: int, *, fails: bool = False) -> list[dict[str, object]]:
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


def read_map(engine: sa.Engine, filters: Filters = SHOP) -> ServiceMap:
    with reading(engine) as connection:
        return service_map.read_service_map(connection, filters)


def test_map_has_components_and_dependencies(engine: sa.Engine) -> None:
    spans = [
        request_span for number in range(1, 5) for request_span in request_spans(number, fails=number == 1)
    ]
    ingest(engine, decode_json(body(*spans)))
    graph = read_map(engine)
    model = "generation:anthropic.claude-haiku-4-5-20251001-v1:0"
    assert [(node.key, node.calls, node.errors) for node in graph.nodes] == [
        (model, 8, 0),
        ("chain:answer *", 4, 0),
        ("tool:search", 4, 1),
    ]
    assert [(edge.source, edge.target, edge.calls, edge.errors) for edge in graph.edges] == [
        ("chain:answer *", model, 4, 0),
        ("chain:answer *", "tool:search", 4, 1),
        ("tool:search", model, 4, 0),
    ]
    assert (
        graph.requests,
        graph.sampled_requests,
        graph.sampled_spans,
        graph.rate,
    ) == (4, 4, 16, 1.0)
    assert not graph.is_sampled
    assert [(node.name, node.p95_ms) for node in graph.slowest] == [
        ("search", 2000.0),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", 1000.0),
    ]
    assert [(node.name, node.error_rate) for node in graph.failing] == [("search", 0.25)]
    assert [node.key for node in graph.most_expensive] == [model]
    assert graph.most_expensive[0].cost_share == 1.0


def test_another_application_is_one_node(engine: sa.Engine) -> None:
    ingest(engine, decode_json(body(span(1, name="answer"), span(9, trace=1, parent=8, name="back"))))
    ingest(
        engine,
        decode_json(
            body(span(7, parent=1, name="ask"), span(8, parent=7, name="inside"), application="desk")
        ),
    )
    graph = read_map(engine)
    assert [(edge.source, edge.target) for edge in graph.edges] == [
        ("application:desk", "other:back"),
        ("other:answer", "application:desk"),
    ]
    assert {node.key: node.calls for node in graph.nodes} == {
        "other:answer": 1,
        "other:back": 1,
        "application:desk": 2,
    }


def test_window_with_too_many_spans_is_sampled(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_map, "MAX_SPANS", 400)
    spans = [request_span for number in range(1, 501) for request_span in request_spans(number)]
    ingest(engine, decode_json(body(*spans)))
    graph = read_map(engine)
    assert graph.requests == 500
    assert graph.is_sampled
    assert graph.sampled_spans <= 400
    assert 60 <= graph.sampled_requests <= 100
    assert graph.rate == graph.sampled_requests / 500
    assert {node.key.partition(":")[0] for node in graph.nodes} == {"chain", "tool", "generation"}


def test_giant_trace_does_not_dominate_the_map(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_map, "MAX_SPANS_PER_TRACE", 5)
    giant = [span(number, trace=1, parent=1 if number > 1 else None, name="loop") for number in range(1, 50)]
    ingest(engine, decode_json(body(*giant, *request_spans(2))))
    assert read_map(engine).sampled_spans == 9


def test_rare_names_are_combined_into_one_node(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_map, "MAX_NODES", 2)
    spans = [span(number, trace=number, name=name) for number, name in enumerate("aaabbcd", 1)]
    ingest(engine, decode_json(body(*spans)))
    assert {node.key: node.calls for node in read_map(engine).nodes} == {
        "other:a": 3,
        "other:b": 2,
        "other:other": 2,
    }


def test_empty_window_gives_an_empty_map(engine: sa.Engine) -> None:
    graph = read_map(engine)
    assert (graph.nodes, graph.edges, graph.requests, graph.rate) == ((), (), 0, 1.0)


@pytest.mark.parametrize(
    ("build_name", "name"),
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
def test_node_names_have_no_ids_or_numbers(build_name: Callable[[], str], name: str) -> None:
    assert build_name() == name


def test_sampled_requests_match_the_rate(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_map, "MAX_SPANS", 300)
    ingest(engine, decode_json(body(*[span(1, trace=number, name="a") for number in range(1, 2001)])))
    with reading(engine) as connection:
        total = connection.scalar(sa.select(sa.func.count()).select_from(request))
    graph = read_map(engine)
    # 300 of 2,000 expected; the hash spreads consecutive rows evenly.
    assert total == 2000
    assert 250 <= graph.sampled_requests <= 300
