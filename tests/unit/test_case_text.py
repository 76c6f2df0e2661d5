"""Cases as people edit them in a grid: nothing is lost between a field and its text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.case_text import (
    parse_case,
    parse_contexts,
    format_contexts,
    parse_metadata,
    format_metadata,
)
from genaiops_core.evaluation.readers.encodings import replace_unstorable

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n []\"'"))


@given(st.none() | st.lists(TEXT, max_size=4).map(tuple))
def test_contexts_come_back_as_they_were(contexts: tuple[str, ...] | None) -> None:
    assert parse_contexts(format_contexts(contexts)) == contexts


@given(st.dictionaries(TEXT, TEXT | st.integers(-9, 9) | st.none() | st.lists(TEXT, max_size=2), max_size=3))
def test_metadata_comes_back_as_it_was(metadata: dict[str, object]) -> None:
    kept = {replace_unstorable(key): value for key, value in metadata.items()}
    assert parse_metadata(format_metadata(kept)).keys() == kept.keys()


@pytest.mark.parametrize(
    ("text", "contexts"),
    [
        ("one\nmore\n\n two ", ("one\nmore", "two")),
        ('["one", "two"]', ("one", "two")),
        ("[1] A note\n\nand another", ("[1] A note", "and another")),
        ("[]", ()),
        ("  \n", None),
    ],
)
def test_contexts_are_paragraphs_or_a_json_list(text: str, contexts: tuple[str, ...] | None) -> None:
    assert parse_contexts(text) == contexts


@pytest.mark.parametrize("text", ['["one", two]', "[1, 2]"])
def test_a_list_that_is_none_says_how_to_mend_it(text: str) -> None:
    with pytest.raises(BadInput, match="contexts"):
        parse_contexts(text)


def test_a_row_changes_what_it_names_and_nothing_else() -> None:
    before = Case(input="Why?", answer="So", contexts=("a\n\nb",), metadata={"topic": "post"})
    changed = parse_case({"answer": "Thus", "reference": " "}, before)
    assert changed == Case(input="Why?", answer="Thus", contexts=("a\n\nb",), metadata={"topic": "post"})
    assert parse_case({"input": "Who?", "contexts": None}) == Case(input="Who?")
    with pytest.raises(BadInput, match="needs an input"):
        parse_case({"input": " "}, before)
    with pytest.raises(BadInput, match="JSON object"):
        parse_case({"metadata": "[1]"}, before)
