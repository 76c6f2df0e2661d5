"""The fields and the component of one span, from its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from genaiops_core.telemetry.conventions.names import COMPONENTS, FIELDS, LAST_SIGNS, SIGNS

_BY_ATTRIBUTE: dict[str, list[tuple[str, int]]] = {}
for _field, _names in FIELDS.items():
    for _rank, _name in enumerate(_names):
        _BY_ATTRIBUTE.setdefault(_name, []).append((_field, _rank))
_READ_NAMES = frozenset(_BY_ATTRIBUTE)
_OPERATION_NAME = "operation.name"
"""Vercel's older name of the operation, followed by the function's own."""


def read_fields(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `FIELDS` that `attributes` say, each from its most trusted name; empty texts say nothing."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for name in _READ_NAMES.intersection(attributes):
        value = attributes[name]
        if value is None or value == "":
            continue
        for field, rank in _BY_ATTRIBUTE[name]:
            if rank < ranks.get(field, 1000):
                ranks[field] = rank
                found[field] = value
    return found


def find_component(attributes: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Which component of an answer this span is; `other` when nothing says so.

    Args:
        attributes: of the span.
        fields: what `read` made of them.
    """
    if "operation" in fields:
        for name in FIELDS["operation"]:
            value = attributes.get(name)
            if isinstance(value, str):
                known = COMPONENTS.get(value.lower())
                if known is not None:
                    return known
    operation = attributes.get(_OPERATION_NAME)
    if isinstance(operation, str) and operation.startswith("ai."):
        known = COMPONENTS.get(operation.split(" ", 1)[0].lower())
        if known is not None:
            return known
    for name, known in SIGNS:
        if name in attributes:
            return known
    if "model" in fields and (
        "input_tokens" in fields or "output_tokens" in fields or "usage_details" in fields
    ):
        return "generation"
    for name, known in LAST_SIGNS:
        if name in attributes:
            return known
    return "other"


def find_model_in_parameters(attributes: Mapping[str, Any]) -> str:
    """The model an OpenInference span names only in its invocation parameters, as a call that failed does."""
    parameters = attributes.get("llm.invocation_parameters")
    if not isinstance(parameters, str):
        return ""
    try:
        model = orjson.loads(parameters).get("model", "")
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    return model if isinstance(model, str) else ""
