"""Parses cells into the values of a test case: a text, a list of contexts, metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from genaiops_core.evaluation.datasets.context_objects import find_text, transpose_objects
from genaiops_core.evaluation.datasets.list_texts import parse_list, split_bullets
from genaiops_core.evaluation.readers.conversations import decode_cell, extract_text, format_json
from genaiops_core.evaluation.readers.encodings import replace_unstorable

# Far below the nesting limits of JSON in SQLite and PostgreSQL; deeper values are replaced by "...".
MAX_METADATA_DEPTH = 20

_PIPE_IN_PROSE = re.compile(r"\n|^\||\|\||\s\||\|\s|\|$")
_NULLS = frozenset(("null", "NULL", "\\N", "#N/A"))
"""Texts by which databases and sheets represent a missing value; "Null", "None" and "NaN" may be answers."""


class UnreadableCell(Exception):
    """A cell that cannot be parsed as its field; the text says why."""


def is_missing(value: Any) -> bool:
    """Whether a cell is blank or represents a missing value."""
    return value is None or (isinstance(value, str) and (not value.strip() or value.strip() in _NULLS))


def parse_text(value: Any, *, has_alternatives: bool = False) -> str | None:
    """Parse a cell as one text; None when it is missing.

    Args:
        value: the cell.
        has_alternatives: whether the column has several right answers (`ground_truths`, `ideal`), so that a list
            written as text is parsed; each answer becomes one line, without duplicates.
    """
    if is_missing(value):
        return None
    if isinstance(value, str):
        extracted: Any = value
        if value.lstrip()[:1] in ("[", "{"):
            extracted = extract_text(decode_cell(value))
            if extracted is None and has_alternatives:
                extracted = _join_alternatives(parse_list(value.strip()))
            extracted = value if extracted is None else extracted
    elif isinstance(value, list):
        extracted = extract_text(value)
        extracted = _join_alternatives(value) if extracted is None else extracted
    else:
        extracted = _extract_object_text(value) if isinstance(value, dict) else None
    if extracted is None:
        if value in ([], {}):
            return None
        extracted = format_json(value)
    return replace_unstorable(extracted) if extracted.strip() else None


def parse_contexts(
    value: Any, *, is_piped_column: bool, is_bulleted_column: bool = False
) -> tuple[str, ...] | None:
    """Parse a cell as the contexts of an answer; None when it is missing.

    Raises:
        UnreadableCell: the text resembles a list but cannot be parsed as one.
    """
    if is_missing(value):
        return None
    if isinstance(value, str):
        value = _parse_context_list(
            value.strip(), is_piped_column=is_piped_column, is_bulleted_column=is_bulleted_column
        )
    if isinstance(value, dict) and len(value) == 1 and isinstance(inner := next(iter(value.values())), list):
        value = inner  # {"contexts": [...]}
    if isinstance(value, dict) and (columns := transpose_objects(value)) is not None:
        value = columns
    if not isinstance(value, (list, tuple)):
        value = [value]
    texts = [read_context(item) for item in value]
    return tuple(text for text in texts if text.strip())


def parse_metadata(value: Any) -> dict[str, Any]:
    """Parse a cell of metadata as an object."""
    if is_missing(value):
        return {}
    decoded = decode_cell(value)
    json_value = to_json_value(decoded if isinstance(decoded, dict) else value)
    return json_value if isinstance(json_value, dict) else {"metadata": json_value}


def parse_exported(name: str, value: Any) -> Any:
    """Parse a cell of the product's own export as the field `name`: a text is read as it is, also `null` or a JSON text.

    Raises:
        UnreadableCell: contexts or metadata are not the JSON that an export contains.
    """
    if name in ("contexts", "metadata"):
        empty: Any = None if name == "contexts" else {}
        decoded = empty if value is None else _decode_json(value)
        kind = list if name == "contexts" else dict
        if decoded is not empty and not isinstance(decoded, kind):
            raise UnreadableCell(f"is not a JSON {'list' if kind is list else 'object'}")
        if kind is dict:
            return to_json_value(decoded)
        return None if decoded is None else tuple(map(_read_exported_context, decoded))
    return None if value is None else replace_unstorable(value)


def is_piped(cells: Iterable[Any]) -> bool:
    """Whether a column writes its lists as 'first|second'.

    At least a tenth of the cells contain '|', and in none is it part of a table, of a list in lines, of spaced prose,
    or of a formula such as P(A|B).
    """
    texts = [cell for cell in cells if isinstance(cell, str)]
    with_pipe = [cell for cell in texts if "|" in cell]
    if not with_pipe or 10 * len(with_pipe) < len(texts):
        return False
    return not any(_PIPE_IN_PROSE.search(cell) or _splits_brackets(cell) for cell in with_pipe)


def is_bulleted(cells: Iterable[Any]) -> bool:
    """Whether a cell of a column is a list of several bullets, so that a single bullet is one too."""
    return any(isinstance(cell, str) and len(split_bullets(cell.strip()) or ()) > 1 for cell in cells)


def to_json_value(value: Any, depth: int = 0) -> Any:
    """Convert a value to what every JSON column stores: no NUL, integer beyond 64 bits, NaN or unbounded nesting."""
    if isinstance(value, str):
        return replace_unstorable(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        # orjson rejects integers beyond 64 bits.
        return value if abs(value) < 1 << 63 else str(value)
    if isinstance(value, float):
        value = float(value)  # a plain one, because orjson rejects subclasses
        return value if value == value and abs(value) != float("inf") else str(value)
    if depth >= MAX_METADATA_DEPTH:
        return "..."
    if isinstance(value, dict):
        return {replace_unstorable(str(key)): to_json_value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json_value(item, depth + 1) for item in value]
    return replace_unstorable(str(value))


def _decode_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise UnreadableCell(f"is not JSON: {error}") from None


def _read_exported_context(item: Any) -> str:
    return replace_unstorable(item) if isinstance(item, str) else read_context(item)


def _join_alternatives(value: list[Any] | None) -> str | None:
    """Join right answers, one per line without duplicates; None unless all are texts (or SQuAD's {"text": ...})."""
    texts = [
        item.get("text") if isinstance(item, dict) and "answer_start" in item else item
        for item in value or []
    ]
    if not texts or not all(isinstance(item, str) for item in texts):
        return None
    return "\n".join(dict.fromkeys(map(str, texts)))


def _extract_object_text(value: dict[str, Any]) -> str | None:
    """Extract the text of a message, or of an object that contains only a text (or SQuAD's {"text": [...]})."""
    message_text = extract_text(value)
    if message_text is None:
        for key in ("text", "value", "content"):
            is_single_text = len(value) == 1 or set(value) == {"text", "answer_start"}
            if is_single_text and isinstance(value.get(key), str):
                return str(value[key])
            if is_single_text and isinstance(value.get(key), list):
                return _join_alternatives(value[key]) or ""
    return message_text


def _splits_brackets(text: str) -> bool:
    return any(
        part.count("(") != part.count(")") or part.count("[") != part.count("]") for part in text.split("|")
    )


def read_context(item: Any) -> str:
    """Read one context: a text, an object with a text, or a title and its sentences."""
    if isinstance(item, list) and item and not all(isinstance(part, dict) for part in item):
        return "\n".join(filter(None, map(read_context, item)))
    if isinstance(item, dict):
        text = find_text(item)
        if text is not None:
            return replace_unstorable(text)
    return parse_text(item) or ""


def _parse_context_list(text: str, *, is_piped_column: bool, is_bulleted_column: bool) -> list[Any]:
    """Parse a list: JSON, a Python literal, bullets, lines, or 'a|b' when the whole column is written so."""
    items = parse_list(text)
    if items is not None:
        return items
    bulleted = split_bullets(text, is_column=is_bulleted_column)
    if bulleted is not None:
        return list(bulleted)
    if text.startswith("[") and text.endswith("]") and text[1:].lstrip()[:1] in ("'", '"', "{"):
        raise UnreadableCell("resembles a list of contexts but is neither JSON nor a Python list")
    if text.startswith("{") and isinstance(decode_cell(text), dict):
        return [decode_cell(text)]
    if is_piped_column and "|" in text:
        return [part.strip() for part in text.split("|")]
    # Blank lines separate the contexts if there are any: such contexts have several lines each.
    parts = re.split(r"\n\s*\n", text) if re.search(r"\n\s*\n", text) else text.split("\n")
    return [part.strip() for part in parts]
