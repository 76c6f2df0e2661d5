"""Placeholders in prompts and templates for the values of a case: `{input}` or `{{input}}`.

All placeholders are replaced in one pass, so that values are never parsed as templates: a question that contains
`{reference}` is sent unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from genaiops_core.evaluation.datasets.case import Case

ALIASES = {"question": "input", "query": "input", "context": "contexts"}
"""Other names of the same values."""

NAMES = ("input", "contexts", "reference", "metadata", "repetition", *ALIASES)

# Only known names: prompts contain other text in braces, such as JSON.
_NAME = rf"(?:{'|'.join(NAMES)})(?:\.[^{{}}\s]+)?"
_PLACEHOLDER = re.compile(rf"\{{\{{\s*(?P<double>{_NAME})\s*\}}\}}|\{{(?P<single>{_NAME})\}}")
_PLACEHOLDER_LIKE = re.compile(r"\{\{?\s*(?P<name>[A-Za-z_][\w.]*)\s*\}\}?")


def collect_values(case: Case, repetition: int) -> dict[str, Any]:
    """Collect the values of a case by placeholder."""
    return {
        "input": case.input,
        "contexts": None if case.contexts is None else list(case.contexts),
        "reference": case.reference,
        "metadata": dict(case.metadata),
        "repetition": repetition,
    }


def find_placeholders(text: str) -> set[str]:
    """Find the placeholders of a text: `input`, `contexts`, `reference`, `metadata`, `repetition`."""
    return {_read_root(match) for match in _PLACEHOLDER.finditer(text)}


def find_placeholders_in_json(template: Any) -> set[str]:
    """Find the placeholders in all texts of a JSON template."""
    return {name for text in _list_texts(template) for name in find_placeholders(text)}


def find_unknown_placeholder(template: Any) -> str:
    """Find the first text of a template that is only an unknown placeholder, such as `{inputs}`; '' for none."""
    for text in _list_texts(template):
        if _PLACEHOLDER_LIKE.fullmatch(text.strip()) and not _PLACEHOLDER.fullmatch(text.strip()):
            return text
    return ""


def fill_text(text: str, values: Mapping[str, Any]) -> str:
    """Replace the placeholders of a text: lists as paragraphs, objects as JSON, missing values as ''."""
    return _PLACEHOLDER.sub(lambda match: _format_value(_find_value(match, values)), text)


def fill_json(template: Any, values: Mapping[str, Any]) -> Any:
    """Copy a JSON template and replace its placeholders.

    A text that is only a placeholder becomes the value itself (a list, an object, null for a missing value);
    placeholders within a longer text are replaced as text. Keys are unchanged.
    """
    if isinstance(template, Mapping):
        return {key: fill_json(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill_json(value, values) for value in template]
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        return _find_value(whole, values) if whole else fill_text(template, values)
    return template


def _list_texts(template: Any) -> list[str]:
    if isinstance(template, Mapping):
        return [text for value in template.values() for text in _list_texts(value)]
    if isinstance(template, list):
        return [text for value in template for text in _list_texts(value)]
    return [template] if isinstance(template, str) else []


def _read_root(match: re.Match[str]) -> str:
    name = (match["double"] or match["single"]).partition(".")[0]
    return ALIASES.get(name, name)


def _find_value(match: re.Match[str], values: Mapping[str, Any]) -> Any:
    value = values.get(_read_root(match))
    for step in (match["double"] or match["single"]).split(".")[1:]:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _format_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n\n".join(value)
    return value if isinstance(value, str) else orjson.dumps(value).decode()
