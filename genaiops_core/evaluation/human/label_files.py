"""Parses a table of human labels: recognises the columns and converts cells to values from 0 to 1. Pure functions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.case import normalise_name, recognise_columns
from genaiops_core.evaluation.readers.columns import build_cell_reader, find_source_column
from genaiops_core.evaluation.readers.tables import Problem, Table

WORDS: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(("good", "yes", "y", "true", "pass", "passed", "correct", "up"), 1.0),
        **dict.fromkeys(("partly", "partial", "neutral"), 0.5),
        **dict.fromkeys(("bad", "no", "n", "false", "fail", "failed", "incorrect", "wrong", "down"), 0.0),
    }
)
"""Values of common label words."""

LABEL_ALIASES = ("label", "human_label", "human", "rating", "score", "value", "annotation", "verdict")
CASE_ALIASES = ("case", "case_no", "case_number")
LABELLER_ALIASES = ("labeller", "labeler", "annotator", "rater", "reviewer")

_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:\.\.|:|to)\s*(-?\d+(?:\.\d+)?)\s*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How a cell becomes a value: words first, then numbers between `low` (0) and `high` (1)."""

    low: float = 0.0
    high: float = 1.0
    words: Mapping[str, float] = field(default_factory=lambda: WORDS)

    def value_of(self, cell: Any) -> float:
        """From 0 (bad) to 1 (good).

        Raises:
            ValueError: the cell is not a label; the text says why.
        """
        if isinstance(cell, list) and cell:  # labels of several people in one cell
            return sum(self.value_of(label) for label in cell) / len(cell)
        if isinstance(cell, str):
            word = " ".join(cell.split()).casefold()
            if word in self.words:
                return self.words[word]
            number = _parse_number(word)
        # Before numbers, because bool is a subclass of int.
        elif isinstance(cell, bool):
            return float(cell)
        else:
            number = float(cell) if isinstance(cell, int | float) else None
            # A mapping may contain numbers: 2=1 1=0.5 0=0.
            if number is not None and f"{number:g}" in self.words:
                return self.words[f"{number:g}"]
        if number is None or not math.isfinite(number):
            known = ", ".join(list(self.words)[:6])
            raise ValueError(f"is '{_shorten(cell)}', not a number or one of {known}, ...; give its value")
        if not min(self.low, self.high) <= number <= max(self.low, self.high):
            raise ValueError(f"is {number:g}, outside the scale {self.low:g}..{self.high:g}")
        # Also correct for a reversed scale: with `low` above `high`, the worst is still 0.
        return (number - self.low) / (self.high - self.low)


@dataclass(frozen=True, kw_only=True)
class LabelColumns:
    """The column of each field; '' for none."""

    label: str
    case: str = ""
    input: str = ""
    answer: str = ""
    labeller: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """One row with a valid label."""

    row: int
    value: float
    case_no: int | None
    input: str | None
    answer: str | None
    labeller: str | None


def parse_scale(scale: str = "", values: Sequence[str] = ()) -> Scale:
    """Parse a scale.

    Args:
        scale: `LOW..HIGH`, for example `1..5`; the worst value first, so `5..1` is reversed. '' is 0..1.
        values: `WORD=VALUE` pairs with values from 0 to 1; they replace the default words.

    Raises:
        BadInput: the scale or a value is invalid.
    """
    low, high = 0.0, 1.0
    if scale.strip():
        match = _RANGE.fullmatch(scale)
        if not match or float(match[1]) == float(match[2]):
            raise BadInput(
                f"'{scale}' is not a valid scale; write LOW..HIGH, the worst value first, for example 1..5."
            )
        low, high = float(match[1]), float(match[2])
    words: dict[str, float] = {}
    for pair in values:
        word, equals, text = pair.rpartition("=")
        value = _parse_number(text.strip())
        if not equals or not word.strip() or value is None or not 0 <= value <= 1:
            raise BadInput(
                f"'{pair}' is not a valid label value; write LABEL=VALUE with a value from 0 to 1, for example yes=1."
            )
        words[" ".join(word.split()).casefold()] = value
    return Scale(low=low, high=high, words=words or WORDS)


def find_columns(
    columns: Sequence[str], metric: str, chosen: Mapping[str, str] | None = None
) -> LabelColumns:
    """Find the columns: as chosen, else by the name of the metric and by known aliases.

    Args:
        columns: of the file.
        metric: the labelled criterion; a column of this name has its labels.
        chosen: any of label, case, input, answer, labeller -> column, or a path into its objects such as
            `human.faithfulness`; '' excludes the field.

    Raises:
        BadInput: a column does not exist, or no column has the labels or identifies the case.
    """
    named_columns = {
        name: _require_column(column, columns) for name, column in (chosen or {}).items() if column
    }
    # An empty column switches a field off; an absent one is recognised by its name.
    unused = {name for name, column in (chosen or {}).items() if not column}
    free = [column for column in columns if column not in named_columns.values()]
    texts = recognise_columns(free)
    guessed = {
        "label": _find_alias((metric, f"human_{metric}", *LABEL_ALIASES), free),
        "case": _find_alias(CASE_ALIASES, free),
        "input": texts.get("input", ""),
        "answer": texts.get("answer", ""),
        "labeller": _find_alias(LABELLER_ALIASES, free),
    }
    mapping = {
        name: "" if name in unused else named_columns.get(name, guess) for name, guess in guessed.items()
    }
    column_names = ", ".join(columns[:20])
    if not mapping["label"]:
        raise BadInput(
            f"No column with the labels is recognised; map one to the field label. The file has: {column_names}."
        )
    if not mapping["case"] and not mapping["input"]:
        raise BadInput(
            "No column identifies the case; map one to the field case or input. "
            f"The file has: {column_names}."
        )
    return LabelColumns(**mapping)


def read_labels(table: Table, columns: LabelColumns, scale: Scale) -> tuple[list[LabelRow], list[Problem]]:
    """Read every row with a label and a case; rows without a label are skipped."""
    read = {
        name: build_cell_reader(table.columns, column) for name, column in vars(columns).items() if column
    }
    rows: list[LabelRow] = []
    problems = list(table.problems)

    def text(cells: Sequence[Any], name: str) -> str | None:
        cell = read[name](cells) if name in read else None
        return None if cell is None else str(cell)

    for row in table.rows:
        cell = read["label"](row.cells)
        if cell is None:
            continue
        current = columns.label
        try:
            value = scale.value_of(cell)
            current = columns.case or columns.input
            number = _parse_case_number(read["case"](row.cells)) if "case" in read else None
            input = text(row.cells, "input")
            if number is None and input is None:
                raise ValueError("is empty, so the case is unknown")
        except ValueError as error:
            problems.append(Problem(row=row.number, column=current, problem=str(error)))
            continue
        rows.append(
            LabelRow(
                row=row.number,
                value=value,
                case_no=number,
                input=input,
                answer=text(row.cells, "answer"),
                labeller=text(row.cells, "labeller"),
            )
        )
    return rows, problems


def _parse_case_number(cell: Any) -> int | None:
    if cell is None:
        return None
    number = _parse_number(str(cell))
    if number is None or not number.is_integer() or number < 1:
        raise ValueError(f"is '{_shorten(cell)}', not a case number; numbers start at 1")
    return int(number)


def _parse_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _find_alias(aliases: Sequence[str], columns: Sequence[str]) -> str:
    # Reversed, so that the first of several columns with the same name wins.
    by_name = {normalise_name(column): column for column in reversed(columns)}
    return next((by_name[alias] for alias in aliases if alias in by_name), "")


def _require_column(wanted: str, columns: Sequence[str]) -> str:
    for column in columns:
        if column == wanted or normalise_name(column) == normalise_name(wanted):
            return column
    if find_source_column(wanted, columns):
        return wanted
    column_names = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    raise BadInput(f"Column '{wanted}' does not exist; the file has: {column_names}.")


def _shorten(cell: Any) -> str:
    text = str(cell)
    return text if len(text) <= 40 else f"{text[:37]}..."
