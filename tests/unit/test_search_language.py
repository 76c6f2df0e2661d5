"""The search language: parsing, canonical text and error messages."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.search.language import EXAMPLES, FIELDS, MAX_LENGTH, parse
from genaiops_core.telemetry.search.query import (
    All,
    Any,
    Compare,
    Match,
    Node,
    Not,
    Query,
    Text,
    all_of,
    any_of,
    negate,
)
from tests.search_queries import NODES


def test_example_of_the_reference_is_parsed() -> None:
    text = (
        "app:support-agent status:error latency>3s cost>=0.05 score(faithfulness)<0.7"
        ' user:u-17 "refund policy" -model:nova'
    )
    assert parse(text).conditions == (
        Match("application", ("support-agent",)),
        Match("status", ("error",)),
        Compare("latency", ">", Decimal(3000)),
        Compare("cost", ">=", Decimal("0.05")),
        Compare("score", "<", Decimal("0.7"), "faithfulness"),
        Match("user", ("u-17",)),
        Text("refund policy"),
        Not(Match("model", ("nova",))),
    )


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("", ""),
        ("   ", ""),
        ("refund", "refund"),
        ('"refund"', "refund"),
        ("text:refund", "refund"),
        ('text:"a \\"b\\" \\\\"', '"a \\"b\\" \\\\"'),
        ("latency>1.5s", "latency>1500ms"),
        ("latency<=250", "latency<=250ms"),
        ("cost>$0.10", "cost>0.1"),
        ("tokens>=10k", "tokens>=10000"),
        ("spans:3", "spans=3"),
        ("score(a.b-c)>-0.5", "score(a.b-c)>-0.5"),
        ("STATUS:Error,OK", "status:error,ok"),
        ('user:""', 'user:""'),
        ('user:"a b",c', 'user:"a b",c'),
        ("model=nova", "model=nova"),
        ("user=ann", "user:ann"),
        ("a AND b", "a b"),
        ("a OR b c", "a OR b c"),
        ("(a OR b) c", "(a OR b) c"),
        ("((a))", "a"),
        ("-(a b)", "-(a b)"),
        ("NOT -a", "a"),
        ("a (b c)", "a b c"),
        ('"OR"', '"OR"'),
        ("trace:ab*", "trace:ab*"),
    ],
)
def test_canonical_text_of_a_search(text: str, printed: str) -> None:
    query = parse(text)
    assert str(query) == printed
    assert parse(printed) == query


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_valid_searches(example: str) -> None:
    assert parse(str(parse(example))) == parse(example)


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("colour:red", 1, "use application, environment"),
        ("ok http://x", 4, "quote it"),
        ("status:sad", 8, "ok, error, incomplete"),
        ("latency>", 9, "a value is missing"),
        ("latency>fast", 9, "needs a number (ms"),
        ("latency>3parsec", 9, "ms, us, s"),
        ("latency>3s,4s", 11, "space"),
        ("cost>-1", 6, "needs a number"),
        ("cost>0.00000000001", 6, "precision of 'cost'"),
        ("tokens>99999999999999m", 8, "out of the range"),
        ("score<0.7", 1, "score(faithfulness)"),
        ("score()<0.7", 1, "score(faithfulness)"),
        ("user(x):1", 1, "only score(metric)"),
        ("name>b", 1, "cannot be compared"),
        ('"refund', 1, "is not closed"),
        ('a "  "', 3, "are empty"),
        ("a OR", 5, "missing"),
        ("OR a", 1, "missing"),
        ("a AND OR b", 7, "missing"),
        ("(a", 3, ") is missing"),
        ("a)", 2, "no matching ("),
        ("()", 2, "missing"),
        ("- a", 2, "missing"),
        ("(" * 30 + "a", 22, "nested"),
        ("a " * 60, 101, "more than 50"),
    ],
)
def test_invalid_search_is_refused_with_its_position(text: str, position: int, problem: str) -> None:
    with pytest.raises(BadInput) as error:
        parse(text)
    assert f"character {position}:" in str(error.value)
    assert problem in str(error.value)


def test_too_long_and_invalid_texts_are_refused() -> None:
    for text in ("a" * (MAX_LENGTH + 1), "a\x00b", "a\ud800"):
        with pytest.raises(BadInput):
            parse(text)


@given(NODES)
def test_canonical_text_parses_to_the_same_query(node: Node) -> None:
    assert parse(str(Query(node))) == Query(node)


TOKENS = st.sampled_from(
    ["(", ")", "-", "OR", "AND", "NOT", '"', "\\", ",", "*", " ", "a", "é", "3s", "0.5", "$"]
    + [f"{field}{operator}" for field in FIELDS for operator in (":", "<", ">=", "=")]
    + ["score(x)<", "score(", "status:error", "\x00", "\ud800", "١"]
)


@given(st.one_of(st.text(max_size=60), st.lists(TOKENS, max_size=30).map("".join)))
def test_any_text_is_a_valid_search_or_bad_input(text: str) -> None:
    try:
        query = parse(text)
    except BadInput as error:
        assert str(error)
        return
    assert parse(str(query)) == query


def test_trees_are_flat() -> None:
    a, b, c = Text("a"), Text("b"), Text("c")
    assert all_of([all_of([a, b]), c]) == All((a, b, c))
    assert any_of([any_of([a, b]), c]) == Any((a, b, c))
    assert negate(negate(a)) == a
