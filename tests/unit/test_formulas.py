"""Cells that a spreadsheet would evaluate are guarded, in files and in tables."""

from __future__ import annotations

import csv

import pytest
from streamlit.testing.v1 import AppTest

from genaiops_core.evaluation.datasets.case import FIELDS
from genaiops_core.evaluation.datasets.exports import write_cases
from genaiops_core.formulas import escape_displayed, escape_formula

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    " \n =1",
    "\u00a0=1",
    "\ufeff=1",
    "\u200b=1",
    "＝1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "﹦1",
    "\n＝HYPERLINK(1)",
    "\tnotes",
]
TEXTS = ["", "a=1", "'=1", "1+1", "\nline", "—", "„=1“", "(=1)", "  text"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formula_is_escaped(text: str) -> None:
    assert escape_formula(text) == "'" + text


@pytest.mark.parametrize("text", TEXTS)
def test_other_text_is_unchanged(text: str) -> None:
    assert escape_formula(text) == text
    assert escape_displayed(text) == text


@pytest.mark.parametrize("text", ["+1.2 %", "-0.006", "+3 ms", "-2,000 USD", "+1e-05", "+ 4"])
def test_signed_quantity_is_displayed_unchanged(text: str) -> None:
    assert escape_displayed(text) == text


@pytest.mark.parametrize("text", ["=1", "-1+cmd|' /C calc'!A0", "+1(2)", "\n-1", "＋1", "@A1", "-A1", "+1!A"])
def test_other_formula_is_escaped_on_screens(text: str) -> None:
    assert escape_displayed(text) == "'" + text


def test_exported_cases_have_no_formula() -> None:
    cases = [dict.fromkeys(FIELDS) | {"input": text, "answer": text} for text in FORMULAS]
    rows = list(csv.DictReader(b"".join(write_cases(cases, "csv")).decode().splitlines(keepends=True)))
    assert [row["answer"] for row in rows] == ["'" + text for text in FORMULAS]


def draw_table() -> None:
    from pages.parts.shared import tables

    rows = [{"name": "\n=1", "note": "+1.2 %", "states": ["＝1", "ok"], "count": -3}]
    tables.draw(rows, dict.fromkeys(rows[0]), key="table", alt="A table")


def test_table_downloads_no_formula() -> None:
    (table,) = AppTest.from_function(draw_table).run().dataframe
    (row,) = table.value.to_dict("records")
    assert (row["name"], row["note"], row["count"]) == ("'\n=1", "+1.2 %", -3)
    assert list(row["states"]) == ["'＝1", "ok"]
