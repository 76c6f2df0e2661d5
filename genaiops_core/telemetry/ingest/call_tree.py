"""The nesting of the call spans of one trace, also where spans between them are missing."""

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
"""Call spans compared above each call span; bounds the work for very deep traces."""

_TRANSPARENT = frozenset((*MODEL_COMPONENTS, "other", "chain", "prompt"))
"""Components that may stand between two spans of the same call."""


@dataclass(slots=True)
class Descendant:
    """One call span below another; `distance` is `duplicate_call.NOTHING_BETWEEN`, `AGENT_BETWEEN` or `OTHER_WORK_BETWEEN`."""

    span_id: str
    distance: int


class CallTree:
    """The depth of every span, and for each call span the call spans below it."""

    def __init__(self, spans: Sequence[CountedSpan], calls: Mapping[str, CountedSpan]) -> None:
        self._by_id = {span.span_id: span for span in spans}
        self._parents = _break_cycles(self._by_id)
        self._nearest: dict[str, tuple[str, int]] = {}
        self.depth: dict[str, int] = {}
        for span in spans:
            self._locate(span.span_id, calls)
        self.below: dict[str, list[Descendant]] = {span_id: [] for span_id in calls}
        for span_id in calls:
            above, distance = self._nearest[span_id]
            for _ in range(MAX_ANCESTORS):
                if not above:
                    break
                self.below[above].append(Descendant(span_id, distance))
                next_above, next_distance = self._nearest[above]
                distance = max(distance, _find_distance(self._by_id[above].component), next_distance)
                above = next_above

    def deepest_first(self) -> list[str]:
        """Call spans, deepest first; ties by id, so that the order depends on the set of spans alone."""
        return sorted(self.below, key=lambda span_id: (-self.depth[span_id], span_id))

    def _locate(self, span_id: str, calls: Mapping[str, CountedSpan]) -> None:
        """Compute depth and nearest call span above, for this span and for its ancestors without them."""
        path = []
        current = span_id
        # Iterative: a deep trace would exceed the recursion limit.
        while current and current not in self.depth:
            path.append(current)
            current = self._parents[current]
        for current in reversed(path):
            parent = self._parents[current]
            if not parent:
                self.depth[current], self._nearest[current] = 0, ("", NOTHING_BETWEEN)
                continue
            self.depth[current] = self.depth[parent] + 1
            if parent in calls:
                self._nearest[current] = (parent, NOTHING_BETWEEN)
            else:
                above, distance = self._nearest[parent]
                self._nearest[current] = (above, max(distance, _find_distance(self._by_id[parent].component)))


def _find_distance(component: str) -> int:
    if component in _TRANSPARENT:
        return NOTHING_BETWEEN
    return AGENT_BETWEEN if component == "agent" else OTHER_WORK_BETWEEN


def _break_cycles(by_id: Mapping[str, CountedSpan]) -> dict[str, str]:
    """Span id -> parent id; '' for roots, for absent parents and for the earliest span of a cycle."""
    parents = {
        span_id: span.parent_span_id if span.parent_span_id in by_id else ""
        for span_id, span in by_id.items()
    }
    visited: set[str] = set()
    for start in by_id:
        path: dict[str, None] = {}
        current = start
        while current and current not in visited and current not in path:
            path[current] = None
            current = parents[current]
        if current and current in path:
            members = list(path)
            cycle = members[members.index(current) :]
            # Any span may have been visited first; the earliest span makes the result independent of their order.
            parents[min(cycle, key=lambda span_id: (by_id[span_id].start_ns, span_id))] = ""
        visited.update(path)
    return parents
