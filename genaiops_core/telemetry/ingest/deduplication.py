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
from genaiops_core.telemetry.counting import CountedSpan
from genaiops_core.telemetry.ingest.call_tree import Descendant, CallTree
from genaiops_core.telemetry.ingest.duplicate_call import (
    has_same_usage,
    sum_cached_tokens,
    is_sum,
    is_call_span,
    rate_similarity,
    overlap,
    has_usage,
)
from genaiops_core.telemetry.spans import SpanFacts


def find_duplicates(spans: Sequence[CountedSpan]) -> dict[str, str]:
    """CountedSpan's span id -> the span that is counted in its place, '' when it is counted itself.

    Args:
        spans: every span of one trace and application, in any order, each id once.
    """
    tellers = {span.span_id: span for span in spans if is_call_span(span)}
    if len(tellers) < 2:
        return dict.fromkeys(tellers, "")
    tree = CallTree(spans, tellers)
    groups = _CallGroups(tellers, tree.depth)
    for span_id in tree.deepest_first():
        _assign_span(tellers[span_id], tree.below[span_id], tellers, groups)
    return groups.verdict()


def mark_duplicates(spans: Sequence[SpanFacts]) -> None:
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
        verdict = find_duplicates(members)
        for span in members:
            into = verdict.get(span.span_id)
            if into is not None:
                span.folded_into, span.is_call = into, into == ""


@dataclass(slots=True)
class _CallGroups:
    """Tellers of the same call, as found so far, and roll-ups of several calls with one of those."""

    tellers: Mapping[str, CountedSpan]
    depth: Mapping[str, int]
    _members: dict[str, list[str]] = field(init=False)
    _of: dict[str, str] = field(init=False)
    _rolled_up: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._members = {span_id: [span_id] for span_id in self.tellers}
        self._of = {span_id: span_id for span_id in self.tellers}
        self._rolled_up = {}
        self._join_by_call_id()

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
        return self._of[span_id] == self._of[other]

    def is_alone(self, span_id: str) -> bool:
        return len(self._members[self._of[span_id]]) == 1

    def roll_up(self, span_id: str, over: str) -> None:
        """The first, alone so far, repeats what several calls used, of which `over` is one."""
        self._rolled_up[span_id] = over

    def is_rolled_up(self, span_id: str) -> bool:
        return span_id in self._rolled_up

    def counted(self, span_id: str) -> str:
        """The span counted for the call that `span_id` tells of: the best informed, then the innermost."""
        members = self._members[self._of[self._rolled_up.get(span_id, span_id)]]
        return members[0] if len(members) == 1 else max(members, key=self._preference)

    def verdict(self) -> dict[str, str]:
        chosen = {span_id: self.counted(span_id) for span_id in self.tellers}
        return {span_id: "" if into == span_id else into for span_id, into in chosen.items()}

    def _join_by_call_id(self) -> None:
        """Spans that give their call the same id and run at the same time tell of the same call."""
        by_id: dict[str, list[CountedSpan]] = defaultdict(list)
        for teller in self.tellers.values():
            # An agent may give the id of its last call as its own, although it made several.
            if teller.call_id and teller.component in MODEL_COMPONENTS:
                by_id[teller.call_id].append(teller)
        for named in by_id.values():
            named.sort(key=lambda teller: (teller.start_ns, teller.span_id))
            reach = named[0]
            for teller in named[1:]:
                if overlap(reach, teller):
                    self.join(teller.span_id, reach.span_id)
                if teller.start_ns + teller.duration_ns > reach.start_ns + reach.duration_ns:
                    reach = teller

    def _preference(self, span_id: str) -> tuple[int | bool | str, ...]:
        teller = self.tellers[span_id]
        return (
            teller.cost_nano_usd is not None,
            (teller.input_tokens is not None) + (teller.output_tokens is not None),
            # Not a provider's log entry: it does not say how long the application waited.
            teller.duration_ns >= 0,
            sum_cached_tokens(teller) > 0,
            teller.model != "",
            self.depth[span_id],
            teller.start_ns,
            span_id,
        )


def _assign_span(
    one: CountedSpan, below: Sequence[Descendant], tellers: Mapping[str, CountedSpan], groups: _CallGroups
) -> None:
    """Decide about one teller, all below it being decided."""
    if not below or any(groups.are_joined(one.span_id, lower.span_id) for lower in below):
        return
    is_model = one.component in MODEL_COMPONENTS
    if is_model:
        same = _find_same_call(one, below, tellers, groups)
        if same is not None:
            groups.join(one.span_id, same)
            return
    if not has_usage(one) or not groups.is_alone(one.span_id):
        return
    calls = _list_calls_below(below, tellers, groups)
    if not calls:
        return
    if not is_model and len(calls) == 1 and has_same_usage(one, tellers[calls[0]]):
        groups.join(one.span_id, calls[0])
    elif not is_model or (len(calls) > 1 and is_sum(one, [tellers[call] for call in calls])):
        groups.roll_up(one.span_id, calls[0])


def _list_calls_below(below: Iterable[Descendant], tellers: Mapping[str, CountedSpan], groups: _CallGroups) -> list[str]:
    """The calls with usage that are counted below, the earliest first."""
    counted = {groups.counted(lower.span_id) for lower in below if not groups.is_rolled_up(lower.span_id)}
    calls = [span_id for span_id in counted if has_usage(tellers[span_id])]
    return sorted(calls, key=lambda span_id: (tellers[span_id].start_ns, span_id))


def _find_same_call(
    one: CountedSpan, below: Iterable[Descendant], tellers: Mapping[str, CountedSpan], groups: _CallGroups
) -> str | None:
    """The teller below that tells best of the same call as `one`, which is of a model; None when none does."""
    best: tuple[int, int, int, str] | None = None
    for lower in below:
        if groups.is_rolled_up(lower.span_id):
            continue
        alike = rate_similarity(one, tellers[lower.span_id], lower.distance)
        if alike:
            # Of attempts that are alike, the last one is what its caller got.
            candidate = (alike, groups.depth[lower.span_id], tellers[lower.span_id].start_ns, lower.span_id)
            best = candidate if best is None else max(best, candidate)
    return best and best[3]
