"""Arranges the spans of one trace as a tree, also when parents are missing, duplicated or circular."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Node:
    """The fields of a span that determine its position in the tree."""

    application: str
    span_id: str
    parent_span_id: str
    """'' for the root of the trace."""
    start_ns: int
    duration_ns: int

    @property
    def end_ns(self) -> int:
        return self.start_ns + max(0, self.duration_ns)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Position of a span: its index in the input, its depth (0 for roots) and the index of its parent."""

    index: int
    depth: int
    parent: int | None


def arrange_spans(nodes: Sequence[Node]) -> list[Place]:
    """Every node once: parents before their children, siblings by start.

    A node whose parent is missing is a root. In a circle of parents the earliest node is the root. When two
    applications use the same span id, a child belongs to the span of its own application.
    """
    by_id: dict[str, list[int]] = defaultdict(list)
    for index, node in enumerate(nodes):
        by_id[node.span_id].append(index)
    order = sorted(
        range(len(nodes)), key=lambda index: (nodes[index].start_ns, -nodes[index].duration_ns, index)
    )
    parents = [_find_parent(nodes, index, by_id) for index in range(len(nodes))]
    children: dict[int, list[int]] = defaultdict(list)
    for index in order:
        parent = parents[index]
        if parent is not None:
            children[parent].append(index)
    places: list[Place] = []
    seen: set[int] = set()
    # Roots first; then the nodes that no root reaches, which are members of circles.
    for root in [*(index for index in order if parents[index] is None), *order]:
        stack: list[tuple[int, int, int | None]] = [(root, 0, None)]
        while stack:
            index, depth, parent = stack.pop()
            if index in seen:
                continue
            seen.add(index)
            places.append(Place(index=index, depth=depth, parent=parent))
            # A stack and no recursion, because a deep trace would exceed the recursion limit.
            stack += [(child, depth + 1, index) for child in reversed(children[index])]
    return places


def measure_own_time_ns(nodes: Sequence[Node], places: Sequence[Place]) -> list[int]:
    """Own time of each node in ns: its duration without the time in which at least one child was running."""
    children: dict[int, list[Node]] = defaultdict(list)
    for place in places:
        if place.parent is not None:
            children[place.parent].append(nodes[place.index])
    own = []
    for index, node in enumerate(nodes):
        covered, reached = 0, node.start_ns
        for child in sorted(children[index], key=lambda child: child.start_ns):
            # Parallel children are counted once, and a child that outlives its parent only until the parent's end.
            start, end = max(child.start_ns, reached), min(child.end_ns, node.end_ns)
            if end > start:
                covered, reached = covered + end - start, end
        own.append(node.end_ns - node.start_ns - covered)
    return own


def _find_parent(nodes: Sequence[Node], index: int, by_id: dict[str, list[int]]) -> int | None:
    node = nodes[index]
    if not node.parent_span_id or node.parent_span_id == node.span_id:
        return None
    candidates = by_id.get(node.parent_span_id)
    if not candidates:
        return None
    same_application = [
        candidate for candidate in candidates if nodes[candidate].application == node.application
    ]
    return (same_application or candidates)[0]
