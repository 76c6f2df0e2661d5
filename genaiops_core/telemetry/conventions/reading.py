"""Reads the fields and the component of one span from its attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from genaiops_core.telemetry.conventions.names import COMPONENTS, FIELDS, LAST_SIGNS, SIGNS

_BY_ATTRIBUTE: dict[str, list[tuple[str, int]]] = {}
for _field, _names in FIELDS.items():
    for _rank, _name in enumerate(_names):
        _BY_ATTRIBUTE.setdefault(_name, []).append((_field, _rank))
_READ_NAMES = frozenset(_BY_ATTRIBUTE)
LANGFUSE_METADATA = ("langfuse.observation.metadata.", "langfuse.trace.metadata.")
_OPERATION_NAME = "operation.name"
"""Vercel's older operation attribute: the operation, a blank, the name of the function."""
_DATED = re.compile(r"[-@:._](v?\d|latest|preview)")
"""What follows the requested name of a model in the name of its snapshot."""
_WORDS_IN_MODELS = (("rerank", "reranking"), ("embed", "embedding"))
"""Words in the names of models that write no text -> the component of their calls."""


def read_fields(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Read the fields of `FIELDS`, each from its most trusted attribute; None and empty texts are ignored."""
    values: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for name in _READ_NAMES.intersection(attributes):
        value = attributes[name]
        if name.startswith(LANGFUSE_METADATA):
            value = unquote(value)
        if value is None or value == "":
            continue
        for field, rank in _BY_ATTRIBUTE[name]:
            if rank < ranks.get(field, 1000):
                ranks[field] = rank
                values[field] = value
    return values


def unquote(value: Any) -> Any:
    """Return the text that `value` is the JSON of, and any other value as it is: Langfuse encodes texts of metadata."""
    if not isinstance(value, str) or not (len(value) > 1 and value[0] == value[-1] == '"'):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def find_component(attributes: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Find the component of an answer that this span is; `other` when no attribute identifies it.

    Args:
        attributes: of the span.
        fields: result of `read_fields`.
    """
    component_name = _find_stated_component(attributes, fields)
    if component_name == "generation" and "genaiops.component" not in attributes:
        # Instrumentations of an SDK name the API, which embeds and re-ranks too: Bedrock's InvokeModel, for instance.
        model = str(fields.get("model", "")).lower()
        return next((name for word, name in _WORDS_IN_MODELS if word in model), component_name)
    return component_name


def _find_stated_component(attributes: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    if "operation" in fields:
        for name in FIELDS["operation"]:
            value = attributes.get(name)
            if isinstance(value, str):
                component_name = COMPONENTS.get(value.lower())
                if component_name is not None:
                    return component_name
    operation = attributes.get(_OPERATION_NAME)
    if isinstance(operation, str) and operation.startswith("ai."):
        component_name = COMPONENTS.get(operation.split(" ", 1)[0].lower())
        if component_name is not None:
            return component_name
    for name, component_name in SIGNS:
        if name in attributes:
            return component_name
    if "model" in fields and (
        "input_tokens" in fields or "output_tokens" in fields or "usage_details" in fields
    ):
        return "generation"
    for name, component_name in LAST_SIGNS:
        if name in attributes:
            return component_name
    return "other"


def find_requested_model(attributes: Mapping[str, Any], model: str) -> str:
    """Find the requested name of a model that answered under a dated one; '' without another name.

    OpenInference has the requested name among the invocation parameters, and in a failed call nowhere else: without this
    one model would have two names.

    Args:
        attributes: of the span.
        model: the name in the span's attributes.
    """
    if "llm.model_name" not in attributes or "llm.invocation_parameters" not in attributes:
        return ""
    requested = find_model_in_parameters(attributes)
    is_longer = requested != "" and model != requested and model.startswith(requested)
    return requested if is_longer and _DATED.match(model, len(requested)) else ""


def find_model_in_parameters(attributes: Mapping[str, Any]) -> str:
    """Find the model in the invocation parameters of OpenInference, its only place in a failed call."""
    parameters = attributes.get("llm.invocation_parameters")
    if not isinstance(parameters, str):
        return ""
    try:
        model = orjson.loads(parameters).get("model", "")
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    return model if isinstance(model, str) else ""
