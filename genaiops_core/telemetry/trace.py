"""One trace: its spans as a tree in time, what it cost, where the time went, and what went wrong."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from db.tables.telemetry import payload, span
from genaiops_core.telemetry.diagnosis import Diagnosis, Observation, diagnose
from genaiops_core.telemetry.figures import usd
from genaiops_core.telemetry.filters import instant
from genaiops_core.telemetry.payloads import unpack
from genaiops_core.telemetry.tree import Node, Place, arrange, own_time_ns

MAX_SPANS = 5_000
"""Spans shown of one trace; the earliest."""

_FINISH_REASONS = (
    "gen_ai.response.finish_reasons",
    "gen_ai.completion.0.finish_reason",
    "llm.finish_reason",
    "ai.response.finishReason",
    "stop_reason",
)


@dataclass(frozen=True, kw_only=True)
class TraceSpan:
    """One span, in its place in the trace."""

    span_id: str
    parent_span_id: str
    application: str
    name: str
    component: str
    depth: int
    """0 for roots and for spans whose parent never came."""
    start: dt.datetime
    offset_ms: float
    """Since the earliest span of the trace."""
    duration_ms: float
    own_ms: float
    """Without the time its children were running."""
    is_error: bool
    status_message: str
    is_call: bool
    environment: str | None
    release: str | None
    provider: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cost_nano_usd: int | None
    """None when it is no model call, or one without a price."""
    first_token_ms: float | None
    attributes: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    links: Sequence[Mapping[str, Any]]
    resource: Mapping[str, Any]
    scope: Mapping[str, Any]

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number, or None when it is not known."""
        return None if self.cost_nano_usd is None else usd(self.cost_nano_usd)


@dataclass(frozen=True, kw_only=True)
class ComponentShare:
    """What one kind of component took of the trace."""

    component: str
    spans: int
    errors: int
    own_ms: float
    cost_nano_usd: int
    unpriced_calls: int


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Everything known of one trace, all applications together."""

    trace_id: str
    applications: tuple[str, ...]
    name: str
    """Of the earliest root."""
    start: dt.datetime
    duration_ms: float
    """From the start of the earliest span to the end of the last."""
    is_error: bool
    """Whether a root span failed."""
    is_complete: bool
    """Whether the root of the trace has come."""
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
    spans: tuple[TraceSpan, ...]
    """In tree order; at most `MAX_SPANS`, to which the totals are limited too."""
    is_cut: bool
    """Whether the trace has more than `MAX_SPANS` spans."""
    components: tuple[ComponentShare, ...]
    """The slowest by own time first."""
    slowest_span_id: str
    """The span with the longest own time."""
    errors: tuple[TraceSpan, ...]
    diagnosis: Diagnosis

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number, or None when every call is without a price."""
        return None if self.calls and self.unpriced_calls >= self.calls else usd(self.cost_nano_usd)


def get_trace(connection: sa.Connection, trace_id: str) -> Trace | None:
    """One trace with the attributes and events of its spans, or None when no span of it has come."""
    trace_id = trace_id.strip().lower()
    found = connection.execute(
        sa.select(span)
        .where(span.c.trace_id == trace_id)
        .order_by(span.c.start_ns, span.c.id)
        .limit(MAX_SPANS + 1)
    )
    rows = found.mappings().all()
    if not rows:
        return None
    is_cut, rows = len(rows) > MAX_SPANS, rows[:MAX_SPANS]
    details = _details(connection, trace_id)
    nodes = [Node(**{name: row[name] for name in _NODE_COLUMNS}) for row in rows]
    places = arrange(nodes)
    own = own_time_ns(nodes, places)
    first_ns = min(node.start_ns for node in nodes)
    spans = tuple(_span(rows[place.index], place, own[place.index], first_ns, details) for place in places)
    return _trace(trace_id, rows, nodes, places, spans, is_cut=is_cut)


_NODE_COLUMNS = ("application", "span_id", "parent_span_id", "start_ns", "duration_ns")


def _trace(
    trace_id: str,
    rows: Sequence[sa.RowMapping],
    nodes: Sequence[Node],
    places: Sequence[Place],
    spans: tuple[TraceSpan, ...],
    *,
    is_cut: bool,
) -> Trace:
    roots = [row for row in rows if row["is_request"]]
    head = roots[0] if roots else rows[places[0].index]
    calls = [row for row in rows if row["is_call"]]
    start_ns = min(node.start_ns for node in nodes)
    return Trace(
        trace_id=trace_id,
        applications=tuple(dict.fromkeys([head["application"], *(row["application"] for row in rows)])),
        name=head["name"],
        start=instant(start_ns),
        duration_ms=(max(node.end_ns for node in nodes) - start_ns) / 1e6,
        is_error=any(row["is_error"] for row in roots),
        is_complete=bool(roots),
        # The root says it if anyone does; some applications only tell it on inner spans.
        **{name: head[name] or next((row[name] for row in rows if row[name]), None) for name in _SAID_ONCE},
        calls=len(calls),
        unpriced_calls=sum(row["cost_nano_usd"] is None for row in calls),
        cost_nano_usd=sum(row["cost_nano_usd"] or 0 for row in calls),
        input_tokens=sum(row["input_tokens"] or 0 for row in calls),
        output_tokens=sum(row["output_tokens"] or 0 for row in calls),
        spans=spans,
        is_cut=is_cut,
        components=_components(spans),
        slowest_span_id=max(spans, key=lambda one: one.own_ms).span_id,
        errors=tuple(one for one in spans if one.is_error),
        diagnosis=diagnose(_observations(spans, rows, places)),
    )


_SAID_ONCE = ("environment", "release", "session_id", "user_id")


def _details(connection: sa.Connection, trace_id: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Attributes, events, links, resource and scope by application and span id."""
    details: dict[tuple[str, str], dict[str, Any]] = {}
    blobs = connection.execute(
        sa.select(payload.c.application, payload.c.spans_zstd)
        .where(payload.c.trace_id == trace_id)
        .order_by(payload.c.id)
    )
    for application, blob in blobs:
        for span_id, told in unpack([blob]).items():
            # The span kept is the first that came; what a later one of the same id said is not shown.
            details.setdefault((application, span_id), told)
    return details


def _span(
    row: sa.RowMapping,
    place: Place,
    own_ns: int,
    first_ns: int,
    details: Mapping[tuple[str, str], dict[str, Any]],
) -> TraceSpan:
    told = details.get((row["application"], row["span_id"]), {})
    kept: dict[str, Any] = {name: row[name] for name in _AS_KEPT}
    said: dict[str, Any] = {name: row[name] or None for name in _MAYBE_SAID}
    first_token_ns = row["first_token_ns"]
    return TraceSpan(
        **kept,
        **said,
        depth=place.depth,
        start=instant(row["start_ns"]),
        offset_ms=(row["start_ns"] - first_ns) / 1e6,
        duration_ms=row["duration_ns"] / 1e6,
        own_ms=own_ns / 1e6,
        first_token_ms=None if first_token_ns is None else first_token_ns / 1e6,
        attributes=told.get("attributes") or {},
        events=told.get("events") or [],
        links=told.get("links") or [],
        resource=told.get("resource") or {},
        scope=told.get("scope") or {},
    )


_MAYBE_SAID = ("environment", "release", "provider", "model")
_AS_KEPT = (
    "span_id",
    "parent_span_id",
    "application",
    "name",
    "component",
    "is_error",
    "status_message",
    "is_call",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_nano_usd",
)


def _components(spans: Sequence[TraceSpan]) -> tuple[ComponentShare, ...]:
    groups: dict[str, list[TraceSpan]] = defaultdict(list)
    for one in spans:
        groups[one.component].append(one)
    shares = [
        ComponentShare(
            component=component,
            spans=len(members),
            errors=sum(one.is_error for one in members),
            own_ms=sum(one.own_ms for one in members),
            cost_nano_usd=sum(one.cost_nano_usd or 0 for one in members if one.is_call),
            unpriced_calls=sum(one.is_call and one.cost_nano_usd is None for one in members),
        )
        for component, members in groups.items()
    ]
    return tuple(sorted(shares, key=lambda share: (-share.own_ms, share.component)))


def _observations(
    spans: Sequence[TraceSpan], rows: Sequence[sa.RowMapping], places: Sequence[Place]
) -> list[Observation]:
    failed_parents = {place.parent for place in places if rows[place.index]["is_error"]}
    return [
        Observation(
            span_id=one.span_id,
            name=one.name,
            component=one.component,
            is_error=one.is_error,
            status_message=one.status_message,
            finish_reasons=_finish_reasons(one.attributes),
            has_failed_child=place.index in failed_parents,
        )
        for one, place in zip(spans, places, strict=True)
    ]


def _finish_reasons(attributes: Mapping[str, Any]) -> list[str]:
    reasons: list[str] = []
    for name in _FINISH_REASONS:
        value = attributes.get(name)
        # Some write a list, some its JSON text, some one word.
        if isinstance(value, str) and value.startswith("["):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                continue
        reasons += [str(one) for one in (value if isinstance(value, list) else [value]) if one]
    return list(dict.fromkeys(reasons))
