"""Placing the service map: from left to right, whatever calls whatever."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from pages.parts.charts import graph

NAMES = "abcdefg"


def test_each_stands_right_of_all_that_call_it() -> None:
    edges = [("app", "search"), ("search", "model"), ("app", "model")]
    assert graph.layers(["app", "model", "search"], edges) == [["app"], ["search"], ["model"]]


def test_lines_cross_as_little_as_their_callers_allow() -> None:
    edges = [("a", "x"), ("b", "y")]
    assert graph.layers(["a", "b", "y", "x"], edges) == [["a", "b"], ["x", "y"]]


def test_a_circle_is_cut_where_it_closes() -> None:
    assert graph.layers(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a")]) == [["a"], ["b"], ["c"]]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=30))
def test_every_node_is_placed_once(edges: list[tuple[str, str]]) -> None:
    placed = [name for column in graph.layers(list(NAMES), edges) for name in column]
    assert sorted(placed) == sorted(NAMES)


def test_names_are_text_in_the_figure() -> None:
    node = graph.Node(key="n", label="<b>x</b>", calls=1, state="none", hover="<i>y</i>")
    drawn = graph.figure([node], [])
    assert "&lt;b&gt;" in str(drawn.data[-3].text) and "&lt;i&gt;" in str(drawn.data[-3].customdata)
