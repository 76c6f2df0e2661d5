"""From a decoded export to the rows to be kept: what each span is, said in the product's own words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import orjson

from genaiops_core.telemetry import bounds, conventions
from genaiops_core.telemetry.bounds import to_json
from genaiops_core.telemetry.conventions.usage import usage
from genaiops_core.telemetry.otlp.decode import STATUS_ERROR, DecodedExport, RawSpan
from genaiops_core.telemetry.scores import Score

if TYPE_CHECKING:
    from genaiops_core.telemetry.logs import LogFacts

UNKNOWN_APPLICATION = "unknown_service"
"""What OpenTelemetry calls a service without a name."""

DEMO_ATTRIBUTE = "genaiops.demo"
"""Resource attribute, true on what the demo sends: an application first seen with it is registered as one of the demo."""

_NUL = "\x00"
_MAY_EVALUATE = frozenset(("other", "chain"))
"""Components of spans whose attributes may be an evaluation."""

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
    "folded_into",
    "call_id",
    "is_other_model",
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
    folded_into: str = ""
    call_id: str = ""
    is_other_model: bool = False
    response_model: str
    payload: dict[str, Any]

    @property
    def is_unpriced(self) -> bool:
        """A call that used tokens which nobody can price; one that failed before using any cost nothing."""
        return (
            self.is_call
            and self.cost_nano_usd is None
            and not (self.is_error and self.input_tokens is None and self.output_tokens is None)
        )


row_of = attrgetter(*COLUMNS)
"""The tuple of `COLUMNS` of one `SpanFacts`."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One export, or part of one, ready to be written."""

    spans: list[SpanFacts]
    rejected: int = 0
    problem: str = ""
    scores: Sequence[Score] = ()
    """Evaluations that the spans tell of."""
    logs: Sequence[LogFacts] = ()
    demo: frozenset[str] = frozenset()
    """Those of the applications that say they belong to the demo."""


def prepare(export: DecodedExport, *, received_ns: int | None = None) -> Batch:
    """Map every span of `export`; pure, so that it can run before the database is locked.

    Args:
        export: see `telemetry.otlp`.
        received_ns: when it was received, against which clocks are checked; now by default.
    """
    received_ns = time.time_ns() if received_ns is None else received_ns
    spans: list[SpanFacts] = []
    scores: list[Score] = []
    demo: set[str] = set()
    for group in export.groups:
        mapper = _Mapper(group.resource, group.scope, received_ns, scores)
        spans += [mapper.facts(raw) for raw in group.spans]
        if mapper.origin.is_demo:
            demo.add(mapper.origin.application)
    return Batch(
        spans=spans,
        rejected=export.rejected,
        problem=export.problem,
        scores=scores,
        demo=frozenset(demo),
    )


class Origin:
    """What a resource says of everything it sends."""

    def __init__(self, resource: dict[str, Any]) -> None:
        fields = conventions.read(resource)
        self.application = clean(resource.get("service.name"), 200) or UNKNOWN_APPLICATION
        self.environment = clean(fields.get("environment"), 200)
        self.release = clean(fields.get("release") or resource.get("service.version"), 200)
        self.session_id = clean(fields.get("session_id"), 200)
        self.user_id = clean(fields.get("user_id"), 200)
        self.is_demo = resource.get(DEMO_ATTRIBUTE) in (True, "true")


class _Mapper:
    """What all spans of one resource and scope share, read once."""

    def __init__(
        self, resource: dict[str, Any], scope: dict[str, Any], received_ns: int, scores: list[Score]
    ) -> None:
        self.origin = Origin(resource)
        self.scope_name = str(scope.get("name") or "")
        self.received_ns = received_ns
        self.scores = scores
        # Encoded once: every payload of the group repeats them.
        self.resource = orjson.Fragment(to_json(bounds.attributes(resource, [])))
        self.scope = orjson.Fragment(to_json(scope))

    def facts(self, raw: RawSpan) -> SpanFacts:
        notes: list[str] = []
        origin = self.origin
        attributes = bounds.attributes(raw.attributes, notes)
        fields = conventions.read(attributes)
        component = conventions.component(attributes, fields)
        is_error = raw.status_code == STATUS_ERROR
        bounds.check_clock(raw.start_ns, self.received_ns, notes)
        model = clean(fields.get("model"), 300)
        told = usage(fields, attributes, self.scope_name, notes)
        is_failed_call = is_error and component in conventions.MODEL_COMPONENTS
        is_call = told.is_told or is_failed_call
        if is_call and not model:
            model = clean(conventions.model_of_parameters(attributes), 300)
        facts = SpanFacts(
            application=origin.application,
            trace_id=raw.trace_id,
            span_id=raw.span_id,
            parent_span_id=raw.parent_span_id,
            name=clean(raw.name, 2000),
            component=component,
            start_ns=raw.start_ns,
            duration_ns=bounds.duration_ns(raw.start_ns, raw.end_ns, notes),
            is_error=is_error,
            status_message=clean(raw.status_message, 10_000) if raw.status_message else "",
            is_request=not raw.parent_span_id,
            is_call=is_call,
            environment=clean(fields["environment"], 200) if "environment" in fields else origin.environment,
            release=clean(fields["release"], 200) if "release" in fields else origin.release,
            provider=clean(fields["provider"], 100) if "provider" in fields else "",
            model=model,
            session_id=clean(fields["session_id"], 200) if "session_id" in fields else origin.session_id,
            user_id=clean(fields["user_id"], 200) if "user_id" in fields else origin.user_id,
            input_tokens=told.input_tokens,
            output_tokens=told.output_tokens,
            cache_read_tokens=told.cache_read_tokens,
            cache_write_tokens=told.cache_write_tokens,
            cost_nano_usd=None,
            first_token_ns=_first_token_ns(fields),
            call_id=clean(fields["call_id"], 200) if is_call and "call_id" in fields else "",
            response_model=clean(fields["response_model"], 300) if "response_model" in fields else "",
            payload={},
        )
        if raw.events or component in _MAY_EVALUATE:
            self._read_evaluations(facts, attributes, raw)
        facts.payload = self._payload(raw, attributes, notes)
        return facts

    def _read_evaluations(self, facts: SpanFacts, attributes: dict[str, Any], raw: RawSpan) -> None:
        told = [(event["name"], event["attributes"]) for event in raw.events]
        own = attributes if facts.component in _MAY_EVALUATE else {}
        for one in conventions.evaluations(own, told):
            self.scores.append(
                score_of(
                    one,
                    application=facts.application,
                    trace_id=facts.trace_id,
                    start_ns=facts.start_ns,
                    environment=facts.environment,
                    release=facts.release,
                )
            )

    def _payload(self, raw: RawSpan, attributes: dict[str, Any], notes: list[str]) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "attributes": attributes,
            "resource": self.resource,
            "scope": self.scope,
            "kind": raw.kind,
        }
        if raw.events:
            payload["events"] = bounds.listed("event", raw.events, notes)
        if raw.links:
            payload["links"] = bounds.listed("link", raw.links, notes)
        if raw.trace_state:
            payload["trace_state"] = raw.trace_state
        if notes:
            payload["notes"] = notes
        return payload


def score_of(
    told: conventions.Evaluation,
    *,
    application: str,
    trace_id: str,
    start_ns: int,
    environment: str,
    release: str,
) -> Score:
    """An evaluation that telemetry brought, as a score."""
    return Score(
        application=application,
        trace_id=trace_id,
        metric=clean(told.name, 100),
        judge=clean(told.judge, 200),
        value=told.value,
        reason=clean(told.explanation, 10_000),
        start_ns=start_ns,
        environment=environment,
        release=release,
    )


def clean(value: Any, limit: int) -> str:
    """`value` as a column keeps it: no NUL, which PostgreSQL refuses, and at most `limit` characters."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    if _NUL in text:
        text = text.replace(_NUL, "")
    return text if len(text) <= limit else text[:limit]


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
