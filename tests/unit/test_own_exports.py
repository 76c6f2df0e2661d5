"""Exported cases come back unchanged from CSV and JSON lines, also after an edit in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.evaluation.datasets import preview_import
from genaiops_core.evaluation.datasets.case import FIELDS, Case
from genaiops_core.evaluation.datasets.exports import write_cases

GUARDED = ["=SUM(1;2)", "-5", "+49 30 123", "@home", "'=1", "''-5", "\t=1", "＝1", "' =1"]
LITERAL = [
    *(
        "null",
        "#N/A",
        "'quoted'",
        "'",
        "  spaced ",
        "a\r\nb",
        "a\rb",
        '["one"]',
        '{"a": 1}',
        "a|b",
        "1. a\n2. b",
    ),
    *('[{"role": "user", "content": "Why?"}]', 'a\\"', '\\"', '"', "a;b", "- a\n- b", "0123", "Grüße – „x“"),
]


def import_exported(cases: list[Case], form: str) -> list[Case]:
    data = b"".join(write_cases([case.as_json() for case in cases], form))
    preview = preview_import(data, f"cases.{form}", limit=len(cases), max_rows=None)
    assert preview.rejected == 0, preview.problems
    return list(preview.cases)


def edit_in_spreadsheet(cases: list[Case]) -> list[list[str]]:
    data = b"".join(write_cases([case.as_json() for case in cases], "csv")).decode()
    return list(csv.reader(io.StringIO(data, newline="")))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("text", [*GUARDED, *LITERAL])
def test_exported_text_comes_back(text: str, form: str) -> None:
    cases = [
        Case(
            input=text, answer=text, contexts=(text, "b"), reference=text, metadata={text: text, "n": [1.5]}
        ),
        Case(input="Why?", contexts=()),
        Case(input="Who?"),
    ]
    assert import_exported(cases, form) == cases


texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20
).filter(str.strip)


@given(
    st.lists(
        st.builds(
            Case,
            input=texts,
            answer=texts | st.none(),
            contexts=st.none() | st.lists(texts, max_size=3).map(tuple),
            reference=texts | st.none(),
            metadata=st.dictionaries(texts, texts | st.integers(-9, 9) | st.booleans(), max_size=2),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["csv", "jsonl"]),
)
def test_any_exported_cases_come_back(cases: list[Case], form: str) -> None:
    assert import_exported(cases, form) == cases


def test_edited_export_has_no_guards() -> None:
    case = Case(input="-5", answer="'=1", contexts=("-1", "b"), reference="+1", metadata={"topic": "x"})
    rows = edit_in_spreadsheet([case, Case(input="Why?", answer="a")])
    rows[1].append("checked")
    rows[0].append("note")
    stream = io.StringIO()
    csv.writer(stream, delimiter=";").writerows(rows)
    (edited, _) = preview_import(stream.getvalue().encode("utf-8-sig"), "edited.csv").cases
    assert (edited.input, edited.answer, edited.reference) == ("-5", "'=1", "+1")
    assert edited.metadata == {"topic": "x", "note": "checked"}
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    saved = io.BytesIO()
    book.save(saved)
    (edited, _) = preview_import(saved.getvalue(), "edited.xlsx").cases
    assert (edited.input, edited.contexts) == ("-5", ("-1", "b"))


def test_other_files_keep_apostrophes() -> None:
    assert preview_import(b"question,answer\n'-5,'=1\n", "a.csv").cases[0].input == "'-5"
    row = dict.fromkeys(FIELDS) | {"input": "'-5", "note": "x"}
    assert preview_import(json.dumps([row]).encode(), "a.json").cases[0].input == "'-5"
