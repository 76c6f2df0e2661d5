"""Test cases, and how the columns of a file become their fields."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.encodings import storable
from genaiops_core.evaluation.tables import MAX_PROBLEMS, Problem, Table

FIELDS = ("input", "answer", "contexts", "reference", "metadata")

ALIASES: dict[str, tuple[str, ...]] = {
    "input": (
        *("input", "question", "query", "user_input", "user_query", "user_question", "prompt", "inputs"),
        *("message", "instruction", "previous_turn"),
    ),
    "answer": (
        *(
            "answer",
            "response",
            "generated_answer",
            "actual_output",
            "output",
            "model_answer",
            "model_output",
        ),
        *("generated_response", "prediction", "completion", "chatgpt_response", "generated_text"),
    ),
    "contexts": (
        *("contexts", "retrieved_contexts", "retrieval_context", "retrieved_context", "context", "documents"),
        *(
            "document",
            "passages",
            "passage",
            "knowledge",
            "evidence",
            "source_documents",
            "retrieved_documents",
        ),
    ),
    "reference": (
        *("reference", "ground_truth", "expected_answer", "expected_output", "expected", "reference_answer"),
        *("ground_truths", "ground_truth_answer", "truth", "target", "gt_answer", "gold_answer", "ideal"),
        *("correct_answer", "golden_answer", "expected_response"),
    ),
    "metadata": ("metadata", "meta"),
}
"""Names by which peers call each field, most telling first; case, spaces and punctuation do not matter."""

MAX_LITERAL_CHARACTERS = 1_000_000
MAX_METADATA_DEPTH = 20

_OTHER_PIPE = re.compile(r"\n|^\||\|\||\s\||\|\s|\|$")
_NULLS = frozenset(("null", "NULL", "\\N", "#N/A"))
"""How databases and sheets write a missing value into text; "Null", "None" and "NaN" may be answers."""

_TEXT_KEYS = ("text", "content", "page_content", "body", "document", "passage")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test case: what is asked, and what of the answer, its contexts and the reference is known."""

    input: str
    answer: str | None = None
    contexts: tuple[str, ...] | None = None
    reference: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The line `genaiops dataset export` writes."""
        return {
            "input": self.input,
            "answer": self.answer,
            "contexts": None if self.contexts is None else list(self.contexts),
            "reference": self.reference,
            "metadata": dict(self.metadata),
        }


@dataclass(frozen=True, kw_only=True)
class Cases:
    """The rows of a file as cases, with what was wrong with the others."""

    cases: list[Case]
    problems: list[Problem]
    rejected: int


class _Unreadable(Exception):
    """A cell that cannot be taken as its field; the text says why."""


def recognise(columns: Sequence[str]) -> dict[str, str]:
    """Field -> column, by alias; a column serves one field only."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(normal(column), column)
    mapping: dict[str, str] = {}
    for name in FIELDS:
        for alias in ALIASES[name]:
            if alias in by_name:
                mapping[name] = by_name[alias]
                break
    return mapping


def resolve(columns: Sequence[str], explicit: Mapping[str, str] | None = None) -> dict[str, str]:
    """Field -> column: what the operator says, and aliases for the rest.

    Args:
        columns: the columns of the file.
        explicit: field (or an alias of it) -> column; an empty column leaves the field out. `model1.response`
            reaches into an object.

    Raises:
        BadInput: a field or a column does not exist.
    """
    said: dict[str, str] = {}
    for name, column in (explicit or {}).items():
        said[_field(name)] = _column(column, columns)
    taken = set(said.values())
    mapping = {name: column for name, column in said.items() if column}
    rest = recognise([column for column in columns if column not in taken])
    mapping |= {name: column for name, column in rest.items() if name not in said}
    return {name: mapping[name] for name in FIELDS if name in mapping}


def to_cases(table: Table, mapping: Mapping[str, str]) -> Cases:
    """Every row that makes a case; the others are reported by row and column."""
    readers = {name: _reader(table.columns, column) for name, column in mapping.items()}
    used = set(mapping.values())
    others = [(position, column) for position, column in enumerate(table.columns) if column not in used]
    problems = list(table.problems)
    cases: list[Case] = []
    rejected = table.rejected
    piped = "contexts" in readers and _is_piped(readers["contexts"](row.cells) for row in table.rows)
    for row in table.rows:
        current = ""
        values: dict[str, Any] = {}
        try:
            for name, read in readers.items():
                current = mapping[name]
                values[name] = _parse(name, read(row.cells), piped=piped)
            current = mapping["input"]
            if values["input"] is None:
                raise _Unreadable("is empty; a case needs an input")
        except _Unreadable as error:
            rejected += 1
            if len(problems) < MAX_PROBLEMS:
                problems.append(Problem(row=row.number, column=current, problem=str(error)))
            continue
        metadata = {column: _plain(row.cells[p]) for p, column in others if row.cells[p] is not None}
        metadata.update(values.pop("metadata", None) or {})
        cases.append(Case(**values, metadata=metadata))
    return Cases(cases=cases, problems=problems, rejected=rejected)


def normal(name: str) -> str:
    """A column name without case, spaces and punctuation."""
    return re.sub(r"[^0-9a-z]+", "_", name.strip().lower()).strip("_")


def _field(name: str) -> str:
    wanted = normal(name)
    for field_name in FIELDS:
        if wanted == field_name or wanted in ALIASES[field_name]:
            return field_name
    raise BadInput(f"'{name}' is no field of a test case; map one of {', '.join(FIELDS)} to a column.")


def _column(wanted: str, columns: Sequence[str]) -> str:
    if not wanted or wanted in columns:
        return wanted
    for column in columns:
        if normal(column) == normal(wanted):
            return column
    if wanted.partition(".")[0] in columns:
        return wanted
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    raise BadInput(f"There is no column '{wanted}'; the file has: {shown}.")


def _reader(columns: Sequence[str], column: str) -> Any:
    """A function from a row's cells to the value of `column` (or of a path into an object)."""
    if column in columns:
        position = columns.index(column)
        return lambda cells: cells[position]
    top, *path = column.split(".")
    position = columns.index(top)

    def read(cells: Sequence[Any]) -> Any:
        value = cells[position]
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        return value

    return read


def _parse(name: str, value: Any, *, piped: bool) -> Any:
    if value is None:
        return None
    if isinstance(value, str) and value.strip() in _NULLS:
        return None
    if name == "contexts":
        return _contexts(value, piped=piped)
    if name == "metadata":
        return _metadata(value)
    text = _text(value)
    return text if text.strip() else None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return storable(value[0])  # ground_truths: ["..."]
    return storable(json.dumps(value, ensure_ascii=False))


def _contexts(value: Any, *, piped: bool) -> tuple[str, ...] | None:
    if isinstance(value, str):
        value = _list_in(value.strip(), piped=piped)
    if not isinstance(value, (list, tuple)):
        value = [value]
    texts = [_context(item) for item in value]
    return tuple(text for text in texts if text.strip())


def _is_piped(cells: Iterable[Any]) -> bool:
    """Whether a column writes its lists as 'first|second'.

    A tenth of the cells at least do, and nowhere does '|' look like anything else: a table, a list in lines, spaced
    prose, or a formula such as P(A|B).
    """
    texts = [cell for cell in cells if isinstance(cell, str)]
    piped = [text for text in texts if "|" in text]
    if not piped or 10 * len(piped) < len(texts):
        return False
    return not any(_OTHER_PIPE.search(text) or _cuts_brackets(text) for text in piped)


def _cuts_brackets(text: str) -> bool:
    return any(
        part.count("(") != part.count(")") or part.count("[") != part.count("]") for part in text.split("|")
    )


def _context(item: Any) -> str:
    if isinstance(item, dict):
        for key in _TEXT_KEYS:
            if isinstance(item.get(key), str):
                return storable(item[key])
    return "" if item is None else _text(item)


def _list_in(text: str, *, piped: bool) -> list[Any]:
    """The list a cell holds: JSON, a Python literal, lines, or 'a|b' where the whole column is written so."""
    if text.startswith("[") and text.endswith("]") and len(text) <= MAX_LITERAL_CHARACTERS:
        for read in (_json_list, _python_list):
            found = read(text)
            if found is not None:
                return found
        if text[1:].lstrip()[:1] in ("'", '"', "{"):
            raise _Unreadable("looks like a list of contexts but is neither JSON nor a Python list")
    if piped and "|" in text:
        return [part.strip() for part in text.split("|")]
    # Blank lines part the contexts where there are any: such contexts have lines of their own.
    parts = re.split(r"\n\s*\n", text) if re.search(r"\n\s*\n", text) else text.split("\n")
    return [part.strip() for part in parts]


def _json_list(text: str) -> list[Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _python_list(text: str) -> list[Any] | None:
    # numpy prints ['a' 'b'] without commas, which Python would read as one text; so count texts by token.
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        strings = [token.string for token in tokens if token.type == tokenize.STRING]
        plain = all(t.type != tokenize.OP or t.string in "[]," for t in tokens)
        if plain and strings and not any(t.type in (tokenize.NAME, tokenize.NUMBER) for t in tokens):
            return [ast.literal_eval(string) for string in strings]
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError):
        return None
    return list(value) if isinstance(value, (list, tuple)) else None


def _metadata(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            found = None
        value = found if isinstance(found, dict) else value
    plain = _plain(value)
    return plain if isinstance(plain, dict) else {"metadata": plain}


def _plain(value: Any, depth: int = 0) -> Any:
    """A value any JSON column keeps: no NUL, no integer beyond 64 bits, no NaN, no endless nesting."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else str(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if depth >= MAX_METADATA_DEPTH:
        return "..."
    if isinstance(value, dict):
        return {storable(str(key)): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    return storable(str(value))
