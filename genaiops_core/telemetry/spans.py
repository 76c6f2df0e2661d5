"""From a decoded export to the rows to be kept: what each span is, said in the product's own words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson

from genaiops_core.telemetry import conventions
from genaiops_core.telemetry.otlp import STATUS_ERROR, DecodedExport, RawSpan

UNKNOWN_APPLICATION = "unknown_service"
"""What OpenTelemetry calls a service without a name."""

MAX_TOKENS = 1_000_000_000
"""More tokens than this in one call is a mistake of the sender: kept as unknown, with a note."""

_NUL = "\x00"

_NESTING = 50
"""Levels of parents searched for usage told twice; a bound, because parents may be sent in a circle."""

COLUMNS = (
    "application",
    "trace_id",
    "span_id",
    "parent_span_id",
    "name",
    "component",
    "start_ns",
    "duration_ns",
    "is_error",
    "status_message",
    "is_request",
    "is_call",
    "environment",
    "release",
    "provider",
    "model",
    "session_id",
    "user_id",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_nano_usd",
    "first_token_ns",
)
"""Columns of table `span` that ingest fills, in the order of `row_of`."""


# Not frozen: one is made for every span received, and a frozen dataclass costs three times as much to make.
@dataclass(slots=True, kw_only=True)
class SpanFacts:
    """One span: the columns of table `span`, what pricing needs beside them, and its payload."""

    application: str
    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    component: str
    start_ns: int
    duration_ns: int
    is_error: bool
    status_message: str
    is_request: bool
    is_call: bool
    environment: str
    release: str
    provider: str
    model: str
    session_id: str
    user_id: str
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cost_nano_usd: int | None
    first_token_ns: int | None
    response_model: str
    payload: dict[str, Any]

    @property
    def is_unpriced(self) -> bool:
        """A call that used tokens which nobody can price; one that failed before using any cost nothing."""
        return (
            self.is_call
            and self.cost_nano_usd is None
            and (self.input_tokens is not None or self.output_tokens is not None)
        )


row_of = attrgetter(*COLUMNS)
"""The tuple of `COLUMNS` of one `SpanFacts`."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One export, ready to be written."""

    spans: list[SpanFacts]
    rejected: int
    problem: str


def prepare(export: DecodedExport) -> Batch:
    """Map every span of `export`; pure, so that it can run before the database is locked."""
    spans: list[SpanFacts] = []
    for group in export.groups:
        mapper = _Mapper(group.resource, group.scope)
        spans += [mapper.facts(raw) for raw in group.spans]
    drop_retold_usage(spans)
    return Batch(spans=spans, rejected=export.rejected, problem=export.problem)


def drop_retold_usage(spans: Sequence[SpanFacts]) -> None:
    """Take `is_call` from spans whose usage is that of a call nested in them, so that it counts once.

    An SDK's span inside a framework's span tells of the same call with the same counts; the inner one, nearer to the
    provider, stays. Only spans that arrived together are seen.
    """
    calls = [span for span in spans if span.is_call]
    if len(calls) < 2:
        return
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    for call in calls:
        usage = (call.input_tokens, call.output_tokens, call.is_error)
        parent = by_id.get((call.trace_id, call.parent_span_id))
        for _ in range(_NESTING):
            if parent is None or parent is call:
                break
            if parent.is_call and (parent.input_tokens, parent.output_tokens, parent.is_error) == usage:
                parent.is_call = False
            parent = by_id.get((parent.trace_id, parent.parent_span_id))


class _Mapper:
    """What all spans of one resource and scope share, read once."""

    def __init__(self, resource: dict[str, Any], scope: dict[str, Any]) -> None:
        fields = conventions.read(resource)
        self.application = _text(resource.get("service.name"), 200) or UNKNOWN_APPLICATION
        self.environment = _text(fields.get("environment"), 200)
        self.release = _text(fields.get("release") or resource.get("service.version"), 200)
        self.session_id = _text(fields.get("session_id"), 200)
        self.user_id = _text(fields.get("user_id"), 200)
        self.is_cache_apart = scope.get("name") in conventions.INPUT_EXCLUDES_CACHE_SCOPES
        # Encoded once: every payload of the group repeats them.
        self.resource = orjson.Fragment(to_json(resource))
        self.scope = orjson.Fragment(to_json(scope))

    def facts(self, raw: RawSpan) -> SpanFacts:
        attributes = raw.attributes
        fields = conventions.read(attributes)
        component = conventions.component(attributes, fields)
        is_error = raw.status_code == STATUS_ERROR
        notes: list[str] = []
        model = _text(fields.get("model"), 300)
        input_tokens = output_tokens = cache_read = cache_write = None
        is_call = False
        if component in conventions.MODEL_COMPONENTS:
            input_tokens = _tokens(fields, "input_tokens", notes)
            output_tokens = _tokens(fields, "output_tokens", notes)
            cache_read = _tokens(fields, "cache_read_tokens", notes)
            cache_write = _tokens(fields, "cache_write_tokens", notes)
            cached = (cache_read or 0) + (cache_write or 0)
            if input_tokens is not None and cached and (self.is_cache_apart or cached > input_tokens):
                input_tokens += cached
            is_call = is_error or input_tokens is not None or output_tokens is not None
            model = model or _text(conventions.model_of_parameters(attributes), 300)
        return SpanFacts(
            application=self.application,
            trace_id=raw.trace_id,
            span_id=raw.span_id,
            parent_span_id=raw.parent_span_id,
            name=_text(raw.name, 2000),
            component=component,
            start_ns=raw.start_ns,
            duration_ns=raw.end_ns - raw.start_ns,
            is_error=is_error,
            status_message=_text(raw.status_message, 10_000) if raw.status_message else "",
            is_request=not raw.parent_span_id,
            is_call=is_call,
            environment=_text(fields["environment"], 200) if "environment" in fields else self.environment,
            release=_text(fields["release"], 200) if "release" in fields else self.release,
            provider=_text(fields["provider"], 100) if "provider" in fields else "",
            model=model,
            session_id=_text(fields["session_id"], 200) if "session_id" in fields else self.session_id,
            user_id=_text(fields["user_id"], 200) if "user_id" in fields else self.user_id,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cache_read_tokens=cache_read,
            cache_write_tokens=cache_write,
            cost_nano_usd=None,
            first_token_ns=_first_token_ns(fields),
            response_model=_text(fields["response_model"], 300) if "response_model" in fields else "",
            payload=self._payload(raw, notes),
        )

    def _payload(self, raw: RawSpan, notes: list[str]) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "attributes": raw.attributes,
            "resource": self.resource,
            "scope": self.scope,
            "kind": raw.kind,
        }
        if raw.events:
            payload["events"] = raw.events
        if raw.links:
            payload["links"] = raw.links
        if raw.trace_state:
            payload["trace_state"] = raw.trace_state
        if notes:
            payload["notes"] = notes
        return payload


def to_json(value: Any) -> bytes:
    """JSON of what senders sent; numbers beyond 64 bits become text rather than an error."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)


def _text(value: Any, limit: int) -> str:
    """`value` as a column keeps it: no NUL, which PostgreSQL refuses, and at most `limit` characters."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    if _NUL in text:
        text = text.replace(_NUL, "")
    return text if len(text) <= limit else text[:limit]


def _tokens(fields: dict[str, Any], field: str, notes: list[str]) -> int | None:
    value = fields.get(field)
    if value is None:
        return None
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS:
        return value
    notes.append(f"{field} was {str(value)[:50]!r}, which cannot be; it counts as unknown")
    return None


def _first_token_ns(fields: dict[str, Any]) -> int | None:
    if "first_token_s" in fields:
        value, unit_ns = fields["first_token_s"], 1_000_000_000
    elif "first_token_ms" in fields:
        value, unit_ns = fields["first_token_ms"], 1_000_000
    else:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return round(seconds * unit_ns) if 0 <= seconds * unit_ns < 1e17 else None
