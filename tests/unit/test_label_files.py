"""Files with labels: which column is which, and what each cell means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.human.label_files import (
    LabelColumns,
    Scale,
    find_columns,
    parse_scale,
    read_labels,
)
from genaiops_core.evaluation.readers.tables import Row, Table


@pytest.mark.parametrize(
    ("scale", "values", "cell", "value"),
    [
        ("", [], "0.25", 0.25),
        ("", [], 1, 1.0),
        ("", [], "Yes", 1.0),
        ("", [], " partly ", 0.5),
        ("", [], False, 0.0),
        ("1..5", [], "4", 0.75),
        ("1 to 4", [], 1, 0.0),
        ("-2:2", [], "-1", 0.25),
        ("5..1", [], 5, 0.0),
        ("", ["Fully attributable=1", "not fully  attributable=0"], "Not fully attributable", 0.0),
        ("", ["2=1", "1=0.5"], 1, 0.5),
        ("", ["a=b=1"], "A=B", 1.0),
        ("1..5", [], [5, 3], 0.75),
    ],
)
def test_what_a_cell_means(scale: str, values: list[str], cell: Any, value: float) -> None:
    assert parse_scale(scale, values).value_of(cell) == value


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("4", "outside the scale 0..1"),
        ("maybe", "give its value"),
        ("nan", "give its value"),
        ([], "give its value"),
        ([1, "maybe"], "give its value"),
    ],
)
def test_a_cell_that_means_nothing_says_so(cell: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Scale().value_of(cell)


@pytest.mark.parametrize(
    ("scale", "values"), [("1", []), ("3..3", []), ("", ["yes"]), ("", ["yes=2"]), ("", ["=1"])]
)
def test_a_scale_that_cannot_be_understood_is_refused(scale: str, values: list[str]) -> None:
    with pytest.raises(BadInput, match="write L"):
        parse_scale(scale, values)


def test_columns_are_known_by_their_names() -> None:
    columns = find_columns(("Question", "Answer", "groundedness", "Annotator", "label"), "groundedness")
    assert columns == LabelColumns(
        label="groundedness", input="Question", answer="Answer", labeller="Annotator"
    )
    assert find_columns(("case", "Rating"), "helpfulness") == LabelColumns(label="Rating", case="case")
    chosen = find_columns(("a", "b", "case"), "x", {"label": "B", "input": "a", "case": ""})
    assert chosen == LabelColumns(label="b", input="a")


@pytest.mark.parametrize(
    ("columns", "chosen", "sentence"),
    [
        (("question", "x"), {}, "No column with the labels is recognised"),
        (("label", "x"), {}, "No column identifies the case"),
        (("label", "case"), {"label": "nope"}, "Column 'nope' does not exist"),
    ],
)
def test_a_file_without_labels_or_cases_is_refused(
    columns: tuple[str, ...], chosen: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        find_columns(columns, "groundedness", chosen)


def test_rows_are_read_and_problems_are_named_by_row_and_column() -> None:
    cells = [("1", "yes"), ("2", None), ("3", "perhaps"), ("x", "no"), (None, "no"), (4.0, 0.5)]
    table = Table(columns=("case", "label"), rows=[Row(at + 2, values) for at, values in enumerate(cells)])
    rows, problems = read_labels(table, LabelColumns(label="label", case="case"), Scale())
    assert [(row.row, row.case_no, row.value) for row in rows] == [(2, 1, 1.0), (7, 4, 0.5)]
    assert [(problem.row, problem.column) for problem in problems] == [(4, "label"), (5, "case"), (6, "case")]


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1))
def test_a_scale_brings_what_lies_on_it_to_0_to_1(low: float, high: float, share: float) -> None:
    if low == high:
        return
    value = Scale(low=low, high=high).value_of(
        min(max(low, high), max(min(low, high), low + share * (high - low)))
    )
    assert 0 <= value <= 1


@given(st.one_of(st.text(), st.floats(), st.integers(), st.lists(st.integers())))
def test_any_cell_is_a_value_or_a_sentence(cell: Any) -> None:
    try:
        assert 0 <= Scale().value_of(cell) <= 1
    except ValueError as error:
        assert str(error)


def test_labels_within_objects_are_read_by_their_path() -> None:
    cells = ("What?", {"faithfulness": [4.0, 2.0], "naturalness": [1.0]})
    table = Table(columns=("question", "human"), rows=[Row(1, cells)])
    columns = find_columns(table.columns, "faithfulness", {"label": "human.faithfulness"})
    rows, problems = read_labels(table, columns, parse_scale("1..5"))
    assert ([row.value for row in rows], problems) == ([0.5], [])
