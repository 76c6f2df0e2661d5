"""Maps the columns of a file to the fields of a test case: by the names other tools use, or as the user maps them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.conversations import decode_cell, is_conversation

FIELDS = ("input", "answer", "contexts", "reference", "metadata")

ALIASES: dict[str, tuple[str, ...]] = {
    "input": (
        *("input", "question", "query", "user_input", "user_query", "user_question", "user_prompt", "prompt"),
        *("inputs", "message", "user_message", "question_text", "instruction", "previous_turn", "problem"),
        *("messages", "conversations", "conversation", "scenario", "turns", "vars", "request"),
    ),
    "answer": (
        *("answer", "response", "generated_answer", "actual_output", "output", "model_answer"),
        *("model_output", "model_response", "generated_response", "prediction", "completion"),
        *("chatgpt_response", "generated_text", "actual_answer", "llm_response", "llm_output", "outputs"),
    ),
    "contexts": (
        *("contexts", "retrieved_contexts", "retrieval_context", "retrieved_context", "context", "documents"),
        *("document", "passages", "passage", "knowledge", "evidence", "source_documents"),
        *("retrieved_documents", "retrieved_docs", "docs", "chunks", "retrieved_chunks", "ctxs"),
        *("reference_contexts", "reference_context"),
    ),
    "reference": (
        *("reference", "ground_truth", "expected_answer", "expected_output", "expected", "reference_answer"),
        *("ground_truths", "ground_truth_answer", "truth", "target", "gt_answer", "gold_answer", "ideal"),
        *("correct_answer", "golden_answer", "expected_response", "reference_output", "reference_outputs"),
        *("ideal_answer", "gold", "best_answer", "expected_outcome", "golden_answers", "gold_answers"),
        *("reference_answers", "correct_answers", "possible_answers", "answers", "gt"),
        *("reference_response", "reference_responses"),
    ),
    "metadata": ("metadata", "meta"),
}
"""Names that other tools use for each field, most specific first; case, spaces and punctuation do not matter."""

_TEXT_KEYS = ("text", "value", "content")
MAX_PATHS = 200
# Steps of the longest listed path: `column.a.b.c`.
_MAX_DEPTH = 3
SAMPLE_ROWS = 200
"""Number of rows examined to recognise columns."""

_WRAPPERS = ("vars", "example", "row", "item", "data", "record", "sample", "fields", "testcase", "attributes")
"""Normalised names of columns that hold a whole case as an object, besides those named like a field."""


def normalise_name(name: str) -> str:
    """Remove case, spaces and punctuation, so that `expectedOutput` equals `expected_output`."""
    return re.sub(r"[^0-9a-z]+", "", name.lower())


_NORMALISED_ALIASES = {
    field: tuple(normalise_name(alias) for alias in aliases) for field, aliases in ALIASES.items()
}
KNOWN_NAMES = frozenset(alias for aliases in _NORMALISED_ALIASES.values() for alias in aliases)


def recognise_columns(columns: Sequence[str], rows: Sequence[Sequence[Any]] = ()) -> dict[str, str]:
    """Map field -> column, or path into a column of objects, by alias; a column serves one field only.

    Args:
        columns: the columns of the file.
        rows: the first rows. Another column of the same field is preferred to a column that is mostly blank, and
            paths into columns of objects (`inputs`, `outputs`) are candidates too.
    """
    sample = list(islice(rows, SAMPLE_ROWS))
    paths_in_objects = list_object_paths(columns, sample)
    candidates_by_field: dict[str, list[tuple[bool, bool, int, str]]] = {field: [] for field in FIELDS}
    # A column name such as `inputs.question` is a part of a flattened object.
    dotted = [column for column in columns if "." in column.strip(".")]
    paths = [*dotted, *paths_in_objects]
    for candidate in (*columns, *paths_in_objects):
        is_path = candidate not in columns or candidate in dotted
        field, rank = _find_path_field(candidate, paths) if is_path else _find_field(candidate)
        if field:
            candidates_by_field[field].append(
                (_is_mostly_blank(candidate, columns, sample), is_path, rank, candidate)
            )
    # A path into a column of objects is preferred to the column itself.
    parts = {
        candidate.partition(".")[0]
        for candidates in candidates_by_field.values()
        for _, _, _, candidate in candidates
        if candidate not in columns
    }
    mapping: dict[str, str] = {}
    for field, candidates in candidates_by_field.items():
        best = min(
            (candidate_rank for candidate_rank in candidates if candidate_rank[3] not in parts),
            key=lambda candidate_rank: candidate_rank[:3],
            default=None,
        )
        if best is not None:
            mapping[field] = best[3]
    return mapping


def resolve_mapping(
    columns: Sequence[str],
    explicit: Mapping[str, str] | None = None,
    rows: Sequence[Sequence[Any]] = (),
) -> dict[str, str]:
    """Map field -> column: as the user maps them, and by alias for the rest.

    Args:
        columns: the columns of the file.
        explicit: field (or an alias of it) -> column; an empty column excludes the field. `model1.response` is a
            path into an object.
        rows: the first rows, as for `recognise_columns`.

    Raises:
        BadInput: a field or a column does not exist.
    """
    chosen_columns: dict[str, str] = {}
    for name, column in (explicit or {}).items():
        chosen_columns[_parse_field(name)] = _parse_column(column, columns)
    taken_columns = set(chosen_columns.values())
    mapping = {name: column for name, column in chosen_columns.items() if column}
    recognised = recognise_columns(columns, rows)
    # A column that the user mapped was recognised as another field too; recognise the rest without it.
    if taken_columns & set(recognised.values()):
        free_columns = [column for column in columns if column not in taken_columns]
        positions = [columns.index(column) for column in free_columns]
        recognised = recognise_columns(
            free_columns, [[row[position] for position in positions] for row in rows[:SAMPLE_ROWS]]
        )
    mapping |= {name: column for name, column in recognised.items() if name not in chosen_columns}
    return {name: mapping[name] for name in FIELDS if name in mapping}


def list_object_paths(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> tuple[str, ...]:
    """List paths such as `outputs.answer` into the columns whose cells are objects, at most `MAX_PATHS`."""
    paths: dict[str, None] = {}
    sample = list(islice(rows, SAMPLE_ROWS))
    for position, column in enumerate(columns):
        cells = [decode_cell(row[position]) for row in sample if row[position] is not None]
        objects = [cell for cell in cells if isinstance(cell, dict) and not is_conversation(cell)]
        if objects and 2 * len(objects) >= len(cells):
            for cell in objects:
                _collect_paths(column, cell, paths, _MAX_DEPTH)
    return tuple(islice(paths, MAX_PATHS))


def build_cell_reader(columns: Sequence[str], column: str) -> Callable[[Sequence[Any]], Any]:
    """Build a function that reads `column`, or a path into an object, from the cells of a row."""
    if column in columns:
        position = columns.index(column)
        return lambda cells: cells[position]
    top, path = _split_path(column, columns)
    position = columns.index(top)

    def read(cells: Sequence[Any]) -> Any:
        value = decode_cell(cells[position])
        for step in path:
            if isinstance(value, list) and step.isdigit():
                value = value[int(step)] if int(step) < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
        return value

    return read


def find_column_field(column: str) -> str:
    """Find the field that a name of a column, or the last part of a path, stands for; '' for none."""
    return _find_field(column)[0] or _find_field(column.rpartition(".")[2])[0]


def find_source_column(column: str, columns: Sequence[str]) -> str:
    """Find the column of the file that a column or path reads."""
    return column if column in columns else _split_path(column, columns)[0]


def _split_path(path: str, columns: Sequence[str]) -> tuple[str, list[str]]:
    """Split a path into the longest column name it starts with (names may contain dots) and the steps into it."""
    steps = path.split(".")
    for length in range(len(steps) - 1, 0, -1):
        top = ".".join(steps[:length])
        if top in columns:
            return top, steps[length:]
    return "", steps


def _collect_paths(path: str, value: Mapping[str, Any], paths: dict[str, None], depth: int) -> None:
    for key, inner in value.items():
        if len(paths) >= MAX_PATHS:
            return
        step = f"{path}.{key}"
        if isinstance(inner, dict) and inner and depth > 1 and not is_conversation(inner):
            _collect_paths(step, inner, paths, depth - 1)
        else:
            paths[step] = None


def _find_field(name: str) -> tuple[str, int]:
    """Find the field of a column name and its rank (0 is the most specific alias); '' for none."""
    for field, aliases in _NORMALISED_ALIASES.items():
        if normalise_name(name) in aliases:
            return field, aliases.index(normalise_name(name))
    return "", 0


def _find_path_field(path: str, paths: Sequence[str]) -> tuple[str, int]:
    """Find the field of a path: by its last step, or by its column when the object has no other part."""
    container, _, rest = path.partition(".")
    outer_field, _rank = _find_field(container)
    if outer_field == "metadata" or not (outer_field or normalise_name(container) in _WRAPPERS):
        return "", 0
    steps = rest.split(".")
    if len(steps) > 1 and steps[-1] in _TEXT_KEYS:
        steps.pop()  # attributes.input.value
    inner_field, rank = _find_field(steps[-1])
    if inner_field:
        return ("reference" if outer_field == "reference" and inner_field == "answer" else inner_field), rank
    # The only part of an object such as {"input": {"text": ...}} stands for its field; several parts are ambiguous.
    is_only = sum(other.startswith(f"{container}.") for other in paths) == 1
    is_text = outer_field == "input" or rest in _TEXT_KEYS
    return (
        (outer_field, len(_NORMALISED_ALIASES[outer_field]))
        if outer_field and is_only and is_text
        else ("", 0)
    )


def _is_mostly_blank(column: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bool:
    read_cell = build_cell_reader(columns, column)
    blank_cells = sum(_is_blank(read_cell(row)) for row in rows)
    return 2 * blank_cells > len(rows)


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _parse_field(name: str) -> str:
    normalised = normalise_name(name)
    for field in FIELDS:
        if normalised == field or normalised in _NORMALISED_ALIASES[field]:
            return field
    raise BadInput(f"'{name}' is not a field of a test case; map one of {', '.join(FIELDS)} to a column.")


def _parse_column(requested: str, columns: Sequence[str]) -> str:
    if not requested or requested in columns:
        return requested
    for column in columns:
        if normalise_name(column) and normalise_name(column) == normalise_name(requested):
            return column
    if _split_path(requested, columns)[0]:
        return requested
    listed = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    raise BadInput(f"Column '{requested}' does not exist; the file has: {listed}.")
