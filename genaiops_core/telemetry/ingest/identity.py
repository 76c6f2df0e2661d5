"""Session and user of a request: those of its root span, else of the nearest span to it that has them.

Frameworks give runs and calls ids of their own; the span nearest to the root belongs to the application. The choice
depends on the set of spans of the trace alone, so neither their order nor their batches matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from db.portions import split_portions
from db.tables.telemetry import request, span

FIELDS = ("session_id", "user_id")

_COLUMNS = ("trace_id", "application", "span_id", "parent_span_id", "is_request", "start_ns", *FIELDS)


class _IdentifiedSpan(Protocol):
    """A span that may name a session or a user: a row of `span`, or a span about to be written."""

    @property
    def span_id(self) -> str: ...
    @property
    def parent_span_id(self) -> str: ...
    @property
    def is_request(self) -> bool: ...
    @property
    def start_ns(self) -> int: ...


class Identity(NamedTuple):
    """Session and user of a request; '' where no span names one."""

    session_id: str
    user_id: str


def choose_identity(spans: Sequence[_IdentifiedSpan]) -> Identity:
    """Choose session and user of one request from its spans, each id once."""
    depths = _measure_depths(spans)
    nearest_first = sorted(spans, key=lambda span: (depths[span.span_id], span.start_ns, span.span_id))
    return Identity(
        *(next(filter(None, (getattr(span, name) for span in nearest_first)), "") for name in FIELDS)
    )


def recheck_identities(connection: sa.Connection, traces: Sequence[tuple[str, str]]) -> None:
    """Choose again for requests that were just extended and whose spans name different sessions or users.

    Args:
        connection: the writing transaction; the requests were just upserted, which locks them.
        traces: trace id and application of each.
    """
    rows: list[dict[str, Any]] = []
    for members in _load_mixed(connection, traces):
        identity = choose_identity(members)
        rows.append(
            {
                "of_trace": members[0].trace_id,
                "of_application": members[0].application,
                "session": identity.session_id,
                "user": identity.user_id,
            }
        )
    if rows:
        connection.execute(
            request.update()
            .where(
                request.c.trace_id == sa.bindparam("of_trace"),
                request.c.application == sa.bindparam("of_application"),
            )
            .values(session_id=sa.bindparam("session"), user_id=sa.bindparam("user")),
            sorted(rows, key=lambda row: (row["of_trace"], row["of_application"])),
        )


def _measure_depths(spans: Iterable[_IdentifiedSpan]) -> dict[str, int]:
    """Distance of each span from the root; a span without its parent counts as a child of the root."""
    by_id = {span.span_id: span for span in spans}
    depths = {span_id: 0 for span_id, span in by_id.items() if span.is_request}
    # Sorted, so that the depths in a circle depend on the set of spans alone.
    for start in sorted(by_id):
        # Iterative: a deep trace would exceed the recursion limit. A dict, because a circle ends where it meets itself.
        path: dict[str, None] = {}
        current = start
        while current in by_id and current not in depths and current not in path:
            path[current] = None
            current = by_id[current].parent_span_id
        depth = depths.get(current, 0)
        for span_id in reversed(path):
            depth += 1
            depths[span_id] = depth
    return depths


def _load_mixed(connection: sa.Connection, keys: Sequence[tuple[str, str]]) -> Iterable[list[Any]]:
    """Load the spans of those of `keys` that name more than one session or user."""
    for some_keys in split_portions(keys):
        portion = set(some_keys)
        traces = sorted({trace_id for trace_id, _ in portion})
        groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
        values: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for row in connection.execute(
            sa.select(*[span.c[name] for name in _COLUMNS]).where(span.c.trace_id.in_(traces))
        ):
            key = (row.trace_id, row.application)
            if key in portion:
                groups[key].append(row)
                for name in FIELDS:
                    if getattr(row, name):
                        values[(*key, name)].add(getattr(row, name))
        for key, members in groups.items():
            if any(len(values[(*key, name)]) > 1 for name in FIELDS):
                yield members
