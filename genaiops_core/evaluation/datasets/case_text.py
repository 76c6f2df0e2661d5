"""Formats the fields of a case as editable text of a grid, and parses them back without loss."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import cells
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.readers.encodings import replace_unstorable

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


def format_contexts(contexts: tuple[str, ...] | None) -> str:
    """Format contexts as paragraphs, or as a JSON list if a context has several paragraphs or resembles a list."""
    if contexts is None:
        return ""
    text = "\n\n".join(contexts)
    return (
        # Paragraphs only if they parse back to the same contexts; otherwise saving a grid would change them.
        text if contexts and _split_paragraphs(text) == contexts else json.dumps(contexts, ensure_ascii=False)
    )


def parse_contexts(text: str) -> tuple[str, ...] | None:
    """Parse contexts as `format_contexts` or a user writes them; None when the text is blank.

    Raises:
        BadInput: the text starts as a JSON list but is not one, or is not a list of texts.
    """
    if not text.strip():
        return None
    return _split_paragraphs(text) if not text.lstrip().startswith("[") else _parse_json_list(text)


def format_metadata(metadata: Mapping[str, Any]) -> str:
    """Format metadata as a JSON object; '' for an empty one."""
    return json.dumps(metadata, ensure_ascii=False) if metadata else ""


def parse_metadata(text: str) -> dict[str, Any]:
    """Parse metadata as `format_metadata` or a user writes them.

    Raises:
        BadInput: the text is not a JSON object.
    """
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"The metadata is not JSON: {error}. Write an object such as {{}}.") from error
    if not isinstance(value, dict):
        raise BadInput('The metadata must be a JSON object, for example {"topic": "refunds"}.')
    metadata: dict[str, Any] = cells.to_json_value(value)
    return metadata


def parse_case(values: Mapping[str, Any], before: Case | None = None) -> Case:
    """Parse a row of the grid as a case.

    Args:
        values: field -> text; a field that is absent is unchanged.
        before: the case that is changed; None for a new one.

    Raises:
        BadInput: there is no input, or contexts or metadata cannot be parsed.
    """
    previous = before or Case(input="")

    def read_text(name: str, unchanged: str | None) -> str | None:
        if name not in values:
            return unchanged
        written = replace_unstorable(str(values[name] or ""))
        return written if written.strip() else None

    case_input = read_text("input", previous.input)
    if case_input is None or not case_input.strip():
        raise BadInput("A case requires an input; fill it in or remove the row.")
    contexts, metadata = previous.contexts, previous.metadata
    if "contexts" in values:
        contexts = parse_contexts(replace_unstorable(str(values["contexts"] or "")))
    if "metadata" in values:
        metadata = parse_metadata(replace_unstorable(str(values["metadata"] or "")))
    return Case(
        input=case_input,
        answer=read_text("answer", previous.answer),
        contexts=contexts,
        reference=read_text("reference", previous.reference),
        metadata=metadata,
    )


def _split_paragraphs(text: str) -> tuple[str, ...] | None:
    if text.lstrip().startswith("["):
        return None
    parts = [part.strip() for part in _BLANK_LINE.split(text)]
    return tuple(part for part in parts if part)


def _parse_json_list(text: str) -> tuple[str, ...]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        # "[1] A note" is a paragraph that starts with a bracket, not a list.
        if not text.rstrip().endswith("]"):
            return tuple(part for part in map(str.strip, _BLANK_LINE.split(text)) if part)
        raise BadInput(f"The contexts start as a JSON list but are not valid JSON: {error}.") from error
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadInput('The contexts must be paragraphs, or a JSON list of texts such as ["one", "two"].')
    return tuple(value)
