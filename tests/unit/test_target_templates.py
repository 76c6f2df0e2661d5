"""Places that are filled with values, and paths that find values again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.targets import placeholders, reply_paths
from genaiops_core.evaluation.targets.placeholders import (
    collect_values,
    fill_json,
    fill_text,
    find_placeholders,
)
from genaiops_core.evaluation.targets.reply_paths import MISSING, find_value, parse_path

VALUES = collect_values(
    Case(input="Why?", contexts=("One.", "Two."), metadata={"a": {"b": [1]}, "c": "{input}"}), 3
)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Q: {question}", "Q: Why?"),
        ("{{ contexts }}\n{{query}}", "One.\n\nTwo.\nWhy?"),
        ("{context} #{repetition}", "One.\n\nTwo. #3"),
        ("{metadata.a.b} {metadata.c} {metadata.d}", "[1] {input} "),
        ("{ input } {Input} {inputs} {0} {}", "{ input } {Input} {inputs} {0} {}"),
        ("{{{input}}}", "{Why?}"),
    ],
)
def test_placeholders_of_a_text_are_replaced(text: str, filled: str) -> None:
    assert fill_text(text, VALUES) == filled


def test_placeholders_of_a_text_are_found() -> None:
    assert find_placeholders("{question} {{context}} {metadata.x} {nothing}") == {
        "input",
        "contexts",
        "metadata",
    }


@given(st.text(), st.text())
def test_values_are_not_parsed_as_templates(question: str, around: str) -> None:
    clean = around.replace("{", "(").replace("}", ")")
    values = collect_values(Case(input=question, reference="SECRET"), 1)
    assert fill_text(f"{clean}{{input}}{clean}", values) == f"{clean}{question}{clean}"
    filled = fill_json({"a": ["{input}", f"{clean}{{input}}"], clean: 1}, values)
    assert filled["a"] == [question, f"{clean}{question}"]
    assert set(filled) == {"a", clean}


def test_template_is_not_modified() -> None:
    template = {"a": ["{contexts}", {"b": "{input}"}]}
    before = json.dumps(template)
    assert fill_json(template, VALUES) == {"a": [["One.", "Two."], {"b": "Why?"}]}
    assert json.dumps(template) == before


def test_mistyped_placeholder_is_found() -> None:
    assert placeholders.find_unknown_placeholder({"a": ["{input}", "{inputs}"]}) == "{inputs}"
    assert placeholders.find_unknown_placeholder({"a": "as JSON: {foo}", "b": "{metadata.x}"}) == ""


REPLY: dict[str, Any] = {
    "choices": [{"message": {"content": "Yes."}}, {"message": {}}],
    "sources": [{"text": "A", "parts": [{"t": 1}, {"t": 2}]}, {"title": "no"}, {"text": "B", "parts": []}],
    "0": "zero",
    "null": None,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("choices.0.message.content", "Yes."),
        ("choices[0].message.content", "Yes."),
        ("choices[].message.content", ["Yes."]),
        ("sources[].text", ["A", "B"]),
        ("sources[].parts[].t", [1, 2]),
        ("0", "zero"),
        ("null", None),
        ("choices.1.message.content", MISSING),
        ("choices.9", MISSING),
        ("choices.-1", MISSING),
        ("null.x", MISSING),
        ("choices.x[]", MISSING),
        ("null[]", MISSING),
    ],
)
def test_paths_select_values_of_a_reply(path: str, value: Any) -> None:
    assert find_value(REPLY, parse_path(path, "answer")) == value


def test_top_level_list_has_positions() -> None:
    assert find_value([{"a": 1}], parse_path("[0].a", "answer")) == 1
    assert find_value([{"a": 1}], parse_path("[].a", "answer")) == [1]


@pytest.mark.parametrize("path", ["", ".", "a.", "a[", "a]b", "a[1", "a[-1]", "[]a", ".".join("a" * 21)])
def test_invalid_path_is_refused(path: str) -> None:
    with pytest.raises(BadInput, match=r"reply\.answer: '.*' (is not a valid path|has more than 20 steps)"):
        parse_path(path, "reply.answer")


@given(
    st.text(alphabet="ab.[]01 {}", max_size=12),
    st.recursive(
        st.none() | st.integers(),
        lambda x: st.lists(x) | st.dictionaries(st.sampled_from(["a", "b", "0"]), x),
    ),
)
def test_any_path_works_on_any_reply(path: str, reply: Any) -> None:
    try:
        steps = parse_path(path, "answer")
    except BadInput:
        return
    find_value(reply, steps)


def test_steps_are_distinguished() -> None:
    assert parse_path("a.0[].b", "answer") == ("a", "0", reply_paths.Step.EACH, "b")
