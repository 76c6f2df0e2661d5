"""Readers of JSON and JSON Lines: a list of objects, an envelope around one, columns, or lists of cells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.columns import recognise_columns
from genaiops_core.evaluation.readers.conversations import WrittenFloat
from genaiops_core.evaluation.readers.headers import build_table
from genaiops_core.evaluation.readers.nested import flatten_record
from genaiops_core.evaluation.readers.tables import MAX_CELLS, Row, Table, require_columns, require_rows

ENVELOPES = (
    "data",
    "examples",
    "cases",
    "test_cases",
    "tests",
    "rows",
    "samples",
    "records",
    "items",
    "goldens",
    "results",
)


def read_jsonl(text: str, filename: str, max_rows: int | None = None) -> Table:
    """Read one object per line; a line that is not an object is reported by its number, and the rest is read."""
    table = Table(columns=(), rows=[])
    decoder = _ObjectDecoder()
    objects: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(_split_lines(text), start=1):
        if not line.strip():
            continue
        if max_rows is not None and len(objects) + table.rejected >= max_rows:
            table.is_partial = True
            break
        try:
            value = decoder.decode(line)
        except (ValueError, RecursionError) as error:
            table.reject(number, "", f"is not JSON: {_describe_error(error)}")
            continue
        if isinstance(value, dict):
            objects += [(number, row) for row in flatten_record(value)]
            require_rows(len(objects), filename)
        else:
            table.reject(number, "", f"is {_describe_kind(value)}, not a JSON object")
    decoder.note_repeats(table)
    return _fill_table(table, objects, filename)


def read_json(text: str, filename: str, max_rows: int | None = None) -> Table:
    """Read a list of objects, an envelope such as {"data": [...]}, or {"question": [...], "answer": [...]}.

    Raises:
        BadInput: the text is not JSON, or has no rows in any of these shapes.
    """
    _require_parsable_size(text, filename)
    decoder = _ObjectDecoder()
    try:
        value = decoder.decode(text)
    except RecursionError as error:
        raise BadInput(f"{filename} is nested too deeply for a dataset.") from error
    except ValueError as error:
        if _looks_like_lines(text):
            return read_jsonl(text, filename, max_rows)
        value = _parse_concatenated_objects(text)
        if value is None:
            raise BadInput(f"{filename} is not JSON: {_describe_error(error)}.") from error
    items = _find_items(value, filename)
    if not items:
        raise BadInput(f"{filename} is empty: its list has no rows.")
    if all(isinstance(item, list) for item in items[:50]):
        records = ((at, item) for at, item in enumerate(items, start=1) if isinstance(item, list))
        return build_table(records, filename, max_rows)
    table = Table(columns=(), rows=[])
    objects: list[tuple[int, dict[str, Any]]] = []
    is_texts = all(isinstance(item, str) for item in items)
    for number, item in enumerate(islice(items, max_rows), start=1):
        if isinstance(item, dict):
            objects += [(number, row) for row in flatten_record(item)]
        elif is_texts:
            objects.append((number, {"input": item}))
        else:
            table.reject(number, "", f"is {_describe_kind(item)}, not a JSON object")
    table.is_partial = max_rows is not None and len(items) > max_rows
    decoder.note_repeats(table)
    return _fill_table(table, objects, filename)


class _ObjectDecoder:
    """Decodes JSON with numbers as written; a key that an object repeats is numbered, and listed as a problem."""

    def __init__(self) -> None:
        self._repeats: dict[str, None] = {}

    def decode(self, text: str) -> Any:
        return json.loads(text, parse_float=WrittenFloat, object_pairs_hook=self._build_object)

    def note_repeats(self, table: Table) -> None:
        for name in self._repeats:
            table.note(
                None,
                name,
                f"is a repeated key of an object; the other value is {name} (2), check which one is meant",
            )

    def _build_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) == len(pairs):
            return built
        built = {}
        for name, value in pairs:
            number, key = 2, name
            while key in built:
                self._repeats[name] = None
                number, key = number + 1, f"{name} ({number})"
            built[key] = value
        return built


def _require_parsable_size(text: str, filename: str) -> None:
    """Limit the number of values before parsing: "[]," takes 3 bytes in the file and about 60 in memory."""
    if text.count(",") + text.count("[") + text.count("{") > MAX_CELLS:
        raise BadInput(
            f"{filename} has more than {MAX_CELLS:,} values; save it as JSON Lines or CSV, or split it."
        )


def _split_lines(text: str) -> Iterable[str]:
    # Not splitlines(): it also breaks at U+2028 and similar, which JSON strings may contain.
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _find_items(value: Any, filename: str) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        # From the most to the least specific shape: a later one would also match most data of an earlier one.
        rows = _find_rows_in_envelope(value)
        rows = _transpose_columns(value) if rows is None else rows
        rows = _find_only_list(value) if rows is None else rows
        rows = _find_rows_in_inner_envelope(value) if rows is None else rows
        rows = _list_identified_rows(value) if rows is None else rows
        rows = _wrap_single_case(value) if rows is None else rows
        if rows is not None:
            return rows
    raise BadInput(
        f"{filename} has no rows; use a list of objects, an object with such a list under "
        f'"{ENVELOPES[0]}" or "{ENVELOPES[1]}", or one list per column.'
    )


def _find_rows_in_envelope(value: Mapping[str, Any]) -> list[Any] | None:
    for name in ENVELOPES:
        rows = value.get(name)
        if not isinstance(rows, list):
            continue
        names = value.get("columns")
        if isinstance(names, list) and rows and all(isinstance(row, list) for row in rows):
            return [names, *rows]  # pandas' orient="split"
        if rows and all(isinstance(row, dict) and isinstance(row.get("row"), dict) for row in rows):
            return [row["row"] for row in rows]  # a page of Hugging Face's dataset server
        if name in ("data", "rows") or not rows or isinstance(rows[0], dict):
            return None if _is_column(name, value) else rows
    return None


def _find_only_list(value: Mapping[str, Any]) -> list[Any] | None:
    """Find the only list of objects in an object, under any name."""
    lists = [item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict)]
    return lists[0] if len(lists) == 1 else None


def _find_rows_in_inner_envelope(value: Mapping[str, Any]) -> list[Any] | None:
    """Find the rows of an envelope within an envelope: {"version": 3, "results": {"results": [...]}}."""
    inner = [item for name, item in value.items() if name in ENVELOPES and isinstance(item, dict)]
    return _find_rows_in_envelope(inner[0]) if len(inner) == 1 else None


def _wrap_single_case(value: Mapping[str, Any]) -> list[Any] | None:
    """Wrap an object that is itself a case: one of its keys is recognised as the input."""
    return [value] if "input" in recognise_columns(list(value)) else None


def _is_column(name: str, value: Mapping[str, Any]) -> bool:
    """Whether a list named like an envelope is one of several columns."""
    rows = value[name]
    return (
        len(value) > 1 and not (rows and isinstance(rows[0], dict)) and _transpose_columns(value) is not None
    )


def _transpose_columns(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Convert {"a": [1, 2], "b": [3, 4]} or pandas' {"a": {"0": 1, "1": 2}} to rows; None for any other object."""
    if not value:
        return None
    columns: dict[str, list[Any]] = {}
    for name, cells in value.items():
        if isinstance(cells, dict) and all(key.isdigit() for key in cells):
            columns[name] = list(cells.values())
        elif isinstance(cells, list):
            columns[name] = cells
        else:
            return None
    if len({len(cells) for cells in columns.values()}) != 1:
        return None
    if len(columns) == 1 and all(isinstance(cell, dict) for cell in next(iter(columns.values()))):
        return None  # one list of objects is an envelope, not a column
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _list_identified_rows(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """List the rows of {"q1": {...}, "q2": {...}}, each with its key as `id`."""
    if len(value) < 2 or not all(isinstance(item, dict) and item for item in value.values()):
        return None
    return [{"id": name, **item} for name, item in value.items()]


def _fill_table(table: Table, objects: Iterable[tuple[int, dict[str, Any]]], filename: str) -> Table:
    names: dict[str, None] = {}
    objects = list(objects)
    for _number, item in objects:
        names.update(dict.fromkeys(item))
        require_columns(len(names), filename)
    table.columns = tuple(names)
    require_rows(len(objects), filename, len(names))
    table.rows = [
        Row(number, tuple(_normalise_cell(item.get(name)) for name in names)) for number, item in objects
    ]
    return table


def _normalise_cell(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _looks_like_lines(text: str) -> bool:
    """Whether a file named .json is JSON Lines: its first line is a complete object."""
    first = text.lstrip().partition("\n")[0].strip()
    if not (first.startswith("{") and first.endswith("}")):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _parse_concatenated_objects(text: str) -> list[dict[str, Any]] | None:
    """Parse objects without commas between them, as jq prints them; None for any other text."""
    decoder = json.JSONDecoder(parse_float=WrittenFloat)
    objects: list[dict[str, Any]] = []
    position = _skip_space(text, 0)
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict):
            return None
        objects.append(value)
        position = _skip_space(text, position)
    return objects


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _describe_error(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return (
        "it is nested too deeply"
        if isinstance(error, RecursionError)
        else "it contains a number that is too long"
    )


def _describe_kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "something else")
