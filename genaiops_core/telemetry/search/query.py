"""What a search asks for, as a tree that prints itself in the language of `search_language`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

UNITS: dict[str, str] = {"latency": "ms"}
"""What is printed behind the numbers of a field."""

_BARE_WORD = re.compile(r"[^\W_][\w.@/#+-]*")
_BARE_VALUE = re.compile(r"[\w.@/#+*:-]+")
_KEYWORDS = frozenset(("AND", "OR", "NOT"))


@dataclass(frozen=True, slots=True)
class Text:
    """Words that a request says somewhere: its name, ids, or the messages of its spans; in any case."""

    text: str

    def __str__(self) -> str:
        is_bare = _BARE_WORD.fullmatch(self.text) and self.text not in _KEYWORDS
        return self.text if is_bare else _quoted(self.text)


@dataclass(frozen=True, slots=True)
class Match:
    """A field that is one of some values; `*` in a value stands for anything, '' for not said."""

    field: str
    values: tuple[str, ...]
    is_exact: bool = False
    """Written with = instead of :, for fields where : means "contains"."""

    def __str__(self) -> str:
        values = ",".join(value if _BARE_VALUE.fullmatch(value) else _quoted(value) for value in self.values)
        return f"{self.field}{'=' if self.is_exact else ':'}{values}"


@dataclass(frozen=True, slots=True)
class Compare:
    """A number held against a bound: latency in ms, cost in USD, the others as they are."""

    field: str
    operator: str
    """One of < <= > >= =."""
    number: Decimal
    metric: str = ""
    """Of `score`."""

    def __str__(self) -> str:
        metric = f"({self.metric})" if self.metric else ""
        return f"{self.field}{metric}{self.operator}{self.number:f}{UNITS.get(self.field, '')}"


@dataclass(frozen=True, slots=True)
class Not:
    """What `node` does not hold for; never of another `Not`."""

    node: Node

    def __str__(self) -> str:
        return f"-{_grouped(self.node)}"


@dataclass(frozen=True, slots=True)
class All:
    """Every one of at least two nodes, none of them an `All`."""

    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        return " ".join(f"({node})" if isinstance(node, Any) else str(node) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of at least two nodes, none of them an `Any`."""

    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(str(node) for node in self.nodes)


Node = Text | Match | Compare | Not | All | Any


@dataclass(frozen=True, slots=True)
class Query:
    """A whole search; without a node it asks for everything. `str` gives its canonical text."""

    node: Node | None = None

    def __str__(self) -> str:
        return "" if self.node is None else str(self.node)

    @property
    def conditions(self) -> tuple[Node, ...]:
        """What must hold together."""
        if self.node is None:
            return ()
        return self.node.nodes if isinstance(self.node, All) else (self.node,)


def all_of(nodes: Iterable[Node]) -> Node:
    """The nodes together, flat; a single one as it is."""
    flat = tuple(inner for node in nodes for inner in (node.nodes if isinstance(node, All) else (node,)))
    return flat[0] if len(flat) == 1 else All(flat)


def any_of(nodes: Iterable[Node]) -> Node:
    """One of the nodes, flat; a single one as it is."""
    flat = tuple(inner for node in nodes for inner in (node.nodes if isinstance(node, Any) else (node,)))
    return flat[0] if len(flat) == 1 else Any(flat)


def negated(node: Node) -> Node:
    """The opposite; twice is the node itself."""
    return node.node if isinstance(node, Not) else Not(node)


def _grouped(node: Node) -> str:
    return f"({node})" if isinstance(node, All | Any) else str(node)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
