"""A search as a tree of conditions. `str` of a tree is its canonical text in the search language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

UNITS: dict[str, str] = {"latency": "ms"}
"""Unit printed after the numbers of a field."""

_BARE_WORD = re.compile(r"[^\W_][\w.@/#+-]*")
_BARE_VALUE = re.compile(r"[\w.@/#+*:-]+")
_KEYWORDS = frozenset(("AND", "OR", "NOT"))


@dataclass(frozen=True, slots=True)
class Text:
    """A text in the request's name, its ids or the messages of its spans, in any case."""

    text: str

    def __str__(self) -> str:
        is_bare = _BARE_WORD.fullmatch(self.text) and self.text not in _KEYWORDS
        return self.text if is_bare else _quote(self.text)


@dataclass(frozen=True, slots=True)
class Match:
    """A field that has one of some values; `*` in a value matches any text, '' a missing value."""

    field: str
    values: tuple[str, ...]
    is_exact: bool = False
    """Written with = instead of :, for fields where : means "contains"."""

    def __str__(self) -> str:
        values = ",".join(value if _BARE_VALUE.fullmatch(value) else _quote(value) for value in self.values)
        return f"{self.field}{'=' if self.is_exact else ':'}{values}"


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison with a number: latency in ms, cost in USD, other fields without a unit."""

    field: str
    operator: str
    """One of < <= > >= =."""
    number: Decimal
    metric: str = ""
    """Metric of the field `score`; '' for other fields."""

    def __str__(self) -> str:
        metric = f"({self.metric})" if self.metric else ""
        return f"{self.field}{metric}{self.operator}{self.number:f}{UNITS.get(self.field, '')}"


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of `node`, which is never a `Not` itself."""

    node: Node

    def __str__(self) -> str:
        return f"-{_add_parentheses(self.node)}"


@dataclass(frozen=True, slots=True)
class All:
    """The conjunction of at least two nodes, none of them an `All`."""

    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        return " ".join(f"({node})" if isinstance(node, Any) else str(node) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Any:
    """The disjunction of at least two nodes, none of them an `Any`."""

    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(str(node) for node in self.nodes)


Node = Text | Match | Compare | Not | All | Any


@dataclass(frozen=True, slots=True)
class Query:
    """A whole search; without a node it matches every request. `str` gives its canonical text."""

    node: Node | None = None

    def __str__(self) -> str:
        return "" if self.node is None else str(self.node)

    @property
    def conditions(self) -> tuple[Node, ...]:
        """The conditions that must all hold."""
        if self.node is None:
            return ()
        return self.node.nodes if isinstance(self.node, All) else (self.node,)


def all_of(nodes: Iterable[Node]) -> Node:
    """The conjunction of the nodes, flat; a single node unchanged."""
    flat = tuple(inner for node in nodes for inner in (node.nodes if isinstance(node, All) else (node,)))
    return flat[0] if len(flat) == 1 else All(flat)


def any_of(nodes: Iterable[Node]) -> Node:
    """The disjunction of the nodes, flat; a single node unchanged."""
    flat = tuple(inner for node in nodes for inner in (node.nodes if isinstance(node, Any) else (node,)))
    return flat[0] if len(flat) == 1 else Any(flat)


def negate(node: Node) -> Node:
    """The negation of a node; a double negation is the node itself."""
    return node.node if isinstance(node, Not) else Not(node)


def _add_parentheses(node: Node) -> str:
    return f"({node})" if isinstance(node, All | Any) else str(node)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
