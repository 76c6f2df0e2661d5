"""Maps the columns of a file to the fields of a test case: by the names other tools use, or as the user maps them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.conversations import decode_cell, is_conversation
from genaiops_core.evaluation.readers.headings import merge_names

FIELDS = ("input", "answer", "contexts", "reference", "metadata")

ALIASES = merge_names()
"""Names of each field, most specific first; case, accents, spaces and punctuation do not matter."""

_TEXT_KEYS = ("text", "value", "content")
MAX_PATHS = 200
# Steps of the longest listed path: `column.a.b.c`.
_MAX_DEPTH = 3
_MIN_OBJECT_SHARE = 0.1
SAMPLE_ROWS = 200
"""Number of rows examined to recognise columns."""

_WRAPPERS = ("vars", "example", "row", "item", "data", "record", "sample", "fields", "testcase", "attributes")
"""Normalised names of columns that hold a whole case as an object, besides those named like a field."""


def normalise_name(name: str) -> str:
    """Remove case, accents, spaces and punctuation: `expectedOutput` equals `expected_output`, `Réponse` equals `reponse`."""
    # Compatibility forms, because headings in full width are the same words.
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    without_accents = "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f")
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", without_accents)))


_NORMALISED_ALIASES = {
    field: tuple(normalise_name(alias) for alias in aliases) for field, aliases in ALIASES.items()
}
_RANKS = {
    alias: (field, rank)
    for field, aliases in reversed(_NORMALISED_ALIASES.items())
    for rank, alias in reversed(list(enumerate(aliases)))
}
KNOWN_NAMES = frozenset(alias for aliases in _NORMALISED_ALIASES.values() for alias in aliases)


def recognise_columns(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]] = (),
    hints: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Map field -> column, or path into a column of objects, by alias; a column serves one field only.

    Args:
        columns: the columns of the file.
        rows: the first rows. Another column of the same field is preferred to a column that is mostly blank, and
            paths into columns of objects (`inputs`, `outputs`) are candidates too.
        hints: column -> its field in the layout of a known tool, '' for none; other columns are found by name.
    """
    sample = list(islice(rows, SAMPLE_ROWS))
    paths_in_objects = list_object_paths(columns, sample)
    candidates_by_field: dict[str, list[tuple[bool, bool, int, str]]] = {field: [] for field in FIELDS}
    # A column name such as `inputs.question` is a part of a flattened object.
    dotted = [column for column in columns if "." in column.strip(".")]
    paths = [*dotted, *paths_in_objects]
    for candidate in (*columns, *paths_in_objects):
        is_path = (candidate not in columns or candidate in dotted) and candidate not in hints
        field, rank = _find_path_field(candidate, paths, hints) if is_path else _find_field(candidate, hints)
        if field:
            is_blank = _is_mostly_blank(build_field_reader(columns, field, candidate, hints), sample)
            candidates_by_field[field].append((is_blank, is_path, rank, candidate))
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
    hints: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Map field -> column: as the user maps them, and by alias for the rest.

    Args:
        columns: the columns of the file.
        explicit: field (or an alias of it) -> column; an empty column excludes the field. `model1.response` is a
            path into an object.
        rows: the first rows, as for `recognise_columns`.
        hints: the layout of a known tool, as for `recognise_columns`.

    Raises:
        BadInput: a field or a column does not exist.
    """
    chosen_columns: dict[str, str] = {}
    for name, column in (explicit or {}).items():
        chosen_columns[_parse_field(name)] = _parse_column(column, columns)
    taken_columns = set(chosen_columns.values())
    mapping = {name: column for name, column in chosen_columns.items() if column}
    recognised = recognise_columns(columns, rows, hints)
    # A column that the user mapped was recognised as another field too; recognise the rest without it.
    if taken_columns & set(recognised.values()):
        free_columns = [column for column in columns if column not in taken_columns]
        positions = [columns.index(column) for column in free_columns]
        recognised = recognise_columns(
            free_columns, [[row[position] for position in positions] for row in rows[:SAMPLE_ROWS]], hints
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
        # Texts and objects may be mixed; a text that happens to be a JSON object is rare.
        if objects and _MIN_OBJECT_SHARE * len(cells) <= len(objects):
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


def build_field_reader(
    columns: Sequence[str], field: str, column: str, hints: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Sequence[Any]], Any]:
    """Build a function that reads a field as `build_cell_reader` does, also from rows with other keys or plain texts.

    A file may mix {"question": ...}, {"query": ...} and texts in the column `input`.
    """
    read_cell = build_cell_reader(columns, column)
    if column in columns or field == "metadata":
        return read_cell
    top, path = _split_path(column, columns)
    position = columns.index(top)
    is_own = _find_field(top, hints)[0] == field

    def read(cells: Sequence[Any]) -> Any:
        value = read_cell(cells)
        whole = cells[position] if value is None else None
        if whole is None:
            return value
        decoded = decode_cell(whole)
        if not isinstance(decoded, dict) or is_conversation(decoded):
            return whole if is_own else None
        inner_keys = [key for key in decoded if _is_field_key(key, field, is_own=is_own)]
        for key in inner_keys:
            if decoded[key] is not None:
                return decoded[key]
        is_unknown = is_own and not inner_keys and path[0] not in decoded
        return decoded if is_unknown else None

    return read


def _is_field_key(key: str, field: str, *, is_own: bool) -> bool:
    """Whether the key of an object holds a field; the answer within a reference is the reference."""
    key_field = _find_field(key)[0]
    return key_field == field or (
        is_own and (key in _TEXT_KEYS or (key_field, field) == ("answer", "reference"))
    )


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


def _find_field(name: str, hints: Mapping[str, str] = MappingProxyType({})) -> tuple[str, int]:
    """Find the field of a column name and its rank (0 is the most specific alias); '' for none."""
    if name in hints:
        return hints[name], 0
    return _RANKS.get(normalise_name(name), ("", 0))


def _find_path_field(path: str, paths: Sequence[str], hints: Mapping[str, str]) -> tuple[str, int]:
    """Find the field of a path: by its last step, or by its column when the object has no other part."""
    container, _, rest = path.partition(".")
    outer_field, _rank = _find_field(container, hints)
    is_wrapper = normalise_name(container) in _WRAPPERS and container not in hints
    if outer_field == "metadata" or not (outer_field or is_wrapper):
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


def _is_mostly_blank(read_cell: Callable[[Sequence[Any]], Any], rows: Sequence[Sequence[Any]]) -> bool:
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
