"""How the spans of one trace that tell of model calls lie above each other, whatever is missing between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genaiops_core.telemetry.conventions import MODEL_COMPONENTS
from genaiops_core.telemetry.counting import CountedSpan
from genaiops_core.telemetry.ingest.duplicate_call import (
    AGENT_BETWEEN,
    NOTHING_BETWEEN,
    OTHER_WORK_BETWEEN,
)

MAX_ANCESTORS = 100
"""Tellers looked at above each; a bound for traces that nest without end."""

_TRANSPARENT = frozenset((*MODEL_COMPONENTS, "other", "chain", "prompt"))
"""Components that may stand between two spans of one call."""


@dataclass(slots=True)
class Descendant:
    """One teller below another, and what stands between: see `retelling.NOTHING_BETWEEN` and its like."""

    span_id: str
    distance: int


class CallTree:
    """Depth of every span, and for each teller the tellers below it."""

    def __init__(self, spans: Sequence[CountedSpan], tellers: Mapping[str, CountedSpan]) -> None:
        self._by_id = {span.span_id: span for span in spans}
        self._parents = _break_cycles(self._by_id)
        self._nearest: dict[str, tuple[str, int]] = {}
        self.depth: dict[str, int] = {}
        for span in spans:
            self._place(span.span_id, tellers)
        self.below: dict[str, list[Descendant]] = {span_id: [] for span_id in tellers}
        for span_id in tellers:
            above, distance = self._nearest[span_id]
            for _ in range(MAX_ANCESTORS):
                if not above:
                    break
                self.below[above].append(Descendant(span_id, distance))
                further, between = self._nearest[above]
                distance = max(distance, _find_distance(self._by_id[above].component), between)
                above = further

    def deepest_first(self) -> list[str]:
        """The tellers, those below others before them; in an order that the set of spans decides."""
        return sorted(self.below, key=lambda span_id: (-self.depth[span_id], span_id))

    def _place(self, span_id: str, tellers: Mapping[str, CountedSpan]) -> None:
        """Find depth and the nearest teller above, of this span and of those above it that have none yet."""
        path = []
        at = span_id
        while at and at not in self.depth:
            path.append(at)
            at = self._parents[at]
        for one in reversed(path):
            parent = self._parents[one]
            if not parent:
                self.depth[one], self._nearest[one] = 0, ("", NOTHING_BETWEEN)
                continue
            self.depth[one] = self.depth[parent] + 1
            if parent in tellers:
                self._nearest[one] = (parent, NOTHING_BETWEEN)
            else:
                above, distance = self._nearest[parent]
                self._nearest[one] = (above, max(distance, _find_distance(self._by_id[parent].component)))


def _find_distance(component: str) -> int:
    if component in _TRANSPARENT:
        return NOTHING_BETWEEN
    return AGENT_BETWEEN if component == "agent" else OTHER_WORK_BETWEEN


def _break_cycles(by_id: Mapping[str, CountedSpan]) -> dict[str, str]:
    """Span id -> parent id, '' for roots and where the parent is not known; of a circle the earliest is a root."""
    parents = {
        span_id: span.parent_span_id if span.parent_span_id in by_id else ""
        for span_id, span in by_id.items()
    }
    done: set[str] = set()
    for start in by_id:
        path: dict[str, None] = {}
        at = start
        while at and at not in done and at not in path:
            path[at] = None
            at = parents[at]
        if at and at in path:
            members = list(path)
            circle = members[members.index(at) :]
            parents[min(circle, key=lambda one: (by_id[one].start_ns, one))] = ""
        done.update(path)
    return parents
