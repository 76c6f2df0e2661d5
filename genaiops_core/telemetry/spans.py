"""Maps decoded spans to rows: reads every dialect into the columns of table `span`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson

from genaiops_core.pricing.prices import STANDARD_TERMS, CallTerms
from genaiops_core.telemetry import bounds, conventions
from genaiops_core.telemetry.bounds import to_json
from genaiops_core.telemetry.conventions.billing import read_stated_cost, read_terms
from genaiops_core.telemetry.conventions.cache_habits import Instrumentation
from genaiops_core.telemetry.conventions.names import AWS_REQUEST_ID
from genaiops_core.telemetry.conventions.usage import NO_USAGE, complete_fields, read_usage
from genaiops_core.telemetry.counting import CountedSpan
from genaiops_core.telemetry.logs import LogFacts
from genaiops_core.telemetry.origin import Origin, build_score, clean
from genaiops_core.telemetry.otlp.decode import STATUS_ERROR, DecodedExport, RawSpan
from genaiops_core.telemetry.scores import Score

_MAY_EVALUATE = frozenset(("other", "chain"))
"""Components of spans whose attributes may be an evaluation."""

_FLAG_PARENT_KNOWN = 0x100
"""Bit of a span's flags: whether the next bit is valid."""
_FLAG_PARENT_REMOTE = 0x200
"""Bit of a span's flags: the parent belongs to another process."""
_ENTRY_KINDS = (2, 5)
"""SERVER and CONSUMER: kinds of spans whose parent belongs to another process."""

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
    "has_remote_parent",
    "is_internal",
    "is_rootless",
    "is_other_model",
)
"""Columns of table `span` that ingest fills, in the order of `to_row`."""


@dataclass(slots=True, kw_only=True)
class SpanFacts(CountedSpan):
    """One received span: the columns of table `span`, the model that answered, which prices are looked up by, and the payload."""

    name: str
    status_message: str
    provider: str
    session_id: str
    user_id: str
    first_token_ns: int | None
    response_model: str
    payload: dict[str, Any]
    terms: CallTerms = STANDARD_TERMS
    """Service tier and the like, which decide the price."""
    stated_cost_nano_usd: int | None = None
    """Cost that the sender states; used where no price is known."""


to_row = attrgetter(*COLUMNS)
"""The tuple of `COLUMNS` of one `SpanFacts`."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One export, or part of one, ready to be written."""

    spans: list[SpanFacts]
    rejected: int = 0
    problem: str = ""
    scores: Sequence[Score] = ()
    """Evaluations that the spans report."""
    logs: Sequence[LogFacts] = ()
    demo: frozenset[str] = frozenset()
    """Applications that belong to the demo."""


def prepare_spans(export: DecodedExport, *, received_ns: int | None = None) -> Batch:
    """Map every span of `export`; pure, so that it can run before the database is locked.

    Args:
        export: see `telemetry.otlp`.
        received_ns: time of receipt, which the clocks of spans are checked against; now by default.
    """
    received_ns = time.time_ns() if received_ns is None else received_ns
    spans: list[SpanFacts] = []
    scores: list[Score] = []
    demo: set[str] = set()
    for group in export.groups:
        mapper = _SpanMapper(group.resource, group.scope, received_ns, scores)
        spans += [mapper.map_span(raw) for raw in group.spans]
        if mapper.origin.is_demo:
            demo.add(mapper.origin.application)
    return Batch(
        spans=spans,
        rejected=export.rejected,
        problem=export.problem,
        scores=scores,
        demo=frozenset(demo),
    )


def reread_terms(attributes: dict[str, Any], resource: dict[str, Any]) -> CallTerms:
    """Read again what decides the price of a stored call beside its tokens.

    Args:
        attributes: of the span, from its payload.
        resource: of the span, from its payload.
    """
    fields = complete_fields(conventions.read_fields(attributes), attributes)
    token_usage = read_usage(fields, attributes, Instrumentation(""), [])
    provider, model = str(fields.get("provider") or ""), str(fields.get("model") or "")
    return read_terms(fields, attributes, token_usage, provider, model, Origin(resource).region)


class _SpanMapper:
    """Maps the spans of one resource and scope; reads what they share once."""

    def __init__(
        self, resource: dict[str, Any], scope: dict[str, Any], received_ns: int, scores: list[Score]
    ) -> None:
        self.origin = Origin(resource)
        self.scope_name = str(scope.get("name") or "")
        self.scope_version = str(scope.get("version") or "")
        self.received_ns = received_ns
        self.scores = scores
        # Encoded once: every payload of the group repeats them.
        self.resource = orjson.Fragment(to_json(bounds.limit_attributes(resource, [])))
        self.scope = orjson.Fragment(to_json(scope))

    def map_span(self, raw: RawSpan) -> SpanFacts:
        notes: list[str] = []
        origin = self.origin
        attributes = bounds.limit_attributes(raw.attributes, notes)
        fields = complete_fields(conventions.read_fields(attributes), attributes)
        component = conventions.find_component(attributes, fields)
        is_error = raw.status_code == STATUS_ERROR
        bounds.check_clock(raw.start_ns, self.received_ns, notes)
        model = clean(fields.get("model"), 300)
        is_model = component in conventions.MODEL_COMPONENTS
        token_usage, stated_cost = NO_USAGE, None
        # Most spans are no calls, and cost only this look.
        if is_model or "input_tokens" in fields or "output_tokens" in fields:
            source = Instrumentation(self.scope_name, self.scope_version, raw.name)
            token_usage = read_usage(fields, attributes, source, notes)
            stated_cost = read_stated_cost(fields)
        # A stream, a re-ranking or an image may have no token count: it is a call all the same.
        is_model_call = is_model and (is_error or model != "" or stated_cost is not None)
        is_call = token_usage.is_known or is_model_call
        if is_call and not model:
            model = clean(conventions.find_model_in_parameters(attributes), 300)
        facts = SpanFacts(
            application=origin.application,
            trace_id=raw.trace_id,
            span_id=raw.span_id,
            parent_span_id=raw.parent_span_id,
            name=clean(raw.name, 2000),
            component=component,
            start_ns=raw.start_ns,
            duration_ns=bounds.measure_duration_ns(raw.start_ns, raw.end_ns, notes),
            is_error=is_error,
            status_message=clean(raw.status_message, 10_000) if raw.status_message else "",
            is_request=not raw.parent_span_id,
            has_remote_parent=raw.parent_span_id != "" and _has_remote_parent(raw),
            is_call=is_call,
            environment=clean(fields["environment"], 200) if "environment" in fields else origin.environment,
            release=clean(fields["release"], 200) if "release" in fields else origin.release,
            provider=clean(fields["provider"], 100) if "provider" in fields else "",
            model=model,
            session_id=clean(fields["session_id"], 200) if "session_id" in fields else origin.session_id,
            user_id=clean(fields["user_id"], 200) if "user_id" in fields else origin.user_id,
            input_tokens=token_usage.input_tokens,
            output_tokens=token_usage.output_tokens,
            cache_read_tokens=token_usage.cache_read_tokens,
            cache_write_tokens=token_usage.cache_write_tokens,
            cost_nano_usd=None,
            first_token_ns=_parse_first_token_ns(fields),
            call_id=clean(fields["call_id"], 200)
            if "call_id" in fields and (is_call or _is_bedrock_call(raw.name, attributes, component))
            else "",
            response_model=clean(fields["response_model"], 300) if "response_model" in fields else "",
            payload={},
        )
        if is_call:
            facts.stated_cost_nano_usd = stated_cost
            facts.terms = read_terms(
                fields, attributes, token_usage, facts.provider, facts.model, origin.region
            )
        if raw.events or component in _MAY_EVALUATE:
            self._read_evaluations(facts, attributes, raw)
        facts.payload = self._build_payload(raw, attributes, notes)
        return facts

    def _read_evaluations(self, facts: SpanFacts, attributes: dict[str, Any], raw: RawSpan) -> None:
        events = [(event["name"], event["attributes"]) for event in raw.events]
        candidates = attributes if facts.component in _MAY_EVALUATE else {}
        for evaluation in conventions.read_evaluations(candidates, events):
            self.scores.append(
                build_score(
                    evaluation,
                    application=facts.application,
                    trace_id=facts.trace_id,
                    start_ns=facts.start_ns,
                    environment=facts.environment,
                    release=facts.release,
                )
            )

    def _build_payload(self, raw: RawSpan, attributes: dict[str, Any], notes: list[str]) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "attributes": attributes,
            "resource": self.resource,
            "scope": self.scope,
            "kind": raw.kind,
        }
        if raw.events:
            payload["events"] = bounds.limit_events("event", raw.events, notes)
        if raw.links:
            payload["links"] = bounds.limit_events("link", raw.links, notes)
        if raw.flags & (_FLAG_PARENT_KNOWN | _FLAG_PARENT_REMOTE):
            payload["flags"] = raw.flags
        if raw.trace_state:
            payload["trace_state"] = raw.trace_state
        if notes:
            payload["notes"] = notes
        return payload


def _is_bedrock_call(name: str, attributes: dict[str, Any], component: str) -> bool:
    """Whether a span without usage and model is a request to Bedrock, which an invocation log may know more about."""
    if not any(key in attributes for key in AWS_REQUEST_ID):
        return False
    texts = (name, *(attributes.get(key) for key in ("rpc.service", "rpc.method", "aws.remote.service")))
    return component in conventions.MODEL_COMPONENTS or any("bedrock" in str(text).lower() for text in texts)


def _has_remote_parent(raw: RawSpan) -> bool:
    """Whether the span states that its parent belongs to another process, by its flags, else by its kind."""
    if raw.flags & _FLAG_PARENT_KNOWN:
        return bool(raw.flags & _FLAG_PARENT_REMOTE)
    return raw.kind in _ENTRY_KINDS


def _parse_first_token_ns(fields: dict[str, Any]) -> int | None:
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
