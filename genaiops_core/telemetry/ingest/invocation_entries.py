"""Bedrock's model invocation logs: one entry, as written to S3 and CloudWatch Logs, becomes one model call span.

Source: "Monitor model invocation using CloudWatch Logs and Amazon S3" of the Amazon Bedrock user guide, schemaType
`ModelInvocationLog`. The span is built in OpenTelemetry's words, so that everything after it is the same as for OTLP.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.ingest.bedrock_bodies import ResponseBody, RequestBody, read_request, read_response
from genaiops_core.telemetry.otlp.decode import STATUS_ERROR, RawSpan, SpanGroup

DEFAULT_APPLICATION = "bedrock"
"""Entries whose caller did not say which application it is."""

PROVIDER = "aws.bedrock"
SCOPE = "genaiops.invocation_logs"

_MAX_ID_LENGTH = 200
_KIND_CLIENT = 3
_APPLICATION_KEYS = ("application", "genaiops.application", "service.name")
_METADATA_KEYS = {
    "genaiops.release": ("genaiops.release", "release"),
    "deployment.environment.name": ("deployment.environment.name", "environment"),
    "user.id": ("user.id", "enduser.id", "user_id", "userId", "user"),
    "session.id": ("session.id", "gen_ai.conversation.id", "session_id", "sessionId", "session"),
}
"""Attribute -> the keys of `requestMetadata` that say it, the most exact first."""

_PLAIN_ARNS = (":foundation-model/", ":inference-profile/")
"""ARNs that end in a model id which price lists know; other ARNs are names of their own."""


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One entry, ready to be ingested."""

    request_id: str
    response_id: str
    """The id in the answer itself; '' when it has none. Applications often know only this one."""
    application: str
    start_ns: int
    is_timed: bool
    """Whether it says how long the call took; else the span ends where it starts."""
    notes: tuple[str, ...]
    """What is not known of the call, for whoever looks at its span."""
    group: SpanGroup


def read_entry(entry: Any, *, application: str | None = None) -> LogEntry:
    """Turn one entry into a span.

    Args:
        entry: the decoded JSON.
        application: whose call it was; by default what its `requestMetadata` says, else `bedrock`.

    Raises:
        BadInput: it is no invocation log entry, or lacks what identifies the call.
    """
    if not isinstance(entry, dict):
        raise BadInput("it is not a JSON object")
    if entry.get("schemaType", "ModelInvocationLog") != "ModelInvocationLog":
        raise BadInput(f"its schemaType is {entry['schemaType']!r}, not 'ModelInvocationLog'")
    request_id, model_id = _require_text(entry, "requestId"), _require_text(entry, "modelId")
    start_ns = _parse_timestamp_ns(entry.get("timestamp"))
    metadata = _read_object(entry, "requestMetadata")
    sent, answer = _read_object(entry, "input"), _read_object(entry, "output")
    asked = read_request(sent.get("inputBodyJson"))
    answered = read_response(answer.get("outputBodyJson"))
    error = _read_error_code(entry)
    owner = application or _find_first(metadata, _APPLICATION_KEYS) or DEFAULT_APPLICATION
    attributes = {
        **{f"aws.bedrock.request_metadata.{key}": value for key, value in metadata.items()},
        **_read_envelope(entry, request_id, model_id, metadata),
        **_read_tokens(sent, answer, answered),
        **_build_content(asked, answered),
        **_find_body_paths(sent, answer),
    }
    if answered.first_token_ms is not None:
        attributes["gen_ai.server.time_to_first_token"] = answered.first_token_ms / 1000
    if answered.latency_ms is not None:
        attributes["aws.bedrock.invocation_latency_ms"] = answered.latency_ms
    if error:
        attributes["error.type"] = error
    latency_ns = max(0, round((answered.latency_ms or 0) * 1e6))
    span = RawSpan(
        trace_id=derive_id("trace", request_id, 32),
        span_id=derive_id("span", request_id, 16),
        parent_span_id="",
        name=f"{attributes['gen_ai.operation.name']} {attributes['gen_ai.request.model']}",
        start_ns=start_ns,
        end_ns=start_ns + latency_ns,
        attributes=attributes,
        kind=_KIND_CLIENT,
        status_code=STATUS_ERROR if error else 0,
        status_message=error,
    )
    resource = {
        name: value
        for name, value in (
            ("service.name", owner),
            ("cloud.provider", "aws"),
            ("cloud.region", _to_text(entry.get("region"))),
            ("cloud.account.id", _to_text(entry.get("accountId"))),
        )
        if value
    }
    scope = {"name": SCOPE, "version": _to_text(entry.get("schemaVersion"))}
    return LogEntry(
        request_id=request_id,
        response_id=answered.response_id[:_MAX_ID_LENGTH],
        application=owner,
        start_ns=start_ns,
        is_timed=answered.latency_ms is not None,
        notes=tuple(_describe_unknowns(answered, attributes)),
        group=SpanGroup(resource, scope, [span]),
    )


def derive_id(of: str, request_id: str, digits: int) -> str:
    """A trace or span id that is always the same for one request, so that importing twice is importing once."""
    return hashlib.sha256(f"bedrock invocation {of}:{request_id}".encode()).hexdigest()[:digits]


def parse_model_name(model_id: str) -> str:
    """The model id that price lists and operators know, from a plain id or an ARN."""
    if model_id.startswith("arn:") and any(kind in model_id for kind in _PLAIN_ARNS):
        return model_id.rsplit("/", 1)[1]
    return model_id


def _read_envelope(
    entry: Mapping[str, Any], request_id: str, model_id: str, metadata: Mapping[str, Any]
) -> dict[str, Any]:
    model = parse_model_name(model_id)
    attributes: dict[str, Any] = {
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.operation.name": _find_operation(model, _to_text(entry.get("operation"))),
        "gen_ai.request.model": model,
        "aws.request_id": request_id,
        "rpc.method": _to_text(entry.get("operation")),
        "aws.bedrock.model_id": model_id if model_id != model else "",
        "aws.bedrock.inference_region": _to_text(entry.get("inferenceRegion")),
        "aws.identity.arn": _to_text(_read_object(entry, "identity").get("arn")),
    }
    attributes |= {name: _find_first(metadata, keys) for name, keys in _METADATA_KEYS.items()}
    return {name: value for name, value in attributes.items() if value != ""}


def _find_operation(model: str, operation: str) -> str:
    """OpenTelemetry's name of what was done; embeddings and re-ranking go by the model, which only does that."""
    if "rerank" in model:
        return "rerank"
    if "embed" in model:
        return "embeddings"
    return "chat" if operation.startswith("Converse") else "text_completion"


def _read_tokens(sent: Mapping[str, Any], answer: Mapping[str, Any], answered: ResponseBody) -> dict[str, Any]:
    """Usage as OpenTelemetry counts it: input tokens with the cached ones, which Bedrock leaves out."""
    read = _read_count(sent, "cacheReadInputTokenCount", answered.cache_read_tokens)
    written = _read_count(sent, "cacheWriteInputTokenCount", answered.cache_write_tokens)
    fresh = _read_count(sent, "inputTokenCount", answered.input_tokens)
    told = {
        "gen_ai.usage.input_tokens": None if fresh is None else fresh + (read or 0) + (written or 0),
        "gen_ai.usage.output_tokens": _read_count(answer, "outputTokenCount", answered.output_tokens),
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_creation.input_tokens": written,
    }
    return {name: value for name, value in told.items() if value is not None}


def _read_count(place: Mapping[str, Any], name: str, otherwise: int | None) -> int | None:
    value = place.get(name)
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadInput(f"its {name} is {str(value)[:50]!r}, which cannot be")
    return value


def _build_content(asked: RequestBody, answered: ResponseBody) -> dict[str, Any]:
    """Messages and parameters, under the names and in the shape of OpenTelemetry."""
    content: dict[str, Any] = dict(asked.parameters)
    for name, value in (
        ("gen_ai.system_instructions", asked.system),
        ("gen_ai.input.messages", asked.messages),
        ("gen_ai.output.messages", answered.messages),
        ("gen_ai.tool.definitions", asked.tools),
    ):
        if value:
            content[name] = orjson.dumps(value).decode()
    if answered.finish_reasons:
        content["gen_ai.response.finish_reasons"] = list(answered.finish_reasons)
    named = {
        "gen_ai.response.id": answered.response_id,
        "gen_ai.response.model": answered.response_model,
        "aws.bedrock.guardrail.id": asked.guardrail_id,
    }
    return content | {name: text for name, text in named.items() if text}


def _find_body_paths(sent: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, str]:
    """Where Bedrock put a body of more than 100 KB, or one that is no JSON; what it says is not known here."""
    paths = {
        "aws.bedrock.input_body_s3_path": _to_text(sent.get("inputBodyS3Path")),
        "aws.bedrock.output_body_s3_path": _to_text(answer.get("outputBodyS3Path")),
    }
    return {name: path for name, path in paths.items() if path}


def _describe_unknowns(answered: ResponseBody, attributes: Mapping[str, Any]) -> Iterator[str]:
    if answered.latency_ms is None:
        yield "its log does not say how long the call took"
    for kind in ("input", "output"):
        path = attributes.get(f"aws.bedrock.{kind}_body_s3_path")
        if path:
            yield f"its {kind} body is stored at {path} and was not read"


def _read_error_code(entry: Mapping[str, Any]) -> str:
    code = entry.get("errorCode")
    return code[:200] if isinstance(code, str) else ""


def _parse_timestamp_ns(value: Any) -> int:
    if not isinstance(value, str) or not value:
        raise BadInput("it has no timestamp")
    try:
        instant = dt.datetime.fromisoformat(value)
    except ValueError:
        raise BadInput(f"its timestamp is {value[:50]!r}, not an ISO 8601 instant") from None
    instant = instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant
    since = instant - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    micros = since // dt.timedelta(microseconds=1)
    if not 0 < micros * 1000 < 1 << 63:
        raise BadInput(f"its timestamp is {value[:50]!r}, before 1970 or after 2262")
    return micros * 1000


def _require_text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"it has no {name}")
    if len(value) > 2000 or (name == "requestId" and len(value) > _MAX_ID_LENGTH) or "\x00" in value:
        raise BadInput(f"its {name} is not one that Bedrock writes")
    return value


def _read_object(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def _find_first(metadata: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((str(metadata[key]) for key in keys if metadata.get(key) not in (None, "")), "")


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else ""
