"""One span of a trace as it is shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import sqlalchemy as sa

from genaiops_core.telemetry.conventions import Content, LogRecord, content
from genaiops_core.telemetry.durations import to_milliseconds
from genaiops_core.telemetry.figures import format_usd
from genaiops_core.telemetry.time_window import instant
from genaiops_core.telemetry.traces.details import SpanDetails


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
    children: int
    """Spans directly below."""
    descendants: int
    """Spans anywhere below."""
    is_collapsed: bool
    """Whether the spans below are left out."""
    start: dt.datetime
    offset_ms: float
    """Since the earliest span of the trace."""
    duration_ms: float | None
    """None when nobody said it, as in a provider's log."""
    own_ms: float
    """Without the time its children were running."""
    is_error: bool
    status_message: str
    is_call: bool
    folded_into: str | None
    """The span that counts for the call this one tells of too; None when it counts for itself."""
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
    notes: Sequence[str]
    """What ingest found wrong with the span and how it was taken."""
    logs: tuple[LogRecord, ...]

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number, or None when it is not known."""
        return None if self.cost_nano_usd is None else format_usd(self.cost_nano_usd)

    @cached_property
    def content(self) -> Content:
        """Its messages, documents and tools, whatever the dialect."""
        return content(self.attributes, self.events, self.logs)

    @classmethod
    def from_row(cls, row: sa.RowMapping, told: SpanDetails, **place: Any) -> Self:
        """From a row of table `span`, what it told, and its place: depth, counts, offset and own time."""
        kept: dict[str, Any] = {name: row[name] for name in _COPIED_COLUMNS}
        said: dict[str, Any] = {name: row[name] or None for name in _OPTIONAL_COLUMNS}
        first_token_ns = row["first_token_ns"]
        return cls(
            **kept,
            **said,
            **place,
            start=instant(row["start_ns"]),
            duration_ms=to_milliseconds(row["duration_ns"]),
            first_token_ms=None if first_token_ns is None else first_token_ns / 1e6,
            attributes=told.attributes,
            events=told.events,
            links=told.links,
            resource=told.resource,
            scope=told.scope,
            notes=told.notes,
            logs=told.logs,
        )


_OPTIONAL_COLUMNS = ("environment", "release", "provider", "model", "folded_into")
_COPIED_COLUMNS = (
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
