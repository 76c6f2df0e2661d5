"""Which spans of a trace are requests, by the rule of `telemetry.ingest.entry_spans.rule`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from genaiops_core.telemetry.ingest.entry_spans.rule import find_entries


@dataclass(frozen=True)
class Sent:
    application: str
    span_id: str
    parent_span_id: str = ""
    has_remote_parent: bool = False
    start_ns: int = 0
    duration_ns: int = 10


def describe(spans: list[Sent], overdue: set[str] | None = None) -> dict[str, str]:
    """Kind of request by span id, the same for every order of the spans."""
    results = [find_entries(list(order), overdue or set()) for order in itertools.permutations(spans)]
    assert all(result == results[0] for result in results)
    return {
        span_id: "rootless" if entry.is_rootless else "internal" if entry.is_internal else "external"
        for (_, span_id), entry in results[0].items()
    }


ROOT = Sent("web", "1")


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([ROOT, Sent("web", "2", "1")], {"1": "external"}),
        # Called by something that sends no telemetry.
        ([Sent("shop", "2", "1", True), Sent("shop", "3", "2")], {"2": "external"}),
        # Called by another application, with or without a sign of it on the span.
        ([ROOT, Sent("shop", "2", "1", True)], {"1": "external", "2": "internal"}),
        ([ROOT, Sent("shop", "2", "1"), Sent("shop", "3", "2")], {"1": "external", "2": "internal"}),
        # Two entry spans are two requests.
        (
            [ROOT, Sent("shop", "2", "1", True), Sent("shop", "3", "1", True)],
            {"1": "external", "2": "internal", "3": "internal"},
        ),
        # A parent in the same application: double instrumentation, or a worker of its own.
        ([ROOT, Sent("web", "2", "1", True)], {"1": "external"}),
        # Another application calls back.
        (
            [ROOT, Sent("shop", "2", "1", True), Sent("web", "3", "2", True)],
            {"1": "external", "2": "internal", "3": "internal"},
        ),
        # A library of the same process sends under a name of its own: the outer application goes on below it.
        ([ROOT, Sent("library", "2", "1"), Sent("web", "3", "2")], {"1": "external", "2": "internal"}),
        # The caller's span was lost, its root was not.
        ([ROOT, Sent("shop", "3", "2", True)], {"1": "external", "3": "internal"}),
        # Neither has a root: the earlier application takes the request from outside.
        (
            [Sent("web", "2", "1", True, 5), Sent("shop", "4", "3", True, 6)],
            {"2": "external", "4": "internal"},
        ),
        # One application that something outside calls twice in a trace.
        ([Sent("web", "2", "1", True), Sent("web", "3", "1", True)], {"2": "external", "3": "external"}),
        # Nothing is known yet, or the parents run in a circle.
        ([Sent("web", "2", "1")], {}),
        ([Sent("web", "1", "2"), Sent("web", "2", "1")], {}),
        ([Sent("web", "1", "1")], {}),
    ],
)
def test_entry_spans(spans: list[Sent], expected: dict[str, str]) -> None:
    assert describe(spans) == expected


def test_longest_outermost_span_replaces_missing_entry() -> None:
    spans = [
        Sent("web", "2", "1", duration_ns=5),
        Sent("web", "3", "1", duration_ns=900),
        Sent("web", "4", "3", duration_ns=1000),
    ]
    assert describe(spans) == {}
    assert describe(spans, {"web"}) == {"3": "rootless"}
    assert describe([*spans, Sent("web", "1")], {"web"}) == {"1": "external"}


def test_circle_of_parents_counts_once_after_the_grace_time() -> None:
    spans = [Sent("web", "1", "2", start_ns=7), Sent("web", "2", "1", start_ns=7, duration_ns=20)]
    assert describe(spans, {"web"}) == {"2": "rootless"}


def test_deep_trace_is_quick() -> None:
    depth = 20_000
    spans = [
        Sent("web" if number < depth // 2 else "shop", f"{number}", f"{number - 1}" if number else "")
        for number in range(depth)
    ]
    assert len(find_entries(spans)) == 2
