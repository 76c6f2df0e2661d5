"""Entry spans: which spans of a trace are requests of their application.

The entry span of an application is the one that something outside of it called: a span without parent, one that states
a parent in another process (by its flags, or by its kind SERVER or CONSUMER), or one whose parent belongs to another
application. A span whose parent belongs to the same application is none, whatever it states. Where no entry span
arrives within a grace time, the outermost span counts instead.

The rule depends on the set of spans alone, so neither their order nor their batches matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from genaiops_core.telemetry.spans import SpanFacts

Key = tuple[str, str]
"""Application and span id."""


class EntryFacts(Protocol):
    """What the rule reads of a span: a row of `span`, or a span about to be written."""

    @property
    def application(self) -> str: ...
    @property
    def span_id(self) -> str: ...
    @property
    def parent_span_id(self) -> str: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def duration_ns(self) -> int: ...
    @property
    def has_remote_parent(self) -> bool: ...


class Entry(NamedTuple):
    """How a span counts as a request."""

    is_internal: bool
    """Whether another application of the trace made the request."""
    is_rootless: bool
    """Whether the span counts only because no entry span of its application arrived."""


def find_entries(spans: Sequence[EntryFacts], overdue: Collection[str] = ()) -> dict[Key, Entry]:
    """Find the entry spans of one trace.

    Args:
        spans: every span of the trace, of all its applications, each once.
        overdue: applications whose grace time for an entry span is over.
    """
    parents = _find_parents(spans)
    applications_above = _find_applications_above(spans, parents)
    entries = [span for span in spans if _is_entry(span, parents, applications_above)]
    complete = {span.application for span in entries}
    entries += [
        _find_outermost(span for span in spans if span.application == name)
        for name in sorted({span.application for span in spans} & set(overdue) - complete)
    ]
    fronts = _find_fronts(entries, applications_above)
    return {
        _key(span): Entry(
            is_internal=bool(applications_above[_key(span)] - {span.application})
            or (span.parent_span_id != "" and span.application not in fronts),
            is_rootless=span.application not in complete,
        )
        for span in entries
    }


def mark_entries(spans: Sequence[SpanFacts]) -> None:
    """Set `is_request` and `is_internal` on `spans`, each once, of any traces; what is stored of them is not read."""
    application_of: dict[str, str] = {}
    unclear: set[str] = set()
    for span in spans:
        if (
            span.has_remote_parent
            or application_of.setdefault(span.trace_id, span.application) != span.application
        ):
            unclear.add(span.trace_id)
    # Most batches end here: each trace belongs to one application, and its root has no parent.
    if not unclear:
        return
    traces: dict[str, list[SpanFacts]] = defaultdict(list)
    for span in spans:
        if span.trace_id in unclear:
            traces[span.trace_id].append(span)
    for members in traces.values():
        entries = find_entries(members)
        for span in members:
            entry = entries.get(_key(span))
            span.is_request = entry is not None
            span.is_internal = entry is not None and entry.is_internal


def _key(span: EntryFacts) -> Key:
    return span.application, span.span_id


def _find_parents(spans: Iterable[EntryFacts]) -> dict[Key, EntryFacts | None]:
    """The parent of each span; None where it is unknown, and where a circle of parents is cut: at its earliest span."""
    by_id: dict[str, dict[str, EntryFacts]] = defaultdict(dict)
    for span in spans:
        by_id[span.span_id][span.application] = span
    parents: dict[Key, EntryFacts | None] = {}
    for span in spans:
        candidates = by_id.get(span.parent_span_id, {})
        # The same id in two applications: a span of its own is nearer.
        parents[_key(span)] = candidates.get(span.application) or next(
            (candidates[name] for name in sorted(candidates)), None
        )
    visited: set[Key] = set()
    for start in spans:
        path: dict[Key, EntryFacts] = {}
        current: EntryFacts | None = start
        while current is not None and _key(current) not in visited and _key(current) not in path:
            path[_key(current)] = current
            current = parents[_key(current)]
        if current is not None and _key(current) in path:
            members = list(path.values())
            cycle = members[[_key(member) for member in members].index(_key(current)) :]
            parents[_key(min(cycle, key=lambda span: (span.start_ns, *_key(span))))] = None
        visited.update(path)
    return parents


def _find_applications_above(
    spans: Iterable[EntryFacts], parents: Mapping[Key, EntryFacts | None]
) -> dict[Key, frozenset[str]]:
    """The applications of the ancestors of each span."""
    above: dict[Key, frozenset[str]] = {}
    for start in spans:
        # Iterative: a deep trace would exceed the recursion limit.
        path: list[EntryFacts] = []
        current: EntryFacts | None = start
        while current is not None and _key(current) not in above:
            path.append(current)
            current = parents[_key(current)]
        for span in reversed(path):
            parent = parents[_key(span)]
            if parent is None:
                above[_key(span)] = frozenset()
            else:
                names = above[_key(parent)]
                above[_key(span)] = names if parent.application in names else names | {parent.application}
    return above


def _is_entry(
    span: EntryFacts, parents: Mapping[Key, EntryFacts | None], above: Mapping[Key, frozenset[str]]
) -> bool:
    if not span.parent_span_id:
        return True
    parent = parents[_key(span)]
    if parent is None:
        return span.has_remote_parent
    if parent.application == span.application:
        return False
    # Libraries of one process may send under names of their own: below such a span the outer application goes on.
    return span.has_remote_parent or span.application not in above[_key(span)]


def _find_outermost(spans: Iterable[EntryFacts]) -> EntryFacts:
    """The span that stands for a request without entry span: the longest of those without their parent."""
    members = list(spans)
    ids = {span.span_id for span in members}
    tops = [span for span in members if span.parent_span_id not in ids] or members
    return min(tops, key=lambda span: (-span.duration_ns, span.start_ns, span.span_id))


def _find_fronts(entries: Sequence[EntryFacts], above: Mapping[Key, frozenset[str]]) -> set[str]:
    """The applications that take requests from outside: those with a root span, else the one of the earliest entry."""
    outer = [span for span in entries if not above[_key(span)] - {span.application}]
    roots = {span.application for span in outer if not span.parent_span_id}
    if roots or not outer:
        return roots
    return {min(outer, key=lambda span: (span.start_ns, *_key(span))).application}
