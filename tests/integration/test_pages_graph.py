"""Layout of the service map from left to right."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from pages.parts.charts import graph

NAMES = "abcdefg"


def test_node_is_right_of_all_its_callers() -> None:
    edges = [("app", "search"), ("search", "model"), ("app", "model")]
    assert graph.arrange_layers(["app", "model", "search"], edges) == [["app"], ["search"], ["model"]]


def test_nodes_follow_the_order_of_their_callers() -> None:
    edges = [("a", "x"), ("b", "y")]
    assert graph.arrange_layers(["a", "b", "y", "x"], edges) == [["a", "b"], ["x", "y"]]


def test_cycle_is_cut_where_it_closes() -> None:
    assert graph.arrange_layers(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a")]) == [
        ["a"],
        ["b"],
        ["c"],
    ]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=30))
def test_every_node_is_placed_once(edges: list[tuple[str, str]]) -> None:
    placed = [name for column in graph.arrange_layers(list(NAMES), edges) for name in column]
    assert sorted(placed) == sorted(NAMES)


def test_names_are_text_in_the_figure() -> None:
    node = graph.Node(key="n", label="<b>x</b>", calls=1, state="none", hover="<i>y</i>")
    figure = graph.build_figure([node], [])
    assert "&lt;b&gt;" in str(figure.data[-3].text) and "&lt;i&gt;" in str(figure.data[-3].customdata)
