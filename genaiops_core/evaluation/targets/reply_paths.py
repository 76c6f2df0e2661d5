"""Paths in a JSON reply: `result.text`, `choices.0.message.content`, `sources[].text`.

Names and positions are separated by dots; `[]` after a name selects every item of a list. A key that contains a dot
cannot be selected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import Any

from genaiops_core.errors import BadInput

# Bounds the recursion of `find_value`.
MAX_STEPS = 20

_PART = re.compile(r"(?P<name>[^.\[\]]+)?(?P<each>(?:\[\d*\])*)")
_INDEX = re.compile(r"\[(\d*)\]")


class Step(Enum):
    """A step that is neither a name nor a position."""

    EACH = "[]"


class _Missing(Enum):
    MISSING = "missing"


MISSING = _Missing.MISSING
"""The path has no value; None represents a JSON null."""

Steps = tuple[str | int | Step, ...]


def parse_path(path: str, field: str) -> Steps:
    """Parse a path into steps.

    Args:
        path: as above; `[0]` is a position too.
        field: name of the field, for the error.

    Raises:
        BadInput: the path is invalid.
    """
    steps: list[str | int | Step] = []
    for part in path.strip().split("."):
        match = _PART.fullmatch(part)
        if match is None or not part:
            raise BadInput(
                f"{field}: '{path}' is not a valid path; write names separated by dots, for example result.text, "
                "choices.0.message.content or sources[].text."
            )
        if match["name"] is not None:
            steps.append(match["name"])
        steps += [int(digits) if digits else Step.EACH for digits in _INDEX.findall(match["each"])]
    if len(steps) > MAX_STEPS:
        raise BadInput(f"{field}: '{path}' has more than {MAX_STEPS} steps.")
    return tuple(steps)


def find_value(document: Any, steps: Sequence[str | int | Step]) -> Any:
    """Find the value at a path, or `MISSING`; after a `[]`, the list of the values of all items that have one."""
    for position, step in enumerate(steps):
        if step is Step.EACH:
            if not isinstance(document, list):
                return MISSING
            rest = steps[position + 1 :]
            values = [value for item in document if (value := find_value(item, rest)) is not MISSING]
            return _flatten(values) if Step.EACH in rest else values
        document = _take_step(document, step)
        if document is MISSING:
            return MISSING
    return document


def _take_step(document: Any, step: Any) -> Any:
    if isinstance(document, dict):
        # A position in the path may be a key: objects have numeric keys too.
        return document.get(str(step), MISSING)
    # `isdigit` alone accepts characters such as ², which `int` rejects.
    if isinstance(document, list) and str(step).isascii() and str(step).isdigit():
        position = int(step)
        return document[position] if position < len(document) else MISSING
    return MISSING


def _flatten(lists: list[Any]) -> list[Any]:
    return [item for items in lists for item in items]
