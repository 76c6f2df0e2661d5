"""Which spans of a trace report the same model call, and which of them is counted.

An agent's roll-up, a framework's span, an SDK's span and an HTTP client's span may all report one call. Every span that
reports a call (a *call span*) is either counted or a duplicate of a counted span. docs/design/counted-once.md has the
rule and its limits. The rule depends on the set of spans alone, so neither their order nor their batches matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from genaiops_core.telemetry.conventions import MODEL_COMPONENTS
from genaiops_core.telemetry.counting import CountedSpan
from genaiops_core.telemetry.ingest.call_tree import CallTree, Descendant
from genaiops_core.telemetry.ingest.duplicate_call import (
    has_same_usage,
    has_usage,
    is_call_span,
    is_log_entry,
    is_sum,
    overlap,
    rate_similarity,
    sum_cached_tokens,
)
from genaiops_core.telemetry.spans import SpanFacts


def find_duplicates(spans: Sequence[CountedSpan]) -> dict[str, str]:
    """Find the counted span of every call span.

    Args:
        spans: every span of one trace and application, in any order, each id once.

    Returns:
        Call span's id -> id of the span counted in its place, '' when it is counted itself.
    """
    calls = {span.span_id: span for span in spans if is_call_span(span)}
    if len(calls) < 2:
        return dict.fromkeys(calls, "")
    tree = CallTree(spans, calls)
    groups = _CallGroups(calls, tree.depth)
    for span_id in tree.deepest_first():
        _assign_span(calls[span_id], tree.below[span_id], calls, groups)
    return groups.resolve()


def mark_duplicates(spans: Sequence[SpanFacts]) -> None:
    """Set `is_call` and `folded_into` on the call spans of `spans`, each once, of any traces and applications."""
    call_counts: dict[tuple[str, str], int] = defaultdict(int)
    for span in spans:
        if span.is_call:
            call_counts[span.trace_id, span.application] += 1
    traces: dict[tuple[str, str], list[SpanFacts]] = {
        key: [] for key, count in call_counts.items() if count > 1
    }
    # Most batches end here: their traces have one call each.
    if not traces:
        return
    for span in spans:
        members = traces.get((span.trace_id, span.application))
        if members is not None:
            members.append(span)
    for members in traces.values():
        duplicates = find_duplicates(members)
        for span in members:
            target = duplicates.get(span.span_id)
            if target is not None:
                span.folded_into, span.is_call = target, target == ""


@dataclass(slots=True)
class _CallGroups:
    """Call spans grouped by call, and roll-ups, each with one of the calls it sums up."""

    calls: Mapping[str, CountedSpan]
    depth: Mapping[str, int]
    _members: dict[str, list[str]] = field(init=False)
    _group_of: dict[str, str] = field(init=False)
    _rolled_up: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._members = {span_id: [span_id] for span_id in self.calls}
        self._group_of = {span_id: span_id for span_id in self.calls}
        self._rolled_up = {}
        self._join_by_call_id()

    def join(self, span_id: str, target_id: str) -> None:
        """Record that the two spans report the same call."""
        group, target = self._group_of[span_id], self._group_of[target_id]
        if group == target:
            return
        for member in self._members.pop(group):
            self._group_of[member] = target
            self._members[target].append(member)

    def are_joined(self, first_id: str, second_id: str) -> bool:
        """Whether the two spans are known to report the same call."""
        return self._group_of[first_id] == self._group_of[second_id]

    def is_alone(self, span_id: str) -> bool:
        return len(self._members[self._group_of[span_id]]) == 1

    def roll_up(self, span_id: str, call_id: str) -> None:
        """Record that `span_id`, alone so far, sums up several calls; `call_id` is the span of one of them."""
        self._rolled_up[span_id] = call_id

    def is_rolled_up(self, span_id: str) -> bool:
        return span_id in self._rolled_up

    def find_counted(self, span_id: str) -> str:
        """Find the span that is counted for the call of `span_id`: the best informed, then the innermost.

        A provider's log entry is counted where its usage is another, because that is what the provider bills.
        """
        members = self._members[self._group_of[self._rolled_up.get(span_id, span_id)]]
        if len(members) == 1:
            return members[0]
        best = max(members, key=self._rank)
        billed = [member for member in members if self._is_billed_otherwise(member, best)]
        return max(billed, key=self._rank, default=best)

    def resolve(self) -> dict[str, str]:
        """Map every call span to its counted span, '' for a counted span."""
        counted = {span_id: self.find_counted(span_id) for span_id in self.calls}
        return {span_id: "" if target == span_id else target for span_id, target in counted.items()}

    def _join_by_call_id(self) -> None:
        """Group model spans that run at the same time and have the same call id."""
        by_call_id: dict[str, list[CountedSpan]] = defaultdict(list)
        for span in self.calls.values():
            # An agent may report the id of its last call as its own, although it made several.
            if span.call_id and span.component in MODEL_COMPONENTS:
                by_call_id[span.call_id].append(span)
        for members in by_call_id.values():
            members.sort(key=lambda span: (span.start_ns, span.span_id))
            # The span that ends last so far: a later span overlaps the group when it overlaps this span.
            latest = members[0]
            for span in members[1:]:
                if overlap(latest, span):
                    self.join(span.span_id, latest.span_id)
                if span.start_ns + span.duration_ns > latest.start_ns + latest.duration_ns:
                    latest = span

    def _is_billed_otherwise(self, span_id: str, best_id: str) -> bool:
        """Whether `span_id` is a log entry with complete usage that differs from the usage or cost of `best_id`."""
        span, best = self.calls[span_id], self.calls[best_id]
        return (
            is_log_entry(span)
            and span.input_tokens is not None
            and span.output_tokens is not None
            and (span.cost_nano_usd is not None or best.cost_nano_usd is None)
            and _read_bill(span) != _read_bill(best)
        )

    def _rank(self, span_id: str) -> tuple[int | bool | str, ...]:
        span = self.calls[span_id]
        return (
            span.cost_nano_usd is not None,
            (span.input_tokens is not None) + (span.output_tokens is not None),
            not is_log_entry(span),
            span.duration_ns >= 0,
            sum_cached_tokens(span) > 0,
            span.model != "",
            self.depth[span_id],
            span.start_ns,
            span_id,
        )


def _read_bill(span: CountedSpan) -> tuple[int | None, ...]:
    """Cached tokens matter by their price alone."""
    return span.input_tokens, span.output_tokens, span.cost_nano_usd


def _assign_span(
    outer: CountedSpan, below: Sequence[Descendant], calls: Mapping[str, CountedSpan], groups: _CallGroups
) -> None:
    """Assign one call span to a call; every call span below it is assigned already."""
    if not below or any(groups.are_joined(outer.span_id, descendant.span_id) for descendant in below):
        return
    is_model = outer.component in MODEL_COMPONENTS
    if is_model:
        same_call = _find_same_call(outer, below, calls, groups)
        if same_call is not None:
            groups.join(outer.span_id, same_call)
            return
    # A span that shares its call with another span reports one call, so it cannot be the sum of several.
    if not has_usage(outer) or not groups.is_alone(outer.span_id):
        return
    counted = _list_calls_below(below, calls, groups)
    if not counted:
        if not is_model:
            _join_calls_without_usage(outer, below, calls, groups)
        return
    if not is_model and len(counted) == 1 and has_same_usage(outer, calls[counted[0]]):
        groups.join(outer.span_id, counted[0])
    # An agent makes no call itself, so its usage is a sum even if the span of one call is missing.
    elif not is_model or (len(counted) > 1 and is_sum(outer, [calls[span_id] for span_id in counted])):
        groups.roll_up(outer.span_id, counted[0])


def _join_calls_without_usage(
    outer: CountedSpan, below: Iterable[Descendant], calls: Mapping[str, CountedSpan], groups: _CallGroups
) -> None:
    """Let `outer`, an agent with usage, count for the finished calls below it, none of which has usage."""
    for descendant in below:
        if not calls[descendant.span_id].is_error:
            groups.join(descendant.span_id, outer.span_id)


def _list_calls_below(
    below: Iterable[Descendant], calls: Mapping[str, CountedSpan], groups: _CallGroups
) -> list[str]:
    """List the counted calls with usage below, earliest first."""
    counted = {
        groups.find_counted(descendant.span_id)
        for descendant in below
        if not groups.is_rolled_up(descendant.span_id)
    }
    with_usage = [span_id for span_id in counted if has_usage(calls[span_id])]
    return sorted(with_usage, key=lambda span_id: (calls[span_id].start_ns, span_id))


def _find_same_call(
    outer: CountedSpan, below: Iterable[Descendant], calls: Mapping[str, CountedSpan], groups: _CallGroups
) -> str | None:
    """Find the call span below that most likely reports the call of `outer`, a model span; None without one."""
    best: tuple[int, int, int, str] | None = None
    for descendant in below:
        span_id = descendant.span_id
        if groups.is_rolled_up(span_id):
            continue
        similarity = rate_similarity(outer, calls[span_id], descendant.distance)
        if similarity:
            # Of similar attempts, the last one returned the answer to the caller.
            candidate = (similarity, groups.depth[span_id], calls[span_id].start_ns, span_id)
            best = candidate if best is None else max(best, candidate)
    return best and best[3]
