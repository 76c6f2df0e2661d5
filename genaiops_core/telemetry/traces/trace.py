"""One trace: its spans as a tree, its cost, the time of each component, its errors and their diagnosis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.telemetry import span
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.conventions import LogRecord
from genaiops_core.telemetry.durations import to_milliseconds
from genaiops_core.telemetry.figures import format_known_usd, format_usd
from genaiops_core.telemetry.time_window import to_instant
from genaiops_core.telemetry.traces.content import build_span_contents, select_spans_to_read
from genaiops_core.telemetry.traces.details import (
    NO_DETAILS,
    SpanDetails,
    SpanKey,
    read_logs,
    read_span_details,
)
from genaiops_core.telemetry.traces.diagnosis import Diagnosis, Observation, diagnose
from genaiops_core.telemetry.traces.evidence import collect_evidence
from genaiops_core.telemetry.traces.outline import Outline, Totals, read_outline
from genaiops_core.telemetry.traces.trace_span import TraceSpan

MAX_LIMIT = 5_000
DEFAULT_LIMIT = 1_000
MAX_ERRORS = 100
"""Failed spans in `Trace.errors`; `error_count` counts all of them."""

_IDS_PER_STATEMENT = 500


@dataclass(frozen=True, kw_only=True)
class ComponentShare:
    """Own time, cost and errors of one kind of component in a trace."""

    component: str
    spans: int
    errors: int
    own_ms: float
    cost_nano_usd: int
    unpriced_calls: int


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One trace of all its applications together. Totals are of the whole trace, `spans` is one page of it."""

    trace_id: str
    applications: tuple[str, ...]
    name: str
    """Name of the earliest root span."""
    start: dt.datetime
    duration_ms: float | None
    """From the start of the earliest span to the end of the last; None when no span has a duration."""
    is_error: bool
    """Whether a root span failed."""
    is_complete: bool
    """Whether the root span was received."""
    environment: str | None
    release: str | None
    session_id: str | None
    user_id: str | None
    calls: int
    unpriced_calls: int
    cost_nano_usd: int
    """Of the calls that have a price."""
    input_tokens: int
    output_tokens: int
    total_spans: int
    visible_spans: int
    """Spans without the descendants of collapsed spans."""
    offset: int
    """Visible spans before the first of `spans`."""
    spans: tuple[TraceSpan, ...]
    """In tree order, from `offset` on."""
    is_cut: bool
    """Whether the trace has more spans than a tree (`outline.MAX_SPANS`); the latest spans are then not in it."""
    components: tuple[ComponentShare, ...]
    """The slowest by own time first."""
    slowest_span_id: str
    """The span with the longest own time."""
    error_count: int
    errors: tuple[TraceSpan, ...]
    """The first `MAX_ERRORS` failed spans, in tree order."""
    logs: tuple[LogRecord, ...]
    """Log records of the trace that name no span."""
    diagnosis: Diagnosis

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number, or None when every call is without a price."""
        return format_known_usd(self.cost_nano_usd, self.calls, self.unpriced_calls)


def get_trace(
    connection: sa.Connection,
    trace_id: str,
    *,
    offset: int = 0,
    limit: int = DEFAULT_LIMIT,
    collapse: Collection[str] = (),
) -> Trace | None:
    """One trace with a page of its spans, or None when no span of it was received.

    Args:
        connection: best a `reading` snapshot.
        trace_id: 32 hexadecimal digits.
        offset: visible spans to skip, in tree order.
        limit: spans to return with their payloads, 0 to `MAX_LIMIT`.
        collapse: ids of spans whose descendants are hidden.

    Raises:
        BadInput: an offset or limit out of range.
    """
    if offset < 0 or not 0 <= limit <= MAX_LIMIT:
        raise BadInput(f"Use an offset from 0 and a limit from 0 to {MAX_LIMIT} for the spans of a trace.")
    trace_id = trace_id.strip().lower()
    outline = read_outline(connection, trace_id)
    if outline is None:
        return None
    visible = outline.list_visible(frozenset(collapse))
    page = visible[offset : offset + limit]
    error_positions = [position for position in outline.order if outline.rows[position]["is_error"]][
        :MAX_ERRORS
    ]
    # The diagnosis must not depend on the page, so it reads its own selection of spans.
    selected = select_spans_to_read(outline.rows)
    wanted = {(row["application"], row["span_id"]) for row in selected}
    wanted |= {outline.key(position) for position in (*page, *error_positions)}
    details = read_span_details(connection, trace_id, wanted)
    rows = _read_span_rows(
        connection, [outline.rows[position]["id"] for position in {*page, *error_positions}]
    )
    collapsed = frozenset(collapse)

    def span_at(position: int) -> TraceSpan:
        return _build_span(outline, position, rows, details, collapsed)

    failures = [rows[outline.rows[position]["id"]] for position in error_positions]
    selected_ids = {row["span_id"] for row in selected}
    evidence = collect_evidence(
        connection,
        trace_id,
        build_span_contents(selected, details),
        messages={row["span_id"]: row["status_message"] for row in failures},
        failures=[_observe_failure(outline, row) for row in failures if row["span_id"] not in selected_ids],
        failed_parents=outline.failed_parents,
    )
    return _build_trace(
        trace_id,
        outline,
        spans=tuple(span_at(position) for position in page),
        errors=tuple(span_at(position) for position in error_positions),
        offset=offset,
        visible=len(visible),
        logs=tuple(read_logs(connection, trace_id, ()).get("", ())),
        diagnosis=diagnose(evidence, _describe_cost(outline.totals)),
    )


def _build_trace(
    trace_id: str,
    outline: Outline,
    *,
    spans: tuple[TraceSpan, ...],
    errors: tuple[TraceSpan, ...],
    offset: int,
    visible: int,
    logs: tuple[LogRecord, ...],
    diagnosis: Diagnosis,
) -> Trace:
    rows, totals = outline.rows, outline.totals
    roots = [row for row in rows if row["is_request"] and not row["is_internal"]]
    head = roots[0] if roots else rows[outline.order[0]]
    applications = dict.fromkeys([head["application"], *(row["application"] for row in rows)])
    return Trace(
        trace_id=trace_id,
        applications=tuple(applications),
        name=head["name"],
        start=to_instant(totals.start_ns),
        # Not the duration of the root: work may go on after the answer was sent.
        duration_ms=to_milliseconds(totals.end_ns - totals.start_ns),
        is_error=any(row["is_error"] for row in roots),
        is_complete=any(not row["is_rootless"] for row in roots),
        # Some applications set these attributes on inner spans only.
        **{
            name: head[name] or next((row[name] for row in rows if row[name]), None) for name in _TRACE_FIELDS
        },
        calls=totals.calls,
        unpriced_calls=totals.unpriced_calls,
        cost_nano_usd=totals.cost_nano_usd,
        input_tokens=totals.input_tokens,
        output_tokens=totals.output_tokens,
        total_spans=totals.spans,
        visible_spans=visible,
        offset=offset,
        spans=spans,
        is_cut=totals.spans > len(rows),
        components=_sum_components(outline),
        slowest_span_id=rows[max(range(len(rows)), key=lambda position: outline.own_ns[position])]["span_id"],
        error_count=totals.errors,
        errors=errors,
        logs=logs,
        diagnosis=diagnosis,
    )


_TRACE_FIELDS = ("environment", "release", "session_id", "user_id")


def _read_span_rows(connection: sa.Connection, ids: Sequence[int]) -> dict[int, sa.RowMapping]:
    rows: dict[int, sa.RowMapping] = {}
    for start in range(0, len(ids), _IDS_PER_STATEMENT):
        result = connection.execute(
            sa.select(span).where(span.c.id.in_(ids[start : start + _IDS_PER_STATEMENT]))
        )
        rows.update({row["id"]: row for row in result.mappings()})
    return rows


def _build_span(
    outline: Outline,
    position: int,
    rows: Mapping[int, sa.RowMapping],
    details: Mapping[SpanKey, SpanDetails],
    collapsed: frozenset[str],
) -> TraceSpan:
    row = rows[outline.rows[position]["id"]]
    return TraceSpan.from_row(
        row,
        details.get(outline.key(position), NO_DETAILS),
        depth=outline.depth[position],
        children=outline.children[position],
        descendants=outline.descendants[position],
        is_collapsed=row["span_id"] in collapsed and outline.children[position] > 0,
        offset_ms=(row["start_ns"] - outline.totals.start_ns) / 1e6,
        own_ms=outline.own_ns[position] / 1e6,
    )


def _observe_failure(outline: Outline, row: sa.RowMapping) -> Observation:
    """The observation of a failed span whose payload is not read."""
    return Observation(
        span_id=row["span_id"],
        name=row["name"],
        component=row["component"],
        is_error=True,
        status_message=row["status_message"],
        finish_reasons=(),
        has_failed_child=row["span_id"] in outline.failed_parents,
    )


def _sum_components(outline: Outline) -> tuple[ComponentShare, ...]:
    own: dict[str, int] = {}
    for position, row in enumerate(outline.rows):
        own[row["component"]] = own.get(row["component"], 0) + outline.own_ns[position]
    shares = [
        ComponentShare(
            component=component,
            spans=sums.spans,
            errors=sums.errors,
            own_ms=own.get(component, 0) / 1e6,
            cost_nano_usd=sums.cost_nano_usd,
            unpriced_calls=sums.unpriced_calls,
        )
        for component, sums in outline.by_component.items()
    ]
    return tuple(sorted(shares, key=lambda share: (-share.own_ms, share.component)))


def _describe_cost(totals: Totals) -> str:
    """The cost of the request in words."""
    if not totals.calls:
        return "No model call, so no cost is known."
    calls = f"{totals.calls:,} model call{'s' if totals.calls > 1 else ''}"
    tokens = f"{totals.input_tokens:,} tokens in, {totals.output_tokens:,} out"
    if totals.unpriced_calls >= totals.calls:
        return f"The cost is unknown: {calls} without a price ({tokens})."
    missing = f", {totals.unpriced_calls:,} of them without a price" if totals.unpriced_calls else ""
    bound = "at least " if totals.unpriced_calls else ""
    return f"It cost {bound}${format_usd(totals.cost_nano_usd)}: {calls}{missing} ({tokens})."
