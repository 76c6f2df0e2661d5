"""Hypothesis strategies for search queries."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from genaiops_core.telemetry.search.query import Compare, Match, Node, Text, all_of, any_of, negate

PRINTABLE = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=12
)
WORDS = PRINTABLE.map(str.strip).filter(bool)
NUMBER_FIELDS = ("latency", "cost", "tokens", "input_tokens", "output_tokens", "calls", "spans")


def canonical(number: Decimal) -> Decimal:
    return Decimal(f"{number.normalize():f}") if number else Decimal(0)


def draw_numbers(field: str) -> st.SearchStrategy[Decimal]:
    places = {"latency": 6, "cost": 9, "score": 6}.get(field, 0)
    minimum = -1000 if field == "score" else 0
    return st.decimals(minimum, 100_000, places=places, allow_nan=False, allow_infinity=False).map(canonical)


COMPARISONS = st.sampled_from((*NUMBER_FIELDS, "score")).flatmap(
    lambda field: st.builds(
        Compare,
        st.just(field),
        st.sampled_from(("<", "<=", ">", ">=", "=")),
        draw_numbers(field),
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
