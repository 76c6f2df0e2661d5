"""Columns to fields, cells to texts and contexts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets import Preview, preview_import
from genaiops_core.evaluation.datasets.case import Case, recognise_columns, resolve_mapping
from tests.conftest import SHARED_DATA


def of(rows: list[dict[str, object]], mapping: dict[str, str] | None = None) -> Preview:
    return preview_import(json.dumps(rows).encode(), "suite.json", mapping)


@pytest.mark.parametrize(
    ("columns", "mapping"),
    [
        (
            ["user_input", "retrieved_contexts", "response", "reference"],
            {
                "input": "user_input",
                "answer": "response",
                "contexts": "retrieved_contexts",
                "reference": "reference",
            },
        ),
        (
            ["Question", "Generated Answer", "Ground-Truth"],
            {"input": "Question", "answer": "Generated Answer", "reference": "Ground-Truth"},
        ),
        (
            ["input", "actual_output", "expected_output", "retrieval_context", "context"],
            {
                "input": "input",
                "answer": "actual_output",
                "contexts": "retrieval_context",
                "reference": "expected_output",
            },
        ),
        (["act", "something"], {}),
    ],
)
def test_columns_are_recognised_by_the_names_peers_use(columns: list[str], mapping: dict[str, str]) -> None:
    assert recognise_columns(columns) == mapping


def test_what_the_operator_says_wins_and_a_column_serves_once() -> None:
    columns = ["question", "answer", "other"]
    assert resolve_mapping(columns, {"reference": "answer"}) == {"input": "question", "reference": "answer"}
    assert resolve_mapping(columns, {"ground_truth": "other", "answer": ""}) == {
        "input": "question",
        "reference": "other",
    }


@pytest.mark.parametrize(
    ("mapping", "said"),
    [({"input": "nope"}, "no column 'nope'"), ({"color": "question"}, "'color' is no field")],
)
def test_a_wrong_mapping_says_what_there_is(mapping: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        resolve_mapping(["question"], mapping)


@pytest.mark.parametrize(
    ("cell", "contexts"),
    [
        (["one", "two"], ("one", "two")),
        ('["one", "two"]', ("one", "two")),
        ("['one', \"it's two\"]", ("one", "it's two")),
        ("['one' 'two'\n 'three']", ("one", "two", "three")),  # numpy's way
        ('[{"page_content": "one"}, {"text": "two"}]', ("one", "two")),
        ("one\ntwo\n", ("one", "two")),
        ("one\nmore of one\n\ntwo", ("one\nmore of one", "two")),
        ("[1] A note in brackets", ("[1] A note in brackets",)),
        ("just one", ("just one",)),
        ([], ()),
        ("[]", ()),
        (None, None),
    ],
)
def test_contexts_in_all_their_shapes(cell: object, contexts: tuple[str, ...] | None) -> None:
    assert of([{"question": "Why?", "contexts": cell}]).cases[0].contexts == contexts


def test_bars_part_contexts_only_where_the_whole_column_is_written_so() -> None:
    lists = of([{"question": "a", "context": "x|y"}, {"question": "b", "context": "z"}])
    assert [case.contexts for case in lists.cases] == [("x", "y"), ("z",)]
    prose = of([{"question": "a", "context": "P(A|B) is Bayes"}, {"question": "b", "context": "z"}])
    assert prose.cases[0].contexts == ("P(A|B) is Bayes",)


def test_a_list_that_cannot_be_read_rejects_its_row_only() -> None:
    found = of([{"question": "a", "contexts": "['one, two]"}, {"question": "b"}, {"question": " "}])
    assert found.accepted == 1
    assert [(p.row, p.column) for p in found.problems] == [(1, "contexts"), (3, "question")]


@pytest.mark.parametrize(
    "text", ["[" * 5_000 + "]" * 5_000, "[__import__('os').system('true')]", "[1" + "+1" * 9_000 + "]"]
)
def test_a_hostile_list_is_text_or_a_problem_never_run(text: str) -> None:
    found = of([{"question": "a", "contexts": text}])
    assert found.accepted + found.rejected == 1


def test_everything_else_is_metadata_and_a_metadata_column_is_opened() -> None:
    found = of(
        [{"question": "Why?", "topic": "cats", "empty": None, "metadata": '{"age": 4}', "big": 1 << 70}]
    )
    assert found.cases[0].metadata == {"topic": "cats", "age": 4, "big": str(1 << 70)}


def test_a_path_reaches_into_an_object() -> None:
    found = of([{"q": "Why?", "model": {"response": "So"}}], {"input": "q", "answer": "model.response"})
    assert found.cases[0].answer == "So"


def test_without_an_input_the_preview_asks_for_it() -> None:
    found = of([{"place": "Galway"}])
    assert (found.accepted, found.columns) == (0, ("place",))
    assert found.problems[0].column == "input"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(
        st.fixed_dictionaries({"question": JSON, "answer": JSON, "contexts": JSON, "more": JSON}),
        min_size=1,
        max_size=3,
    )
)
def test_any_json_makes_cases_that_can_be_stored(rows: list[dict[str, object]]) -> None:
    found = of(rows)
    assert found.accepted + found.rejected == len(rows)
    datasets.hash_cases(found.cases)  # orjson, as the database, refuses what cannot be kept
    assert "\x00" not in json.dumps([case.as_json() for case in found.cases], ensure_ascii=False)


def test_the_hash_follows_content_and_order() -> None:
    one, two = Case(input="a"), Case(input="b", contexts=("x",))
    assert datasets.hash_cases([one, two]) == datasets.hash_cases([one, two])
    assert datasets.hash_cases([one, two]) != datasets.hash_cases([two, one])


def shared(*patterns: str) -> list[Path]:
    return [file for pattern in patterns for file in sorted(SHARED_DATA.glob(pattern))]


FILES = shared("datasets_messy/*.*", "datasets_messy/promptfoo/*", "datasets_messy/tables/*", "rag_eval/*")
WITHOUT_ROWS = ("utf8bom.csv",)


def test_files_as_users_have_them_are_read_whole() -> None:
    """Real files where this machine has them; none of them may lose a row."""
    for file in FILES:
        data = file.read_bytes()
        found = preview_import(data, file.name)
        if "input" not in found.mapping:
            found = preview_import(data, file.name, {"input": found.columns[0]})
        # Tables of another kind are mapped by their first column, which a few of their rows leave empty.
        is_suite = file.parent.name != "tables"
        assert (found.accepted > 0) == (file.name not in WITHOUT_ROWS), file.name
        assert not is_suite or found.rejected == 0, (file.name, found.problems[:3])


def test_one_suite_as_csv_and_as_json_is_the_same_suite() -> None:
    rows = [
        {"input": "Tallest?", "actual_output": "Everest", "retrieval_context": ["a list", "another"]},
        {"input": "Largest?", "actual_output": "Russia", "retrieval_context": ["a list"]},
    ]
    as_csv = (
        "input,actual_output,retrieval_context\nTallest?,Everest,a list|another\nLargest?,Russia,a list\n"
    )
    assert of(rows).cases == preview_import(as_csv.encode(), "goldens.csv").cases
