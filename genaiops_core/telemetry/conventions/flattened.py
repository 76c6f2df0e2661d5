"""Lists that OpenInference and OpenLLMetry spread over numbered attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"\d{1,4}")


def unflatten(source: Mapping[str, Any], prefix: str) -> list[Any]:
    """Rebuild the list whose elements are spread over attributes `prefix` + number + path."""
    tree: dict[str, Any] = {}
    for name, value in source.items():
        if not name.startswith(prefix):
            continue
        path = name[len(prefix) :].split(".")
        # Bounds the depth of the recursion below.
        if len(path) > 12 or not _NUMBER.fullmatch(path[0]):
            continue
        node = tree
        for step in path[:-1]:
            inner = node.get(step)
            if not isinstance(inner, dict):
                inner = node[step] = {}
            node = inner
        if not isinstance(node.get(path[-1]), dict):
            node[path[-1]] = value
    elements = _build_lists(tree)
    return elements if isinstance(elements, list) else []


def _build_lists(tree: Any) -> Any:
    """Convert objects whose keys are all numbers to lists."""
    if not isinstance(tree, dict):
        return tree
    if tree and all(_NUMBER.fullmatch(key) for key in tree):
        return [_build_lists(tree[key]) for key in sorted(tree, key=int)]
    return {key: _build_lists(value) for key, value in tree.items()}
