"""Fields of a case as text that people edit in a grid, and back: nothing is lost on the way."""

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


def contexts_text(contexts: tuple[str, ...] | None) -> str:
    """One context a paragraph; a JSON list where a context has paragraphs or looks like a list itself."""
    if contexts is None:
        return ""
    text = "\n\n".join(contexts)
    return text if contexts and _paragraphs(text) == contexts else json.dumps(contexts, ensure_ascii=False)


def contexts_of(text: str) -> tuple[str, ...] | None:
    """What `contexts_text` wrote, or a person; None when it is blank.

    Raises:
        BadInput: it begins as a JSON list and is none, or not of texts.
    """
    if not text.strip():
        return None
    return _paragraphs(text) if not text.lstrip().startswith("[") else _listed(text)


def metadata_text(metadata: Mapping[str, Any]) -> str:
    """A JSON object; '' for an empty one."""
    return json.dumps(metadata, ensure_ascii=False) if metadata else ""


def metadata_of(text: str) -> dict[str, Any]:
    """What `metadata_text` wrote, or a person.

    Raises:
        BadInput: it is no JSON object.
    """
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"The metadata is no JSON: {error}. Write an object such as {{}}.") from error
    if not isinstance(value, dict):
        raise BadInput('The metadata must be a JSON object, for example {"topic": "refunds"}.')
    kept: dict[str, Any] = cells.plain(value)
    return kept


def case_from(values: Mapping[str, Any], before: Case | None = None) -> Case:
    """A case as a row of the grid says it.

    Args:
        values: field -> text; a field that is not there stays as it was.
        before: the case that is changed; None for a new one.

    Raises:
        BadInput: there is no input, or contexts or metadata cannot be read.
    """
    old = before or Case(input="")

    def text(name: str, kept: str | None) -> str | None:
        if name not in values:
            return kept
        told = replace_unstorable(str(values[name] or ""))
        return told if told.strip() else None

    asked = text("input", old.input)
    if asked is None or not asked.strip():
        raise BadInput("A case needs an input; fill it in, or remove the row.")
    contexts, metadata = old.contexts, old.metadata
    if "contexts" in values:
        contexts = contexts_of(replace_unstorable(str(values["contexts"] or "")))
    if "metadata" in values:
        metadata = metadata_of(replace_unstorable(str(values["metadata"] or "")))
    return Case(
        input=asked,
        answer=text("answer", old.answer),
        contexts=contexts,
        reference=text("reference", old.reference),
        metadata=metadata,
    )


def _paragraphs(text: str) -> tuple[str, ...] | None:
    if text.lstrip().startswith("["):
        return None
    parts = [part.strip() for part in _BLANK_LINE.split(text)]
    return tuple(part for part in parts if part)


def _listed(text: str) -> tuple[str, ...]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        # "[1] A note" is a paragraph that begins with a bracket, not a list.
        if not text.rstrip().endswith("]"):
            return tuple(part for part in map(str.strip, _BLANK_LINE.split(text)) if part)
        raise BadInput(f"The contexts begin as a JSON list but are none: {error}.") from error
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadInput('The contexts must be paragraphs, or a JSON list of texts such as ["one", "two"].')
    return tuple(value)
