"""The search language: what it reads, how it prints, and that nonsense is refused in a sentence."""

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


def test_the_example_of_the_reference() -> None:
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
def test_how_it_prints(text: str, printed: str) -> None:
    query = parse(text)
    assert str(query) == printed
    assert parse(printed) == query


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_searches(example: str) -> None:
    assert parse(str(parse(example))) == parse(example)


@pytest.mark.parametrize(
    ("text", "place", "said"),
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
def test_nonsense_is_refused_with_its_place(text: str, place: int, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(text)
    assert f"character {place}:" in str(refused.value)
    assert said in str(refused.value)


def test_endless_and_unwritable_texts_are_refused() -> None:
    for text in ("a" * (MAX_LENGTH + 1), "a\x00b", "a\ud800"):
        with pytest.raises(BadInput):
            parse(text)


PRINTABLE = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=12
)
WORDS = PRINTABLE.map(str.strip).filter(bool)
NUMBER_FIELDS = ("latency", "cost", "tokens", "input_tokens", "output_tokens", "calls", "spans")


def plain(number: Decimal) -> Decimal:
    return Decimal(f"{number.normalize():f}") if number else Decimal(0)


def numbers(field: str) -> st.SearchStrategy[Decimal]:
    places = {"latency": 6, "cost": 9, "score": 6}.get(field, 0)
    least = -1000 if field == "score" else 0
    return st.decimals(least, 100_000, places=places, allow_nan=False, allow_infinity=False).map(plain)


COMPARISONS = st.sampled_from((*NUMBER_FIELDS, "score")).flatmap(
    lambda field: st.builds(
        Compare,
        st.just(field),
        st.sampled_from(("<", "<=", ">", ">=", "=")),
        numbers(field),
        st.just("faithfulness" if field == "score" else ""),
    )
)
MATCHES = st.one_of(
    st.builds(
        Match,
        st.sampled_from(("application", "environment", "release", "user", "session", "trace", "component")),
        st.lists(st.one_of(st.just(""), PRINTABLE), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(Match, st.sampled_from(("model", "name", "tool")), st.tuples(PRINTABLE), st.booleans()),
    st.builds(Match, st.just("status"), st.tuples(st.sampled_from(("ok", "error")))),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    st.one_of(st.builds(Text, WORDS), MATCHES, COMPARISONS),
    lambda inner: st.one_of(
        inner.map(negate),
        st.lists(inner, min_size=2, max_size=3).map(all_of),
        st.lists(inner, min_size=2, max_size=3).map(any_of),
    ),
    max_leaves=12,
)


@given(NODES)
def test_what_is_printed_reads_back_as_itself(node: Node) -> None:
    assert parse(str(Query(node))) == Query(node)


TOKENS = st.sampled_from(
    ["(", ")", "-", "OR", "AND", "NOT", '"', "\\", ",", "*", " ", "a", "é", "3s", "0.5", "$"]
    + [f"{field}{operator}" for field in FIELDS for operator in (":", "<", ">=", "=")]
    + ["score(x)<", "score(", "status:error", "\x00", "\ud800", "١"]
)


@given(st.one_of(st.text(max_size=60), st.lists(TOKENS, max_size=30).map("".join)))
def test_any_text_is_a_search_or_bad_input(text: str) -> None:
    try:
        query = parse(text)
    except BadInput as refused:
        assert str(refused)
        return
    assert parse(str(query)) == query


def test_trees_are_flat() -> None:
    a, b, c = Text("a"), Text("b"), Text("c")
    assert all_of([all_of([a, b]), c]) == All((a, b, c))
    assert any_of([any_of([a, b]), c]) == Any((a, b, c))
    assert negate(negate(a)) == a
