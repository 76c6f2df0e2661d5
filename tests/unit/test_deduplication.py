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


def teller(
    span_id: str, parent: str = "", usage: tuple[int | None, int | None] = (100, 10), **more: object
) -> Span:
    return Span(
        span_id=span_id,
        parent_span_id=parent,
        input_tokens=usage[0],
        output_tokens=usage[1],
        **more,  # type: ignore[arg-type]
    )


def other(span_id: str, parent: str, component: str) -> Span:
    return Span(span_id=span_id, parent_span_id=parent, component=component, is_call=False)


def failed(span_id: str, parent: str = "", **more: object) -> Span:
    return teller(span_id, parent, (None, None), is_error=True, cost_nano_usd=None, **more)


def counted(*spans: Span) -> list[str]:
    verdicts = [find_duplicates(list(order)) for order in (spans, spans[::-1])]
    assert verdicts[0] == verdicts[1]
    return sorted(span_id for span_id, into in verdicts[0].items() if not into)


def test_inner_model_span_with_equal_usage_is_counted() -> None:
    assert counted(teller("a"), other("x", "a", "other"), teller("b", "x")) == ["b"]
    assert find_duplicates([teller("a"), teller("b", "a"), teller("c", "b")]) == {"a": "c", "b": "c", "c": ""}


def test_roll_up_counts_only_without_usage_below() -> None:
    agent = teller("a", usage=(500, 50), component="agent")
    assert counted(agent) == ["a"]
    assert counted(agent, other("x", "a", "tool"), failed("f", "x")) == ["a", "f"]
    assert counted(agent, other("x", "a", "chain"), teller("b", "x"), teller("c", "a")) == ["b", "c"]
    assert find_duplicates([agent, teller("b", "a"), teller("c", "a", start_ns=1)])["a"] == "b"


def test_parallel_and_repeated_calls_all_count() -> None:
    assert counted(teller("a"), teller("b", "a"), teller("c", "a", start_ns=S)) == ["b", "c"]
    # What the caller got is the last attempt.
    assert find_duplicates([teller("a"), teller("b", "a"), teller("c", "a", start_ns=S)])["a"] == "c"


def test_model_span_with_sum_of_inner_calls_is_a_roll_up() -> None:
    outer = teller("a", usage=(300, 30))
    inner = [teller("b", "a"), teller("c", "a", (200, 20), start_ns=S)]
    assert counted(outer, *inner) == ["b", "c"]
    assert counted(teller("a", usage=(320, 90)), *inner) == ["a", "b", "c"]


def test_call_below_a_tool_counts_even_with_equal_usage() -> None:
    assert counted(teller("a"), other("t", "a", "tool"), teller("b", "t")) == ["a", "b"]
    assert counted(teller("a"), other("t", "a", "agent"), teller("b", "t")) == ["b"]
    assert counted(teller("a"), other("t", "a", "agent"), teller("b", "t", (101, 10))) == ["a", "b"]


def test_cached_tokens_may_be_included_or_separate() -> None:
    apart = {"cache_read_tokens": 900}
    assert counted(teller("a", usage=(100, 10)), teller("b", "a", (1000, 10), **apart)) == ["b"]
    # The one that knows of the cache is the better informed.
    assert counted(teller("a", usage=(1000, 10), **apart), teller("b", "a", (100, 10))) == ["a"]


def test_similar_usage_is_one_call_if_model_and_time_agree() -> None:
    assert counted(teller("a", usage=(100, 10)), teller("b", "a", (100, 70))) == ["b"]
    assert counted(teller("a", usage=(103, 11)), teller("b", "a", (100, 10))) == ["b"]
    assert counted(teller("a", usage=(100, 10)), teller("b", "a", (500, 70))) == ["a", "b"]
    assert counted(teller("a", usage=(100, 10)), teller("b", "a", (100, 70), model="n")) == ["a", "b"]
    assert counted(teller("a"), teller("b", "a", (100, 70), model="eu.vendor.m-2024-08-06")) == ["b"]
    assert counted(teller("a"), teller("b", "a", (100, 70), model="m-mini")) == ["a", "b"]
    assert counted(teller("a"), teller("b", "a", (100, 70), duration_ns=S)) == ["a", "b"]


def test_better_informed_span_is_counted() -> None:
    bare = {"model": "", "cost_nano_usd": None}
    assert find_duplicates([teller("a"), teller("b", "a", **bare)]) == {"a": "", "b": "a"}
    assert find_duplicates([teller("a"), teller("b", "a", (100, None), cost_nano_usd=None)]) == {"a": "", "b": "a"}
    agent = teller("a", component="agent")
    assert find_duplicates([agent, teller("b", "a", **bare)]) == {"a": "", "b": "a"}
    assert counted(teller("a"), teller("b", "a", duration_ns=-1)) == ["a"]


def test_failure_counts_once_and_its_wrapper_does_not() -> None:
    assert counted(failed("a"), failed("b", "a")) == ["b"]
    assert counted(failed("a"), teller("b", "a")) == ["b"]
    assert counted(failed("a"), failed("b", "a"), failed("c", "a", start_ns=S)) == ["b", "c"]
    assert counted(teller("a"), failed("b", "a"), teller("c", "a", start_ns=S)) == ["b", "c"]
    assert counted(teller("a"), failed("b", "a")) == ["a", "b"]
    assert counted(failed("a"), teller("b", "a", component="embedding")) == ["a", "b"]


def test_spans_with_the_same_call_id_are_one_call() -> None:
    side_by_side = [teller("a", call_id="r1"), teller("b", call_id="r1", start_ns=S, usage=(90, 10))]
    assert counted(*side_by_side) == ["b"]
    assert counted(teller("a", call_id="r1"), teller("b", call_id="r2")) == ["a", "b"]
    # One id for calls one after the other is no id.
    assert counted(teller("a", call_id="r1"), teller("b", call_id="r1", start_ns=20 * S)) == ["a", "b"]
    # An agent gives the id of its last call as its own.
    agent = teller("a", usage=(300, 30), component="agent", call_id="r2")
    calls = [teller("b", "a", call_id="r1"), teller("c", "a", (200, 20), call_id="r2")]
    assert counted(agent, *calls) == ["b", "c"]


def test_parent_cycles_and_absent_parents_are_tolerated() -> None:
    assert len(counted(teller("a", "b"), teller("b", "a"))) == 1
    assert counted(teller("a", "a"), teller("b", "gone")) == ["a", "b"]


def test_deep_trace_is_deduplicated_quickly() -> None:
    spans = [teller("0")] + [teller(str(n), str(n - 1), start_ns=n) for n in range(1, 3000)]
    verdict = find_duplicates(spans)
    assert verdict["2999"] == "" and sum(into == "" for into in verdict.values()) < 60


@given(st.data())
def test_every_duplicate_names_a_counted_span(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 12))
    kinds = st.sampled_from(("generation", "generation", "agent", "tool", "embedding", "other"))
    usage = st.sampled_from((None, 10, 20, 30))
    spans = [
        teller(
            str(number),
            str(data.draw(st.integers(0, size))),
            (data.draw(usage), data.draw(usage)),
            component=data.draw(kinds),
            call_id=data.draw(st.sampled_from(("", "", "r"))),
            start_ns=data.draw(st.integers(0, 2)) * S,
        )
        for number in range(size)
    ]
    verdict = find_duplicates(spans)
    assert verdict.keys() == {span.span_id for span in spans}
    assert all(verdict[into] == "" for into in verdict.values() if into)
    assert any(into == "" for into in verdict.values())
    random.Random(0).shuffle(spans)
    assert find_duplicates(spans) == verdict
