"""JSON schemas as providers accept them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def make_strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which every object requires all its properties and allows no others, as strict output demands."""
    copy: dict[str, Any] = {}
    for key, value in schema.items():
        if isinstance(value, Mapping):
            copy[key] = make_strict(value)
        elif isinstance(value, list):
            copy[key] = [make_strict(item) if isinstance(item, Mapping) else item for item in value]
        # Strict output rejects defaults, and titles only cost tokens.
        elif key not in ("default", "title"):
            copy[key] = value
    properties = copy.get("properties")
    if copy.get("type") == "object" and isinstance(properties, dict):
        copy["additionalProperties"] = False
        copy["required"] = list(properties)
    return copy


def describe_schema(schema: Mapping[str, Any]) -> str:
    """An instruction for models that accept neither tools nor a schema."""
    return (
        "Answer with one JSON object and nothing else: no code fence, no explanation. "
        f"It must fit this JSON schema:\n{json.dumps(schema)}"
    )
