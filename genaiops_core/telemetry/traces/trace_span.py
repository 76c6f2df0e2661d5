"""One span of a trace as the screens and the read API show it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import sqlalchemy as sa

from genaiops_core.telemetry.conventions import Content, LogRecord, read_content
from genaiops_core.telemetry.durations import to_milliseconds
from genaiops_core.telemetry.figures import format_usd
from genaiops_core.telemetry.time_window import to_instant
from genaiops_core.telemetry.traces.details import SpanDetails


@dataclass(frozen=True, kw_only=True)
class TraceSpan:
    """One span with its position in the tree."""

    span_id: str
    parent_span_id: str
    application: str
    name: str
    component: str
    depth: int
    """0 for roots and for spans whose parent was not received."""
    children: int
    """Number of direct children."""
    descendants: int
    """Number of spans below, at any depth."""
    is_collapsed: bool
    """Whether its descendants are hidden."""
    start: dt.datetime
    offset_ms: float
    """Since the earliest span of the trace."""
    duration_ms: float | None
    """None when the source does not report it, as a provider's log."""
    own_ms: float
    """Duration without the time in which a child was running."""
    is_error: bool
    status_message: str
    is_call: bool
    folded_into: str | None
    """Id of the span that is counted for the same model call; None when this span is counted itself."""
    environment: str | None
    release: str | None
    provider: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cost_nano_usd: int | None
    """None when the span is no model call, or when the model has no price."""
    first_token_ms: float | None
    attributes: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    links: Sequence[Mapping[str, Any]]
    resource: Mapping[str, Any]
    scope: Mapping[str, Any]
    notes: Sequence[str]
    """Problems that ingest found in the span, and how it handled them."""
    logs: tuple[LogRecord, ...]

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number, or None when it is not known."""
        return None if self.cost_nano_usd is None else format_usd(self.cost_nano_usd)

    @cached_property
    def content(self) -> Content:
        """The span's messages, documents and tools, in every supported dialect."""
        return read_content(self.attributes, self.events, self.logs)

    @classmethod
    def from_row(cls, row: sa.RowMapping, details: SpanDetails, **position: Any) -> Self:
        """Build a span from a row of table `span`, its details, and its position: depth, counts, offset, own time."""
        columns: dict[str, Any] = {name: row[name] for name in _COPIED_COLUMNS}
        optional_columns: dict[str, Any] = {name: row[name] or None for name in _OPTIONAL_COLUMNS}
        first_token_ns = row["first_token_ns"]
        return cls(
            **columns,
            **optional_columns,
            **position,
            start=to_instant(row["start_ns"]),
            duration_ms=to_milliseconds(row["duration_ns"]),
            first_token_ms=None if first_token_ns is None else first_token_ns / 1e6,
            attributes=details.attributes,
            events=details.events,
            links=details.links,
            resource=details.resource,
            scope=details.scope,
            notes=details.notes,
            logs=details.logs,
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
