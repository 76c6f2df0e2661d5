"""Test cases, and their construction from the rows of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from genaiops_core.evaluation.datasets import cells
from genaiops_core.evaluation.datasets.cells import UnreadableCell
from genaiops_core.evaluation.readers.columns import (
    ALIASES,
    FIELDS,
    build_field_reader,
    find_source_column,
    normalise_name,
    recognise_columns,
    resolve_mapping,
)
from genaiops_core.evaluation.readers.conversations import decode_cell, parse_conversation
from genaiops_core.evaluation.readers.mojibake import find_mojibake
from genaiops_core.evaluation.readers.tables import MAX_PROBLEMS, Problem, Table

__all__ = [
    "ALIASES",
    "FIELDS",
    "Case",
    "Cases",
    "build_cases",
    "normalise_name",
    "recognise_columns",
    "resolve_mapping",
]

_PIPE_SAMPLE_ROWS = 2_000
"""Number of rows examined to detect contexts written as 'first|second'."""

_PLURAL_COLUMNS = frozenset(
    normalise_name(name)
    for name in (
        *("ground_truths", "ideal", "answers", "golden_answers", "gold_answers", "reference_answers"),
        *("correct_answers", "possible_answers", "target", "reference_outputs", "reference_responses"),
    )
)
"""Columns with several right answers, which sheets contain as a list written as text."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test case: the input, and the answer, contexts and reference where they are known."""

    input: str
    answer: str | None = None
    contexts: tuple[str, ...] | None = None
    reference: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Format the case as `genaiops dataset export` writes it."""
        return {
            "input": self.input,
            "answer": self.answer,
            "contexts": None if self.contexts is None else list(self.contexts),
            "reference": self.reference,
            "metadata": dict(self.metadata),
        }


@dataclass(frozen=True, kw_only=True)
class Cases:
    """The cases of a file, and the problems of its other rows."""

    cases: list[Case]
    problems: list[Problem]
    rejected: int


def build_cases(table: Table, mapping: Mapping[str, str]) -> Cases:
    """Build a case from every row that has an input; problems are reported by row and column."""
    readers = {
        name: build_field_reader(table.columns, name, column, table.hints) for name, column in mapping.items()
    }
    row_parser = _RowParser(mapping, readers, table)
    used_columns = {column for column in mapping.values() if column in table.columns}
    for column in tuple(used_columns):
        used_columns.update(table.lists.get(column, ()))
    used_columns.update(table.lists)
    path_by_column = {
        find_source_column(column, table.columns): column
        for column in mapping.values()
        if column not in used_columns
    }
    other_columns = [
        (position, column) for position, column in enumerate(table.columns) if column not in used_columns
    ]
    problems = list(table.problems)
    cases: list[Case] = []
    rejected = table.rejected
    for row in table.rows:
        try:
            values, conversation_metadata = row_parser.row(row.cells)
        except _ColumnError as error:
            continued = row_parser.read_continuation(row.cells) if cases else None
            if continued:
                cases[-1] = replace(cases[-1], contexts=(*(cases[-1].contexts or ()), *continued))
                problems.append(
                    Problem(
                        row=row.number,
                        column=mapping["contexts"],
                        problem="is alone in its row and is added to the contexts of the case above",
                    )
                )
                continue
            rejected += 1
            if len(problems) < MAX_PROBLEMS:
                problems.append(Problem(row=row.number, column=error.column, problem=str(error)))
            continue
        metadata = {
            column: cells.to_json_value(row.cells[position])
            for position, column in other_columns
            if row.cells[position] is not None
            # Otherwise a text that became a field would be stored a second time as metadata.
            and not _is_read_whole(row.cells[position], column, path_by_column)
        }
        metadata.update(conversation_metadata)
        # An explicit metadata column takes precedence over columns of the same name.
        metadata.update(values.pop("metadata", None) or {})
        case = Case(**values, metadata=metadata)
        problems += _list_mojibake(case, mapping, row.number)
        cases.append(case)
    return Cases(cases=cases, problems=problems[:MAX_PROBLEMS], rejected=rejected)


def _list_mojibake(case: Case, mapping: Mapping[str, str], number: int) -> Iterator[Problem]:
    """List the fields whose text was decoded wrongly before it came into the file; the text stays as it is."""
    for name in ("input", "answer", "reference"):
        text = getattr(case, name)
        if text and (problem := find_mojibake(text)):
            yield Problem(row=number, column=mapping.get(name, ""), problem=problem)
    for text in case.contexts or ():
        if problem := find_mojibake(text):
            yield Problem(row=number, column=mapping.get("contexts", ""), problem=problem)
            return


class _ColumnError(Exception):
    """The problem of a row, and its column."""

    def __init__(self, problem: str, column: str) -> None:
        super().__init__(problem)
        self.column = column


class _RowParser:
    """Parses rows into the fields of a case."""

    def __init__(
        self, mapping: Mapping[str, str], readers: Mapping[str, Callable[[Sequence[Any]], Any]], table: Table
    ) -> None:
        self._mapping = mapping
        self._readers = readers
        # A field that the user maps to another column is not what the export wrote.
        self._is_export = table.is_export and all(name == column for name, column in mapping.items())
        read_contexts = readers.get("contexts")
        self._is_piped = read_contexts is not None and cells.is_piped(
            read_contexts(row.cells) for row in islice(table.rows, _PIPE_SAMPLE_ROWS)
        )
        self._is_bulleted = read_contexts is not None and cells.is_bulleted(
            read_contexts(row.cells) for row in islice(table.rows, _PIPE_SAMPLE_ROWS)
        )
        reference = mapping.get("reference", "").rpartition(".")[2]
        self._has_alternatives = normalise_name(reference) in _PLURAL_COLUMNS

    def row(self, row: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parse a row into fields, and the system prompt of a conversation as metadata."""
        values: dict[str, Any] = {}
        conversation_metadata: dict[str, Any] = {}
        conversation = None
        for name, read_cell in self._readers.items():
            try:
                value = read_cell(row)
                if self._is_export:
                    values[name] = cells.parse_exported(name, value)
                    continue
                parsed = (
                    parse_conversation(decode_cell(value))
                    if name == "input" and _is_chat_candidate(value)
                    else None
                )
                if parsed is not None:
                    conversation = parsed
                    values["input"] = cells.parse_text(parsed.question)
                    if parsed.system:
                        conversation_metadata["system"] = parsed.system
                    if parsed.steps:
                        conversation_metadata["steps"] = cells.to_json_value(list(parsed.steps))
                    # A mapped answer column takes precedence over the last message of the conversation.
                    if parsed.answer and "answer" not in self._readers:
                        values["answer"] = cells.parse_text(parsed.answer)
                else:
                    values[name] = self._parse(name, value)
            except UnreadableCell as error:
                raise _ColumnError(str(error), self._mapping[name]) from None
        if values["input"] is None:
            raise _ColumnError("is empty; a case requires an input", self._mapping["input"])
        if conversation is not None and conversation.contexts:
            contexts = cells.parse_contexts(list(conversation.contexts), is_piped_column=False)
            # A mapped column takes precedence; the contexts of the messages are not lost.
            if not values.get("contexts"):
                values["contexts"] = contexts
            elif values["contexts"] != contexts:
                conversation_metadata["message_contexts"] = list(contexts or ())
        return values, conversation_metadata

    def read_continuation(self, row: Sequence[Any]) -> tuple[str, ...] | None:
        """Read the contexts of a row that has nothing else: the case above is merged over several rows."""
        read_contexts = self._readers.get("contexts")
        if read_contexts is None or sum(cell is not None for cell in row) != 1 or self._is_export:
            return None
        value = read_contexts(row)
        try:
            contexts: tuple[str, ...] | None = self._parse("contexts", value)
        except UnreadableCell:
            return None
        return contexts

    def _parse(self, name: str, value: Any) -> Any:
        if name == "contexts":
            return cells.parse_contexts(
                value, is_piped_column=self._is_piped, is_bulleted_column=self._is_bulleted
            )
        if name == "metadata":
            return cells.parse_metadata(value)
        return cells.parse_text(value, has_alternatives=name == "reference" and self._has_alternatives)


def _is_chat_candidate(value: Any) -> bool:
    return isinstance(value, (list, dict)) or (isinstance(value, str) and value.lstrip()[:1] in ("[", "{"))


def _is_read_whole(cell: Any, column: str, path_by_column: Mapping[str, str]) -> bool:
    """Whether an object contains only the value that a field was read from."""
    path = path_by_column.get(column)
    value = decode_cell(cell) if path else None
    return isinstance(value, dict) and len(value) == 1 and path == f"{column}.{next(iter(value))}"
