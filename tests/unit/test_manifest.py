"""What a release may be made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.releases import manifest


def test_prompt_references_keep_their_order() -> None:
    assert manifest.prompt_references(["system@3", "answer@v12", "me@home@1"]) == (
        ("system", 3),
        ("answer", 12),
        ("me@home", 1),
    )


@pytest.mark.parametrize(
    "reference", ["answer", "answer@", "@3", "answer@0", "answer@-1", "answer@latest", ""]
)
def test_a_prompt_without_version_is_refused(reference: str) -> None:
    with pytest.raises(BadInput, match="NAME@VERSION"):
        manifest.prompt_references([reference])


def test_a_prompt_named_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="'answer' occurs twice"):
        manifest.prompt_references(["answer@1", "answer@2"])


@pytest.mark.parametrize("value", ["", "  ", "a\nb", "a\0b", "x" * 201, "\ud800"])
def test_names_that_cannot_be_shown_are_refused(value: str) -> None:
    with pytest.raises(BadInput, match="release"):
        manifest.name(value, "release")


def test_a_name_loses_the_space_around_it() -> None:
    assert manifest.name("  v15 ", "release") == "v15"


def test_parameters_must_be_json() -> None:
    assert manifest.parameters({"top_k": 8, "stop": ["\n"]}) == {"top_k": 8, "stop": ["\n"]}
    with pytest.raises(BadInput, match="plain JSON"):
        manifest.parameters({"when": object()})
    with pytest.raises(BadInput, match="64000 bytes"):
        manifest.parameters({"text": "x" * 64_000})


@pytest.mark.parametrize("text", ["nul \0", "half \udc00"])
def test_texts_no_database_keeps_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="reason"):
        manifest.free_text(text, "reason")


@pytest.mark.parametrize("other", ["Ada", "ADA ", " ada", "ａｄａ"])
def test_one_person_is_recognised(other: str) -> None:
    assert manifest.is_same_person("ada", other)


@given(st.text(max_size=30))
def test_references_parse_or_are_refused(text: str) -> None:
    try:
        pairs = manifest.prompt_references([text])
    except BadInput:
        return
    assert all(name and version >= 1 for name, version in pairs)
