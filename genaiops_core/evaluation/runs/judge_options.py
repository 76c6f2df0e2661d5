"""Judge options as text, from the command line or from a run's row, to `JudgeOptions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.judges.protocol import JudgeOptions


def parse_judge_options(document: Mapping[str, Any]) -> JudgeOptions:
    """Options from text, as the command line and the run's row have them.

    Raises:
        BadInput: an option is unknown or not of its kind.
    """
    known = {field.name: field.type for field in fields(JudgeOptions) if field.name != "rubrics"}
    values: dict[str, Any] = {}
    for name, value in document.items():
        if name == "rubrics" and isinstance(value, Sequence) and not isinstance(value, str):
            values[name] = tuple(value)
            continue
        if name not in known:
            raise BadInput(f"There is no judge option '{name}'; known are {', '.join(sorted(known))}.")
        values[name] = _convert_option(name, value, str(known[name]))
    return JudgeOptions(**values)


def _convert_option(name: str, value: Any, kind: str) -> Any:
    if value is None or kind == "str":
        return "" if value is None and kind == "str" else value
    try:
        return int(value) if kind == "int" else float(value)
    except (TypeError, ValueError) as error:
        raise BadInput(f"The judge option {name} must be a number, not '{value}'.") from error
