"""Converts an entry of Bedrock's model invocation logs, as in S3 and CloudWatch Logs, to one model call span.

Source: "Monitor model invocation using CloudWatch Logs and Amazon S3" of the Amazon Bedrock user guide, schemaType
`ModelInvocationLog`. The span uses OpenTelemetry's attributes, so that everything after it is the same as for OTLP.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.ingest.bedrock_bodies import (
    RequestBody,
    ResponseBody,
    read_request,
    read_response,
)
from genaiops_core.telemetry.otlp.decode import STATUS_ERROR, RawSpan, SpanGroup

DEFAULT_APPLICATION = "bedrock"
"""Application of entries whose caller gave none."""

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
"""Attribute -> the keys of `requestMetadata` for it, the most specific first."""

_PLAIN_ARNS = (":foundation-model/", ":inference-profile/")
"""ARNs that end in a model id of price lists; other ARNs are kept whole."""


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One entry, ready to be ingested."""

    request_id: str
    response_id: str
    """The id in the answer; '' when it has none. Applications often know only this id."""
    application: str
    start_ns: int
    is_timed: bool
    """Whether it has the duration of the call; else the span ends where it starts."""
    notes: tuple[str, ...]
    """What is unknown about the call, shown with its span."""
    group: SpanGroup


def read_entry(entry: Any, *, application: str | None = None) -> LogEntry:
    """Convert one entry to a span.

    Args:
        entry: the decoded JSON.
        application: the application of the call; by default from its `requestMetadata`, else `bedrock`.

    Raises:
        BadInput: it is no invocation log entry, or lacks the request or model id or a valid timestamp.
    """
    if not isinstance(entry, dict):
        raise BadInput("it is not a JSON object")
    if entry.get("schemaType", "ModelInvocationLog") != "ModelInvocationLog":
        raise BadInput(f"its schemaType is {entry['schemaType']!r}, not 'ModelInvocationLog'")
    request_id, model_id = _require_text(entry, "requestId"), _require_text(entry, "modelId")
    start_ns = _parse_timestamp_ns(entry.get("timestamp"))
    metadata = _read_object(entry, "requestMetadata")
    input_section, output_section = _read_object(entry, "input"), _read_object(entry, "output")
    request = read_request(input_section.get("inputBodyJson"))
    response = read_response(output_section.get("outputBodyJson"))
    error = _read_error_code(entry)
    owner = application or _find_first(metadata, _APPLICATION_KEYS) or DEFAULT_APPLICATION
    attributes = {
        **{f"aws.bedrock.request_metadata.{key}": value for key, value in metadata.items()},
        **_read_envelope(entry, request_id, model_id, metadata),
        **_read_tokens(input_section, output_section, response),
        **_build_content(request, response),
        **_find_body_paths(input_section, output_section),
    }
    if response.first_token_ms is not None:
        attributes["gen_ai.server.time_to_first_token"] = response.first_token_ms / 1000
    if response.latency_ms is not None:
        attributes["aws.bedrock.invocation_latency_ms"] = response.latency_ms
    if error:
        attributes["error.type"] = error
    # Metrics of the answer may be negative or missing.
    latency_ns = max(0, round((response.latency_ms or 0) * 1e6))
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
        response_id=response.response_id[:_MAX_ID_LENGTH],
        application=owner,
        start_ns=start_ns,
        is_timed=response.latency_ms is not None,
        notes=tuple(_describe_unknowns(response, attributes)),
        group=SpanGroup(resource, scope, [span]),
    )


def derive_id(kind: str, request_id: str, digits: int) -> str:
    """Derive a trace or span id from the request id, so that a second import finds the same span."""
    return hashlib.sha256(f"bedrock invocation {kind}:{request_id}".encode()).hexdigest()[:digits]


def parse_model_name(model_id: str) -> str:
    """Extract the model id of price lists from a plain id or an ARN."""
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
    """OpenTelemetry's operation name; embedding and re-ranking models are recognised by their id."""
    if "rerank" in model:
        return "rerank"
    if "embed" in model:
        return "embeddings"
    return "chat" if operation.startswith("Converse") else "text_completion"


def _read_tokens(
    input_section: Mapping[str, Any], output_section: Mapping[str, Any], response: ResponseBody
) -> dict[str, Any]:
    """Usage as OpenTelemetry counts it: input tokens include cached tokens, which Bedrock excludes."""
    read = _read_count(input_section, "cacheReadInputTokenCount", response.cache_read_tokens)
    written = _read_count(input_section, "cacheWriteInputTokenCount", response.cache_write_tokens)
    fresh = _read_count(input_section, "inputTokenCount", response.input_tokens)
    counts = {
        "gen_ai.usage.input_tokens": None if fresh is None else fresh + (read or 0) + (written or 0),
        "gen_ai.usage.output_tokens": _read_count(output_section, "outputTokenCount", response.output_tokens),
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_creation.input_tokens": written,
        "gen_ai.usage.cache_write_1h_tokens": response.cache_write_1h_tokens,
    }
    return {name: value for name, value in counts.items() if value is not None}


def _read_count(section: Mapping[str, Any], name: str, default: int | None) -> int | None:
    value = section.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadInput(f"its {name} is {str(value)[:50]!r}, not a token count")
    return value


def _build_content(request: RequestBody, response: ResponseBody) -> dict[str, Any]:
    """Messages and parameters as OpenTelemetry's attributes."""
    content: dict[str, Any] = dict(request.parameters)
    for name, value in (
        ("gen_ai.system_instructions", request.system),
        ("gen_ai.input.messages", request.messages),
        ("gen_ai.output.messages", response.messages),
        ("gen_ai.tool.definitions", request.tools),
    ):
        if value:
            content[name] = orjson.dumps(value).decode()
    if response.finish_reasons:
        content["gen_ai.response.finish_reasons"] = list(response.finish_reasons)
    texts = {
        "gen_ai.response.id": response.response_id,
        "gen_ai.response.model": response.response_model,
        "aws.bedrock.response.service_tier": response.service_tier,
        "aws.bedrock.guardrail.id": request.guardrail_id,
    }
    return content | {name: text for name, text in texts.items() if text}


def _find_body_paths(input_section: Mapping[str, Any], output_section: Mapping[str, Any]) -> dict[str, str]:
    """Where Bedrock stored a body of more than 100 KB, or one that is not JSON; its content is not read."""
    paths = {
        "aws.bedrock.input_body_s3_path": _to_text(input_section.get("inputBodyS3Path")),
        "aws.bedrock.output_body_s3_path": _to_text(output_section.get("outputBodyS3Path")),
    }
    return {name: path for name, path in paths.items() if path}


def _describe_unknowns(response: ResponseBody, attributes: Mapping[str, Any]) -> Iterator[str]:
    if response.latency_ms is None:
        yield "its log entry has no duration of the call"
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
    elapsed = instant - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    micros = elapsed // dt.timedelta(microseconds=1)
    if not 0 < micros * 1000 < 1 << 63:
        raise BadInput(f"its timestamp is {value[:50]!r}, before 1970 or after 2262")
    return micros * 1000


def _require_text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"it has no {name}")
    if len(value) > 2000 or (name == "requestId" and len(value) > _MAX_ID_LENGTH) or "\x00" in value:
        raise BadInput(f"its {name} is too long or has a NUL character")
    return value


def _read_object(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def _find_first(metadata: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((str(metadata[key]) for key in keys if metadata.get(key) not in (None, "")), "")


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else ""
