"""Validates the parts of a release: printable names, prompt versions and JSON parameters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from genaiops_core.errors import BadInput

MAX_NAME_LENGTH = 200
MAX_MODEL_LENGTH = 300
MAX_PARAMETERS_BYTES = 64_000
MAX_TEXT_LENGTH = 1_000_000

_REFERENCE = re.compile(r"(?P<name>.+)@v?(?P<version>[1-9][0-9]{0,8})")


def name(value: str, field: str, *, longest: int = MAX_NAME_LENGTH) -> str:
    """`value` as a name, without surrounding space.

    Raises:
        BadInput: it is empty, longer than `longest` or not printable.
    """
    cleaned = value.strip()
    if not cleaned:
        raise BadInput(f"The {field} is empty; give it a name.")
    return optional_name(cleaned, field, longest=longest)


def optional_name(value: str, field: str, *, longest: int = MAX_NAME_LENGTH) -> str:
    """As `name`, but may be '' for a missing value."""
    cleaned = value.strip()
    if len(cleaned) > longest or not cleaned.isprintable():
        raise BadInput(f"The {field} must be at most {longest} printable characters.")
    return cleaned


def free_text(value: str, field: str) -> str:
    """Free text without surrounding space; may be empty.

    Raises:
        BadInput: it is too long or has characters that no database stores (NUL, half of a surrogate pair).
    """
    cleaned = value.strip()
    if len(cleaned) > MAX_TEXT_LENGTH:
        raise BadInput(f"The {field} must be at most {MAX_TEXT_LENGTH:,} characters.")
    # PostgreSQL stores no NUL, and neither database encodes half of a surrogate pair.
    if "\0" in cleaned or any("\ud800" <= character <= "\udfff" for character in cleaned):
        raise BadInput(f"The {field} has characters that are not valid text; use plain UTF-8.")
    return cleaned


def prompt_references(references: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Pairs of prompt name and version, in the same order.

    Args:
        references: texts like `answer@3` (or `answer@v3`); a name may contain an `@`.

    Raises:
        BadInput: a reference has no version, or a prompt occurs twice.
    """
    pairs: dict[str, int] = {}
    for reference in references:
        match = _REFERENCE.fullmatch(reference.strip())
        if match is None:
            raise BadInput(f"The prompt '{reference}' must be written NAME@VERSION, for example answer@3.")
        prompt = name(match["name"], "prompt name")
        if prompt in pairs:
            raise BadInput(f"The prompt '{prompt}' occurs twice; a release has one version of each prompt.")
        pairs[prompt] = int(match["version"])
    return tuple(pairs.items())


def parameters(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters as plain JSON (numbers, texts, lists, objects).

    Raises:
        BadInput: a value cannot be written as JSON, or they are too long.
    """
    try:
        # The round trip through JSON returns what a later read will return, as a copy of the caller's object.
        text = orjson.dumps(dict(values or {}))
    except TypeError as error:
        raise BadInput(f"The parameters of a release must be plain JSON: {error}.") from error
    if len(text) > MAX_PARAMETERS_BYTES:
        raise BadInput(f"The parameters of a release must fit in {MAX_PARAMETERS_BYTES} bytes of JSON.")
    cleaned: dict[str, Any] = orjson.loads(text)
    return cleaned


def is_same_person(actor: str, other: str) -> bool:
    """Whether two actor names denote the same person; case, width and surrounding space are ignored."""
    return _fold_name(actor) == _fold_name(other)


def _fold_name(actor: str) -> str:
    return unicodedata.normalize("NFKC", actor).strip().casefold()
