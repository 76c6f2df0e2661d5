"""Cases as people edit them in a grid: nothing is lost between a field and its text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.case_text import (
    format_contexts,
    format_metadata,
    parse_case,
    parse_contexts,
    parse_metadata,
)
from genaiops_core.evaluation.readers.encodings import replace_unstorable

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n []\"'"))


@given(st.none() | st.lists(TEXT, max_size=4).map(tuple))
def test_contexts_survive_formatting(contexts: tuple[str, ...] | None) -> None:
    assert parse_contexts(format_contexts(contexts)) == contexts


@given(st.dictionaries(TEXT, TEXT | st.integers(-9, 9) | st.none() | st.lists(TEXT, max_size=2), max_size=3))
def test_metadata_survives_formatting(metadata: dict[str, object]) -> None:
    text = {replace_unstorable(key): value for key, value in metadata.items()}
    assert parse_metadata(format_metadata(text)).keys() == text.keys()


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
def test_invalid_list_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="contexts"):
        parse_contexts(text)


def test_row_changes_only_its_fields() -> None:
    before = Case(input="Why?", answer="So", contexts=("a\n\nb",), metadata={"topic": "post"})
    changed = parse_case({"answer": "Thus", "reference": " "}, before)
    assert changed == Case(input="Why?", answer="Thus", contexts=("a\n\nb",), metadata={"topic": "post"})
    assert parse_case({"input": "Who?", "contexts": None}) == Case(input="Who?")
    with pytest.raises(BadInput, match="requires an input"):
        parse_case({"input": " "}, before)
    with pytest.raises(BadInput, match="JSON object"):
        parse_case({"metadata": "[1]"}, before)
