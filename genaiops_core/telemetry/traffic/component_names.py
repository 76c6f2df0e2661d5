"""Names the nodes of the service map, so that spans that do the same for different requests are one node."""

from __future__ import annotations

import re

_BY_MODEL = frozenset(("generation", "embedding", "reranking"))
_TOOL_PREFIXES = ("execute_tool ", "tool.", "tool ")
_VARIABLE_PART = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{20,}|\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{12,}\b|\d{3,}|(?<=[/#=])\d+"
)
MAX_NAME_LENGTH = 80


def name_node(component: str, name: str, model: str) -> str:
    """The model of a model call, the tool's own name, or the span's name with ids and numbers as `*`.

    >>> node_name("generation", "chat nova", "nova"), node_name("tool", "execute_tool search_orders", "")
    ('nova', 'search_orders')
    >>> node_name("chain", "GET /orders/4711", "")
    'GET /orders/*'
    """
    if component in _BY_MODEL and model:
        return model[:MAX_NAME_LENGTH]
    if component == "tool":
        for prefix in _TOOL_PREFIXES:
            name = name.removeprefix(prefix)
    return _VARIABLE_PART.sub("*", name)[:MAX_NAME_LENGTH] or component
