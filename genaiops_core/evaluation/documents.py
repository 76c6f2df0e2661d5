"""JSON and JSON Lines: a list of objects, an envelope around one, or columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.tables import Row, Table, require_columns, require_rows

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
)


def read_jsonl(text: str, filename: str) -> Table:
    """One object a line; a line that is none is reported by its number and the rest is kept."""
    table = Table(columns=(), rows=[])
    objects: list[tuple[int, dict[str, Any]]] = []
    # Not splitlines(): it also breaks at U+2028 and the like, which JSON strings may hold.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            table.reject(number, "", f"is not JSON: {_said(error)}")
            continue
        if isinstance(value, dict):
            objects.append((number, value))
            require_rows(len(objects), filename)
        else:
            table.reject(number, "", f"is not a JSON object but {_kind(value)}")
    return _fill(table, objects, filename)


def read_json(text: str, filename: str) -> Table:
    """A list of objects, {"data": [...]} and the like, or {"question": [...], "answer": [...]}.

    Raises:
        BadInput: the text is no JSON, or holds no rows in any of these shapes.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise BadInput(f"{filename} is nested too deeply to be a dataset.") from error
    except ValueError as error:
        if _looks_like_lines(text):
            return read_jsonl(text, filename)
        raise BadInput(f"{filename} is not JSON: {_said(error)}.") from error
    items = _items(value, filename)
    table = Table(columns=(), rows=[])
    objects: list[tuple[int, dict[str, Any]]] = []
    for number, item in enumerate(items, start=1):
        if isinstance(item, dict):
            objects.append((number, item))
        else:
            table.reject(number, "", f"is not a JSON object but {_kind(item)}")
    return _fill(table, objects, filename)


def _items(value: Any, filename: str) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        for name in ENVELOPES:
            if isinstance(value.get(name), list):
                return list(value[name])
        by_column = _by_column(value)
        if by_column is not None:
            return by_column
        lists = [
            item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict)
        ]
        if len(lists) == 1:
            return list(lists[0])
    raise BadInput(
        f"{filename} holds no rows: give a list of objects, an object with such a list under "
        f'"{ENVELOPES[0]}" or "{ENVELOPES[1]}", or one list a column.'
    )


def _by_column(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Rows of {"a": [1, 2], "b": [3, 4]} or of pandas' {"a": {"0": 1, "1": 2}}; None where it is neither."""
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


def _fill(table: Table, objects: Iterable[tuple[int, dict[str, Any]]], filename: str) -> Table:
    names: dict[str, None] = {}
    objects = list(objects)
    for _number, item in objects:
        names.update(dict.fromkeys(item))
        if len(names) > 2 * len(item) + 100:
            require_columns(len(names), filename)
    require_columns(len(names), filename)
    table.columns = tuple(names)
    table.rows = [Row(number, tuple(_cell(item.get(name)) for name in names)) for number, item in objects]
    require_rows(len(table.rows), filename)
    return table


def _cell(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _looks_like_lines(text: str) -> bool:
    """Whether this is JSON Lines under the wrong name: the first line with text is an object by itself."""
    first = text.lstrip().partition("\n")[0].strip()
    if not (first.startswith("{") and first.endswith("}")):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _said(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "something else")
