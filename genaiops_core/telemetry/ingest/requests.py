"""Requests: one row per trace and application; every new span of the trace adds to it, in any order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa

from db.engine import is_sqlite
from db.portions import split_portions
from db.tables.telemetry import request
from db.transaction import insert
from genaiops_core.telemetry.counting import CountedSpan
from genaiops_core.telemetry.ingest import identity
from genaiops_core.telemetry.spans import SpanFacts

CALL_SUMS = ("calls", "folded_calls", "unpriced_calls", "cost_nano_usd", "input_tokens", "output_tokens")
_SUMS = ("spans", "span_errors", *CALL_SUMS)
_FROM_ROOT = ("environment", "release")
"""Columns that the root span decides, so that a request and its rollup have the same release."""
_FROM_ANY_SPAN = ("model", *identity.FIELDS)
"""Columns that any span may set; if spans disagree, the smallest text, so that their order does not matter.

Session and user are then chosen again by `identity`, once the spans of earlier transactions are known.
"""


class RequestChange(NamedTuple):
    """Change of one request whose calls became duplicates, or counted calls again."""

    trace_id: str
    application: str
    sums: dict[str, int]
    """Differences of `CALL_SUMS`."""
    model: str
    """The smallest model name among its counted calls."""


class RequestState(NamedTuple):
    """What decides whether the spans of a stored request must be loaded again."""

    trace_id: str
    application: str
    spans: int
    call_spans: int
    has_identity: bool
    """Whether a session or a user is known."""
    has_called_entry: bool
    new_spans: int
    """Of `spans`, those that this transaction inserted."""
    has_replaced: bool = False
    """Whether this transaction replaced one of its spans."""

    @property
    def is_extended(self) -> bool:
        """Whether spans of this and of an earlier transaction belong to the request, and few enough to load."""
        is_changed = self.has_replaced or 0 < self.new_spans < self.spans
        return is_changed and self.spans <= MAX_TRACE_SPANS


MAX_TRACE_SPANS = 20_000
"""The spans of larger traces are not loaded again: only those of the same transaction are compared."""


def fetch_states(
    connection: sa.Connection, new: Iterable[SpanFacts], replaced: Collection[tuple[str, str]] = ()
) -> list[RequestState]:
    """Read the requests of the traces of `new`, spans just inserted, whose requests were just upserted.

    Args:
        connection: the writing transaction.
        new: spans just inserted.
        replaced: trace id and application of requests of which spans were just replaced.
    """
    added = Counter((facts.trace_id, facts.application) for facts in new)
    traces = sorted({trace_id for trace_id, _ in (*added, *replaced)})
    c = request.c
    columns = (
        c.trace_id,
        c.application,
        c.spans,
        c.calls + c.folded_calls,
        sa.or_(c.session_id != "", c.user_id != ""),
        c.has_called_entry,
    )
    states: list[RequestState] = []
    for portion in split_portions(traces):
        for trace_id, application, spans, call_spans, has_identity, has_called_entry in connection.execute(
            sa.select(*columns).where(c.trace_id.in_(portion))
        ):
            states.append(
                RequestState(
                    trace_id,
                    application,
                    spans,
                    call_spans,
                    has_identity,
                    has_called_entry,
                    added[trace_id, application],
                    (trace_id, application) in replaced,
                )
            )
    return states


def build_request_rows(spans: Iterable[SpanFacts], received_ns: int) -> list[dict[str, Any]]:
    """Build the rows that `spans`, all new, add to requests; sorted by trace and application, the lock order."""
    spans = list(spans)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    ends: dict[tuple[str, str], int] = defaultdict(int)
    mixed: dict[tuple[str, str], list[SpanFacts]] = {}
    for span in spans:
        key = (span.trace_id, span.application)
        row = rows.get(key)
        if row is None:
            row = rows[key] = _build_empty_row(span)
        row["spans"] += 1
        ends[key] = max(ends[key], span.start_ns + max(0, span.duration_ns))
        if span.is_error:
            row["span_errors"] += 1
        if span.is_call:
            add_call_sums(span, 1, row)
        elif span.folded_into:
            row["folded_calls"] += 1
        if span.is_request:
            if span.parent_span_id:
                row["has_called_entry"] = True
            if row["duration_ns"] is None or _is_deciding_root(span, row):
                _take_root(row, span)
        elif row["duration_ns"] is None:
            row["start_ns"] = min(row["start_ns"], span.start_ns)
            for field in _FROM_ROOT:
                row[field] = choose_smallest(row[field], getattr(span, field))
        for field in identity.FIELDS:
            value = getattr(span, field)
            if value and value != row[field]:
                if row[field]:
                    mixed[key] = []
                row[field] = value
        if span.is_call:
            row["model"] = choose_smallest(row["model"], span.model)
    if mixed:
        for span in spans:
            if (span.trace_id, span.application) in mixed:
                mixed[span.trace_id, span.application].append(span)
        for key, members in mixed.items():
            rows[key].update(identity.choose_identity(members)._asdict())
    for key, row in rows.items():
        if row["duration_ns"] is None or row["has_called_entry"]:
            # History that is imported waits no longer than its spans did.
            row["open_since_ns"] = min(received_ns, ends[key])
    return [rows[key] for key in sorted(rows)]


def upsert(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    """Add `rows` to the stored requests.

    Until an entry span arrives, a request starts with its earliest span and has no duration. The entry span decides
    start, duration, name, outcome, environment and release; of two the earlier. A request is open, so that
    `late_entries` looks at it again, until it has an entry span and none of its entry spans has a parent.
    """
    if rows:
        connection.execute(_build_upsert(connection), rows)


def correct(connection: sa.Connection, changes: Iterable[RequestChange]) -> None:
    """Add signed differences to stored requests, and set their model."""
    rows = [
        # Parameters must not be named like the columns that the statement sets.
        {"of_trace": change.trace_id, "of_application": change.application, "new_model": change.model}
        | {f"more_{name}": change.sums[name] for name in CALL_SUMS}
        for change in sorted(changes, key=lambda change: (change.trace_id, change.application))
    ]
    if rows:
        c = request.c
        values: dict[str, Any] = {name: c[name] + sa.bindparam(f"more_{name}") for name in CALL_SUMS}
        connection.execute(
            request.update()
            .where(c.trace_id == sa.bindparam("of_trace"), c.application == sa.bindparam("of_application"))
            .values(**values, model=sa.bindparam("new_model")),
            rows,
        )


def add_call_sums(span: CountedSpan, sign: int, sums: dict[str, int]) -> None:
    """Add the call `span` to `sums` (`sign` 1), or subtract it (-1)."""
    sums["calls"] += sign
    sums["unpriced_calls"] += sign * span.is_unpriced
    sums["cost_nano_usd"] += sign * (span.cost_nano_usd or 0)
    sums["input_tokens"] += sign * (span.input_tokens or 0)
    sums["output_tokens"] += sign * (span.output_tokens or 0)


def _build_upsert(connection: sa.Connection) -> Any:
    new = insert(connection, request)
    sent, stored = new.excluded, request.c
    takes_root = sa.and_(
        sent.duration_ns.is_not(None),
        sa.or_(stored.duration_ns.is_(None), _is_before(connection, sent, stored)),
    )

    def choose_smaller(name: str) -> Any:
        # By code point, as Python compares, whatever collation the database has.
        text = sent[name] if is_sqlite(connection) else sa.collate(sent[name], "C")
        return sa.case(
            (stored[name] == "", sent[name]),
            (sent[name] == "", stored[name]),
            (text < stored[name], sent[name]),
            else_=stored[name],
        )

    is_earlier = sa.and_(
        sent.duration_ns.is_(None), stored.duration_ns.is_(None), sent.start_ns < stored.start_ns
    )
    changes: dict[str, Any] = {name: stored[name] + sent[name] for name in _SUMS}
    changes["start_ns"] = sa.case((sa.or_(takes_root, is_earlier), sent.start_ns), else_=stored.start_ns)
    for name in ("duration_ns", "is_error", "name", "is_internal", "is_rootless"):
        changes[name] = sa.case((takes_root, sent[name]), else_=stored[name])
    for name in _FROM_ROOT:
        before_root = sa.case((stored.duration_ns.is_(None), choose_smaller(name)), else_=stored[name])
        changes[name] = sa.case((takes_root, sent[name]), else_=before_root)
    for name in _FROM_ANY_SPAN:
        changes[name] = choose_smaller(name)
    has_called_entry = sa.or_(stored.has_called_entry, sent.has_called_entry)
    has_entry = sa.or_(stored.duration_ns.is_not(None), sent.duration_ns.is_not(None))
    changes["has_called_entry"] = has_called_entry
    changes["open_since_ns"] = sa.case(
        (sa.and_(has_entry, sa.not_(has_called_entry)), sa.null()),
        else_=sa.func.coalesce(sent.open_since_ns, stored.open_since_ns),
    )
    return new.on_conflict_do_update(index_elements=[stored.trace_id, stored.application], set_=changes)


def _is_before(connection: sa.Connection, sent: Any, stored: Any) -> sa.ColumnElement[bool]:
    """SQL condition: the root `sent` precedes the root `stored` in the order of `root_sort_key`."""

    def collate(column: Any) -> Any:
        return column if is_sqlite(connection) else sa.collate(column, "C")

    # The sides of duration and error are swapped, because the longer and the failed root precede.
    pairs = [(sent.start_ns, stored.start_ns), (stored.duration_ns, sent.duration_ns)]
    pairs += [(sa.cast(stored.is_error, sa.Integer), sa.cast(sent.is_error, sa.Integer))]
    pairs += [(collate(sent[name]), stored[name]) for name in ("name", *_FROM_ROOT)]
    order: sa.ColumnElement[bool] = sa.false()
    # Built from the last pair outwards: a comparison of rows, in a form that allows a collation for each text.
    for first, second in reversed(pairs):
        order = sa.or_(first < second, sa.and_(first == second, order))
    return order


def root_sort_key(start_ns: int, duration_ns: int, is_error: bool, *texts: str) -> tuple[Any, ...]:
    """Sort key of a root span; the smallest decides: the earlier, then the longer, then the failed one."""
    return (start_ns, -duration_ns, not is_error, *texts)


def _build_empty_row(span: SpanFacts) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_SUMS, 0)
    row.update(dict.fromkeys((*_FROM_ROOT, *_FROM_ANY_SPAN), ""))
    row.update(
        trace_id=span.trace_id,
        application=span.application,
        start_ns=span.start_ns,
        duration_ns=None,
        is_error=False,
        name="",
        is_internal=False,
        is_rootless=False,
        has_called_entry=False,
        open_since_ns=None,
    )
    return row


def _is_deciding_root(span: SpanFacts, row: dict[str, Any]) -> bool:
    candidate = root_sort_key(
        span.start_ns, span.duration_ns, span.is_error, span.name, span.environment, span.release
    )
    current = root_sort_key(
        row["start_ns"], row["duration_ns"], row["is_error"], row["name"], row["environment"], row["release"]
    )
    return candidate < current


def _take_root(row: dict[str, Any], span: SpanFacts) -> None:
    row.update(
        start_ns=span.start_ns,
        duration_ns=span.duration_ns,
        is_error=span.is_error,
        name=span.name,
        environment=span.environment,
        release=span.release,
        is_internal=span.is_internal,
        is_rootless=span.is_rootless,
    )


def choose_smallest(first: str, second: str) -> str:
    """The smaller of two texts, ignoring empty ones."""
    return min(first, second) if first and second else first or second
