"""Spans as a tree, also with missing, duplicate or circular parents; own times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.telemetry.traces.tree import Node, Place, arrange_spans, measure_own_time_ns


def node(
    span_id: str, parent: str = "", start: int = 0, duration: int = 10, application: str = "shop"
) -> Node:
    return Node(
        application=application, span_id=span_id, parent_span_id=parent, start_ns=start, duration_ns=duration
    )


def shape(nodes: list[Node]) -> list[tuple[str, int]]:
    return [(nodes[place.index].span_id, place.depth) for place in arrange_spans(nodes)]


def test_children_follow_their_parent_by_start() -> None:
    nodes = [node("late", "root", 5), node("leaf", "early", 2), node("early", "root", 1), node("root")]
    assert shape(nodes) == [("root", 0), ("early", 1), ("leaf", 2), ("late", 1)]


def test_span_with_missing_parent_is_a_root() -> None:
    assert shape([node("root"), node("orphan", "missing", 3)]) == [("root", 0), ("orphan", 0)]


def test_spans_with_circular_parents_all_appear() -> None:
    assert shape([node("a", "b", 1), node("b", "a", 2), node("self", "self", 3)]) == [
        ("self", 0),
        ("a", 0),
        ("b", 1),
    ]


def test_child_belongs_to_the_parent_of_its_application() -> None:
    nodes = [node("x"), node("x", application="desk"), node("y", "x", 1, application="desk")]
    assert arrange_spans(nodes)[-1] == Place(index=2, depth=1, parent=1)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdefg "), st.integers(0, 9)), max_size=12
    )
)
def test_every_span_has_exactly_one_position(spans: list[tuple[str, str, int]]) -> None:
    nodes = [node(span_id, parent.strip(), start) for span_id, parent, start in spans]
    places = arrange_spans(nodes)
    assert sorted(place.index for place in places) == list(range(len(nodes)))
    assert all(own >= 0 for own in measure_own_time_ns(nodes, places))


def test_own_time_excludes_overlapping_children_once() -> None:
    # 0..100 with children 10..40, 30..60 (10 shared) and 90..130 (30 beyond the end): 100 - 50 - 10 = 40.
    nodes = [node("r", "", 0, 100), node("a", "r", 10, 30), node("b", "r", 30, 30), node("c", "r", 90, 40)]
    assert measure_own_time_ns(nodes, arrange_spans(nodes)) == [40, 30, 30, 40]
