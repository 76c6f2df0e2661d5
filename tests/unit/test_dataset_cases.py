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


def preview_rows(rows: list[dict[str, object]], mapping: dict[str, str] | None = None) -> Preview:
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
def test_columns_are_recognised_by_names_of_other_tools(columns: list[str], mapping: dict[str, str]) -> None:
    assert recognise_columns(columns) == mapping


def test_explicit_mapping_overrides_aliases() -> None:
    columns = ["question", "answer", "other"]
    assert resolve_mapping(columns, {"reference": "answer"}) == {"input": "question", "reference": "answer"}
    assert resolve_mapping(columns, {"ground_truth": "other", "answer": ""}) == {
        "input": "question",
        "reference": "other",
    }


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [({"input": "nope"}, "Column 'nope' does not exist"), ({"color": "question"}, "'color' is not a field")],
)
def test_invalid_mapping_is_refused(mapping: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
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
def test_contexts_are_parsed_from_all_layouts(cell: object, contexts: tuple[str, ...] | None) -> None:
    assert preview_rows([{"question": "Why?", "contexts": cell}]).cases[0].contexts == contexts


def test_bars_separate_contexts_only_in_piped_columns() -> None:
    lists = preview_rows([{"question": "a", "context": "x|y"}, {"question": "b", "context": "z"}])
    assert [case.contexts for case in lists.cases] == [("x", "y"), ("z",)]
    prose = preview_rows([{"question": "a", "context": "P(A|B) is Bayes"}, {"question": "b", "context": "z"}])
    assert prose.cases[0].contexts == ("P(A|B) is Bayes",)


def test_unreadable_list_rejects_only_its_row() -> None:
    preview = preview_rows(
        [{"question": "a", "contexts": "['one, two]"}, {"question": "b"}, {"question": " "}]
    )
    assert preview.accepted == 1
    assert [(p.row, p.column) for p in preview.problems] == [(1, "contexts"), (3, "question")]


@pytest.mark.parametrize(
    "text", ["[" * 5_000 + "]" * 5_000, "[__import__('os').system('true')]", "[1" + "+1" * 9_000 + "]"]
)
def test_hostile_list_is_never_evaluated(text: str) -> None:
    preview = preview_rows([{"question": "a", "contexts": text}])
    assert preview.accepted + preview.rejected == 1


def test_unmapped_columns_become_metadata() -> None:
    preview = preview_rows(
        [{"question": "Why?", "topic": "cats", "empty": None, "metadata": '{"age": 4}', "big": 1 << 70}]
    )
    assert preview.cases[0].metadata == {"topic": "cats", "age": 4, "big": str(1 << 70)}


def test_path_selects_value_of_object() -> None:
    preview = preview_rows(
        [{"q": "Why?", "model": {"response": "So"}}], {"input": "q", "answer": "model.response"}
    )
    assert preview.cases[0].answer == "So"


def test_preview_without_input_reports_problem() -> None:
    preview = preview_rows([{"place": "Galway"}])
    assert (preview.accepted, preview.columns) == (0, ("place",))
    assert preview.problems[0].column == "input"


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
def test_any_json_gives_storable_cases(rows: list[dict[str, object]]) -> None:
    preview = preview_rows(rows)
    assert preview.accepted + preview.rejected == len(rows)
    datasets.hash_cases(preview.cases)  # orjson, as the database, refuses what cannot be kept
    assert "\x00" not in json.dumps([case.as_json() for case in preview.cases], ensure_ascii=False)


def test_hash_depends_on_content_and_order() -> None:
    first, second = Case(input="a"), Case(input="b", contexts=("x",))
    assert datasets.hash_cases([first, second]) == datasets.hash_cases([first, second])
    assert datasets.hash_cases([first, second]) != datasets.hash_cases([second, first])


def list_shared_files(*patterns: str) -> list[Path]:
    return [file for pattern in patterns for file in sorted(SHARED_DATA.glob(pattern))]


FILES = list_shared_files(
    "datasets_messy/*.*", "datasets_messy/promptfoo/*", "datasets_messy/tables/*", "rag_eval/*"
)
WITHOUT_ROWS = ("utf8bom.csv",)


def test_real_files_are_read_without_losing_rows() -> None:
    """Real files where this machine has them; none of them may lose a row."""
    for file in FILES:
        data = file.read_bytes()
        preview = preview_import(data, file.name)
        if "input" not in preview.mapping:
            preview = preview_import(data, file.name, {"input": preview.columns[0]})
        # Tables of another kind are mapped by their first column, which a few of their rows leave empty.
        is_suite = file.parent.name != "tables"
        assert (preview.accepted > 0) == (file.name not in WITHOUT_ROWS), file.name
        assert not is_suite or preview.rejected == 0, (file.name, preview.problems[:3])


def test_csv_and_json_of_a_suite_give_equal_cases() -> None:
    rows = [
        {"input": "Tallest?", "actual_output": "Everest", "retrieval_context": ["a list", "another"]},
        {"input": "Largest?", "actual_output": "Russia", "retrieval_context": ["a list"]},
    ]
    as_csv = (
        "input,actual_output,retrieval_context\nTallest?,Everest,a list|another\nLargest?,Russia,a list\n"
    )
    assert preview_rows(rows).cases == preview_import(as_csv.encode(), "goldens.csv").cases
