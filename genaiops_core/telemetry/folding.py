"""Which spans of a trace tell of the same model call, and which of them is counted for it.

An agent's roll-up, a framework's span, an SDK's and an HTTP client's may all tell of one call. Every span that tells of
a call (a *teller*) is either counted or folded into one that is. The rule is written, with its limits, in
docs/design/counted-once.md; it looks at nothing but the set of spans, so neither their order nor the batches they came
in matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from genaiops_core.telemetry.conventions import MODEL_COMPONENTS
from genaiops_core.telemetry.retelling import Teller, agree, cached_tokens, is_sum, likeness, tells_usage
from genaiops_core.telemetry.spans import SpanFacts

MOST_TELLERS_ABOVE = 100
"""Tellers looked at above each; a bound for traces that nest without end."""

_AS_ONE = frozenset((*MODEL_COMPONENTS, "other", "chain", "prompt"))
"""Components that may stand between two spans of one call."""
_NESTED_AGENT = frozenset(("agent",))
"""Between two spans of one call only if these tell exactly the same usage."""

def is_teller(span: Teller) -> bool:
    """Whether the span tells of a model call, counted for it or not."""
    return span.is_call or span.folded_into != ""


def decide(spans: Sequence[Teller]) -> dict[str, str]:
    """Teller's span id -> the span that is counted in its place, '' when it is counted itself.

    Args:
        spans: every span of one trace and application, in any order, each id once.
    """
    tellers = {span.span_id: span for span in spans if is_teller(span)}
    if len(tellers) < 2:
        return dict.fromkeys(tellers, "")
    tree = _Tree(spans, tellers)
    groups = _Groups(tellers, tree.depth)
    for span_id in tree.deepest_first():
        _fold(tellers[span_id], tree.below[span_id], tellers, groups)
    return groups.verdict()


@dataclass(slots=True)
class _Below:
    """One teller below another."""

    span_id: str
    distance: int  # 0: nothing stands between but spans of one call; 1: an agent does; 2: a tool or the like


class _Tree:
    """How the tellers of one trace lie above each other."""

    def __init__(self, spans: Sequence[Teller], tellers: Mapping[str, Teller]) -> None:
        self._by_id = {span.span_id: span for span in spans}
        self._parents = _without_circles(self._by_id)
        self._nearest: dict[str, tuple[str, int]] = {}
        self.depth: dict[str, int] = {}
        for span in spans:
            self._place(span.span_id, tellers)
        self.below: dict[str, list[_Below]] = {span_id: [] for span_id in tellers}
        for span_id in tellers:
            above, distance = self._nearest[span_id]
            for _ in range(MOST_TELLERS_ABOVE):
                if not above:
                    break
                self.below[above].append(_Below(span_id, distance))
                distance = max(distance, _distance(self._by_id[above].component))
                further, between = self._nearest[above]
                above, distance = further, max(distance, between)

    def deepest_first(self) -> list[str]:
        return sorted(self.below, key=lambda span_id: (-self.depth[span_id], span_id))

    def _place(self, span_id: str, tellers: Mapping[str, Teller]) -> None:
        """Find depth and the nearest teller above, of this span and of those above it that have none yet."""
        path = []
        at = span_id
        while at and at not in self.depth:
            path.append(at)
            at = self._parents[at]
        for one in reversed(path):
            parent = self._parents[one]
            if not parent:
                self.depth[one], self._nearest[one] = 0, ("", 0)
                continue
            self.depth[one] = self.depth[parent] + 1
            if parent in tellers:
                self._nearest[one] = (parent, 0)
            else:
                above, distance = self._nearest[parent]
                self._nearest[one] = (above, max(distance, _distance(self._by_id[parent].component)))


def _distance(component: str) -> int:
    return 0 if component in _AS_ONE else 1 if component in _NESTED_AGENT else 2


def _without_circles(by_id: Mapping[str, Teller]) -> dict[str, str]:
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
            circle = list(path)[list(path).index(at) :]
            parents[min(circle, key=lambda one: (by_id[one].start_ns, one))] = ""
        done.update(path)
    return parents


@dataclass(slots=True)
class _Groups:
    """Tellers of the same call, as found so far, and roll-ups of several calls with one of those."""

    tellers: Mapping[str, Teller]
    depth: Mapping[str, int]
    _members: dict[str, list[str]] = field(init=False)
    _of: dict[str, str] = field(init=False)
    _rolled_up: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._members = {span_id: [span_id] for span_id in self.tellers}
        self._of = {span_id: span_id for span_id in self.tellers}
        self._rolled_up = {}
        by_call: dict[str, str] = {}
        for span_id in sorted(self.tellers):
            teller = self.tellers[span_id]
            # An agent may give the id of its last call as its own, although it made several.
            if teller.call_id and teller.component in MODEL_COMPONENTS:
                self.join(span_id, by_call.setdefault(teller.call_id, span_id))

    def join(self, span_id: str, other: str) -> None:
        """The two tell of the same call."""
        group, into = self._of[span_id], self._of[other]
        if group == into:
            return
        for member in self._members.pop(group):
            self._of[member] = into
            self._members[into].append(member)

    def are_joined(self, span_id: str, other: str) -> bool:
        """Whether the two are known to tell of the same call."""
        return not self.is_rolled_up(other) and self._of[span_id] == self._of[other]

    def roll_up(self, span_id: str, over: str) -> None:
        """The first repeats what several calls used, of which `over` is one."""
        self._rolled_up[span_id] = over
        group = self._members.pop(self._of[span_id])
        assert group == [span_id]

    def is_rolled_up(self, span_id: str) -> bool:
        return span_id in self._rolled_up

    def counted(self, span_id: str) -> str:
        """The span counted for the call that `span_id` tells of: the best informed, then the innermost."""
        if span_id in self._rolled_up:
            return self.counted(self._rolled_up[span_id])
        members = self._members[self._of[span_id]]
        return members[0] if len(members) == 1 else max(members, key=self._preference)

    def verdict(self) -> dict[str, str]:
        chosen = {span_id: self.counted(span_id) for span_id in self.tellers}
        return {span_id: "" if into == span_id else into for span_id, into in chosen.items()}

    def _preference(self, span_id: str) -> tuple[int | bool | str, ...]:
        teller = self.tellers[span_id]
        return (
            teller.cost_nano_usd is not None,
            (teller.input_tokens is not None) + (teller.output_tokens is not None),
            cached_tokens(teller) > 0,
            teller.model != "",
            self.depth[span_id],
            teller.start_ns,
            span_id,
        )


def _fold(one: Teller, below: list[_Below], tellers: Mapping[str, Teller], groups: _Groups) -> None:
    """Decide about one teller, all below it being decided."""
    if any(groups.are_joined(one.span_id, lower.span_id) for lower in below):
        return
    if one.component in MODEL_COMPONENTS:
        same = _same_call(one, below, tellers, groups)
        if same:
            groups.join(one.span_id, same)
            return
    if not tells_usage(one):
        return
    calls = _calls_below(below, tellers, groups)
    if not calls:
        return
    if one.component in MODEL_COMPONENTS:
        if len(calls) > 1 and is_sum(one, [tellers[call] for call in calls]):
            groups.roll_up(one.span_id, calls[0])
    elif len(calls) == 1 and agree(one, tellers[calls[0]]):
        groups.join(one.span_id, calls[0])
    else:
        groups.roll_up(one.span_id, calls[0])


def _calls_below(below: Iterable[_Below], tellers: Mapping[str, Teller], groups: _Groups) -> list[str]:
    """The calls with usage that are counted below, the earliest first."""
    counted = {groups.counted(lower.span_id) for lower in below if not groups.is_rolled_up(lower.span_id)}
    calls = [span_id for span_id in counted if tells_usage(tellers[span_id])]
    return sorted(calls, key=lambda span_id: (tellers[span_id].start_ns, span_id))


def _same_call(
    one: Teller, below: Iterable[_Below], tellers: Mapping[str, Teller], groups: _Groups
) -> str | None:
    """The teller below that tells best of the same call as `one`, which is of a model; None when none does."""
    best: tuple[int, int, int, str] | None = None
    for lower in below:
        if groups.is_rolled_up(lower.span_id):
            continue
        likeness = likeness(one, tellers[lower.span_id], lower.distance)
        if likeness:
            # Of attempts that are alike, the last one is what its caller got.
            candidate = (likeness, groups.depth[lower.span_id], tellers[lower.span_id].start_ns, lower.span_id)
            best = candidate if best is None else max(best, candidate)
    return best and best[3]


def fold(spans: Sequence[SpanFacts]) -> None:
    """Decide about `spans`, each once, of any traces and applications, and say so on them."""
    tellers: dict[tuple[str, str], int] = defaultdict(int)
    for span in spans:
        if span.is_call:
            tellers[span.trace_id, span.application] += 1
    traces: dict[tuple[str, str], list[SpanFacts]] = {key: [] for key, n in tellers.items() if n > 1}
    if not traces:
        return
    for span in spans:
        members = traces.get((span.trace_id, span.application))
        if members is not None:
            members.append(span)
    for members in traces.values():
        verdict = decide(members)
        for span in members:
            into = verdict.get(span.span_id)
            if into is not None:
                span.folded_into, span.is_call = into, into == ""
