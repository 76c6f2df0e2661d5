"""Lists that were spread over numbered attributes, as OpenInference and OpenLLMetry do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"\d{1,4}")


def unflatten(source: Mapping[str, Any], prefix: str) -> list[Any]:
    """The list whose elements were spread over attributes `prefix` + number + path."""
    tree: dict[str, Any] = {}
    for name, value in source.items():
        if not name.startswith(prefix):
            continue
        path = name[len(prefix) :].split(".")
        if len(path) > 12 or not _NUMBER.fullmatch(path[0]):
            continue
        at = tree
        for step in path[:-1]:
            inner = at.get(step)
            if not isinstance(inner, dict):
                inner = at[step] = {}
            at = inner
        if not isinstance(at.get(path[-1]), dict):
            at[path[-1]] = value
    folded = _build_lists(tree)
    return folded if isinstance(folded, list) else []


def _build_lists(tree: Any) -> Any:
    """Objects whose keys are all numbers, as lists."""
    if not isinstance(tree, dict):
        return tree
    if tree and all(_NUMBER.fullmatch(key) for key in tree):
        return [_build_lists(tree[key]) for key in sorted(tree, key=int)]
    return {key: _build_lists(value) for key, value in tree.items()}
