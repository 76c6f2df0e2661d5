"""Which spans tell of the same call: the rule of docs/design/counted-once.md, case by case."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.telemetry.ingest.deduplication import find_duplicates

S = 1_000_000_000


@dataclass(kw_only=True)
class Span:
    span_id: str
    parent_span_id: str = ""
    component: str = "generation"
    start_ns: int = 0
    duration_ns: int = 10 * S
    is_call: bool = True
    folded_into: str = ""
    is_error: bool = False
    model: str = "m"
    call_id: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_nano_usd: int | None = 1


def build_call(
    span_id: str, parent: str = "", usage: tuple[int | None, int | None] = (100, 10), **more: object
) -> Span:
    return Span(
        span_id=span_id,
        parent_span_id=parent,
        input_tokens=usage[0],
        output_tokens=usage[1],
        **more,  # type: ignore[arg-type]
    )


def build_other(span_id: str, parent: str, component: str) -> Span:
    return Span(span_id=span_id, parent_span_id=parent, component=component, is_call=False)


def build_failed_call(span_id: str, parent: str = "", **more: object) -> Span:
    return build_call(span_id, parent, (None, None), is_error=True, cost_nano_usd=None, **more)


def find_counted(*spans: Span) -> list[str]:
    results = [find_duplicates(list(order)) for order in (spans, spans[::-1])]
    assert results[0] == results[1]
    return sorted(span_id for span_id, target in results[0].items() if not target)


def test_inner_model_span_with_equal_usage_is_counted() -> None:
    assert find_counted(build_call("a"), build_other("x", "a", "other"), build_call("b", "x")) == ["b"]
    assert find_duplicates([build_call("a"), build_call("b", "a"), build_call("c", "b")]) == {
        "a": "c",
        "b": "c",
        "c": "",
    }


def test_roll_up_counts_only_without_usage_below() -> None:
    agent = build_call("a", usage=(500, 50), component="agent")
    assert find_counted(agent) == ["a"]
    assert find_counted(agent, build_other("x", "a", "tool"), build_failed_call("f", "x")) == ["a", "f"]
    assert find_counted(
        agent, build_other("x", "a", "chain"), build_call("b", "x"), build_call("c", "a")
    ) == ["b", "c"]
    assert find_duplicates([agent, build_call("b", "a"), build_call("c", "a", start_ns=1)])["a"] == "b"


def test_parallel_and_repeated_calls_all_count() -> None:
    assert find_counted(build_call("a"), build_call("b", "a"), build_call("c", "a", start_ns=S)) == ["b", "c"]
    # What the caller got is the last attempt.
    assert (
        find_duplicates([build_call("a"), build_call("b", "a"), build_call("c", "a", start_ns=S)])["a"] == "c"
    )


def test_model_span_with_sum_of_inner_calls_is_a_roll_up() -> None:
    outer = build_call("a", usage=(300, 30))
    inner = [build_call("b", "a"), build_call("c", "a", (200, 20), start_ns=S)]
    assert find_counted(outer, *inner) == ["b", "c"]
    assert find_counted(build_call("a", usage=(320, 90)), *inner) == ["a", "b", "c"]


def test_call_below_a_tool_counts_even_with_equal_usage() -> None:
    assert find_counted(build_call("a"), build_other("t", "a", "tool"), build_call("b", "t")) == ["a", "b"]
    assert find_counted(build_call("a"), build_other("t", "a", "agent"), build_call("b", "t")) == ["b"]
    assert find_counted(build_call("a"), build_other("t", "a", "agent"), build_call("b", "t", (101, 10))) == [
        "a",
        "b",
    ]


def test_cached_tokens_may_be_included_or_separate() -> None:
    apart = {"cache_read_tokens": 900}
    assert find_counted(build_call("a", usage=(100, 10)), build_call("b", "a", (1000, 10), **apart)) == ["b"]
    # The one that knows of the cache is the better informed.
    assert find_counted(build_call("a", usage=(1000, 10), **apart), build_call("b", "a", (100, 10))) == ["a"]


def test_similar_usage_is_one_call_if_model_and_time_agree() -> None:
    assert find_counted(build_call("a", usage=(100, 10)), build_call("b", "a", (100, 70))) == ["b"]
    assert find_counted(build_call("a", usage=(103, 11)), build_call("b", "a", (100, 10))) == ["b"]
    assert find_counted(build_call("a", usage=(100, 10)), build_call("b", "a", (500, 70))) == ["a", "b"]
    assert find_counted(build_call("a", usage=(100, 10)), build_call("b", "a", (100, 70), model="n")) == [
        "a",
        "b",
    ]
    assert find_counted(build_call("a"), build_call("b", "a", (100, 70), model="eu.vendor.m-2024-08-06")) == [
        "b"
    ]
    assert find_counted(build_call("a"), build_call("b", "a", (100, 70), model="m-mini")) == ["a", "b"]
    assert find_counted(build_call("a"), build_call("b", "a", (100, 70), duration_ns=S)) == ["a", "b"]


def test_better_informed_span_is_counted() -> None:
    bare = {"model": "", "cost_nano_usd": None}
    assert find_duplicates([build_call("a"), build_call("b", "a", **bare)]) == {"a": "", "b": "a"}
    assert find_duplicates([build_call("a"), build_call("b", "a", (100, None), cost_nano_usd=None)]) == {
        "a": "",
        "b": "a",
    }
    agent = build_call("a", component="agent")
    assert find_duplicates([agent, build_call("b", "a", **bare)]) == {"a": "", "b": "a"}
    assert find_counted(build_call("a"), build_call("b", "a", duration_ns=-1)) == ["a"]


def test_failure_counts_once_and_its_wrapper_does_not() -> None:
    assert find_counted(build_failed_call("a"), build_failed_call("b", "a")) == ["b"]
    assert find_counted(build_failed_call("a"), build_call("b", "a")) == ["b"]
    assert find_counted(
        build_failed_call("a"), build_failed_call("b", "a"), build_failed_call("c", "a", start_ns=S)
    ) == ["b", "c"]
    assert find_counted(build_call("a"), build_failed_call("b", "a"), build_call("c", "a", start_ns=S)) == [
        "b",
        "c",
    ]
    assert find_counted(build_call("a"), build_failed_call("b", "a")) == ["a", "b"]
    assert find_counted(build_failed_call("a"), build_call("b", "a", component="embedding")) == ["a", "b"]


def test_spans_with_the_same_call_id_are_one_call() -> None:
    side_by_side = [build_call("a", call_id="r1"), build_call("b", call_id="r1", start_ns=S, usage=(90, 10))]
    assert find_counted(*side_by_side) == ["b"]
    assert find_counted(build_call("a", call_id="r1"), build_call("b", call_id="r2")) == ["a", "b"]
    # One id for calls one after the other is no id.
    assert find_counted(build_call("a", call_id="r1"), build_call("b", call_id="r1", start_ns=20 * S)) == [
        "a",
        "b",
    ]
    # An agent gives the id of its last call as its own.
    agent = build_call("a", usage=(300, 30), component="agent", call_id="r2")
    calls = [build_call("b", "a", call_id="r1"), build_call("c", "a", (200, 20), call_id="r2")]
    assert find_counted(agent, *calls) == ["b", "c"]


def test_parent_cycles_and_absent_parents_are_tolerated() -> None:
    assert len(find_counted(build_call("a", "b"), build_call("b", "a"))) == 1
    assert find_counted(build_call("a", "a"), build_call("b", "gone")) == ["a", "b"]


def test_deep_trace_is_deduplicated_quickly() -> None:
    spans = [build_call("0")] + [build_call(str(n), str(n - 1), start_ns=n) for n in range(1, 3000)]
    duplicates = find_duplicates(spans)
    assert duplicates["2999"] == "" and sum(target == "" for target in duplicates.values()) < 60


@given(st.data())
def test_every_duplicate_names_a_counted_span(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 12))
    kinds = st.sampled_from(("generation", "generation", "agent", "tool", "embedding", "other"))
    usage = st.sampled_from((None, 10, 20, 30))
    spans = [
        build_call(
            str(number),
            str(data.draw(st.integers(0, size))),
            (data.draw(usage), data.draw(usage)),
            component=data.draw(kinds),
            call_id=data.draw(st.sampled_from(("", "", "r"))),
            start_ns=data.draw(st.integers(0, 2)) * S,
        )
        for number in range(size)
    ]
    duplicates = find_duplicates(spans)
    assert duplicates.keys() == {span.span_id for span in spans}
    assert all(duplicates[target] == "" for target in duplicates.values() if target)
    assert any(target == "" for target in duplicates.values())
    random.Random(0).shuffle(spans)
    assert find_duplicates(spans) == duplicates


def test_different_ids_of_one_kind_are_different_calls() -> None:
    same_usage = [build_call("a", call_id="chatcmpl-1"), build_call("b", "a", call_id="chatcmpl-2")]
    assert find_counted(*same_usage) == ["a", "b"]
    assert find_counted(build_call("a", call_id="run-1"), build_call("b", "a", call_id="chatcmpl-2")) == ["b"]
    first, second = "0e0a8a0e-7c1f-4f55-9d3b-0a4e9a3f1c11", "1e0a8a0e-7c1f-4f55-9d3b-0a4e9a3f1c12"
    assert find_counted(build_call("a", call_id=first), build_call("b", "a", call_id=second)) == ["a", "b"]
    assert find_counted(build_call("a", call_id=first), build_call("b", "a", call_id="msg_01")) == ["b"]


def test_call_without_usage_is_joined_or_counts() -> None:
    silent = {"usage": (None, None), "cost_nano_usd": None}
    assert find_counted(build_call("a", **silent)) == ["a"]
    assert find_counted(build_call("a", **silent), build_call("b", "a")) == ["b"]
    assert find_counted(build_call("a"), build_call("b", "a", **silent)) == ["a"]
    assert find_counted(build_call("a"), build_call("b", **silent)) == ["a", "b"]
    agent = build_call("a", usage=(500, 50), component="agent")
    assert find_counted(agent, build_call("b", "a", **silent), build_call("c", "a", **silent)) == ["a"]
    assert find_counted(agent, build_call("b", "a", **silent), build_call("c", "a")) == ["b", "c"]
