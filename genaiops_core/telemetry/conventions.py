"""What span attributes mean: one table for all the dialects in use, best name first.

Dialects: OpenTelemetry GenAI conventions (now and before), OpenInference, OpenLLMetry (traceloop), Vercel AI SDK,
Langfuse. The conventions are still moving, so the names are kept here as strings and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

FIELDS: dict[str, tuple[str, ...]] = {
    "provider": (
        "gen_ai.provider.name",
        "gen_ai.system",
        "llm.provider",
        "ai.model.provider",
        "llm.system",
        "traceloop.association.properties.ls_provider",
    ),
    # The name that was asked for is the one operators know; what answered may be a dated snapshot of it.
    "model": (
        "gen_ai.request.model",
        "llm.request.model_name",
        "llm.model_name",
        "ai.model.id",
        "langfuse.observation.model.name",
        "embedding.model_name",
        "reranker.model_name",
        "gen_ai.response.model",
    ),
    "response_model": ("gen_ai.response.model", "llm.response.model_name", "ai.response.model"),
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    "cache_read_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "gen_ai.usage.details.cache_read_tokens",
        "ai.usage.cachedInputTokens",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "llm.token_count.prompt_details.cache_write",
        "gen_ai.usage.details.cache_write_tokens",
    ),
    "session_id": (
        "gen_ai.conversation.id",
        "session.id",
        "langfuse.session.id",
        "ai.telemetry.metadata.sessionId",
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.thread_id",
    ),
    "user_id": (
        "enduser.id",
        "user.id",
        "langfuse.user.id",
        "ai.telemetry.metadata.userId",
        "traceloop.association.properties.user_id",
    ),
    "release": ("genaiops.release", "langfuse.release"),
    "environment": ("deployment.environment.name", "deployment.environment", "langfuse.environment"),
    "prompt_name": ("gen_ai.prompt.name", "langfuse.observation.prompt.name"),
    "prompt_version": ("gen_ai.prompt.version", "langfuse.observation.prompt.version"),
    "first_token_s": ("gen_ai.server.time_to_first_token", "gen_ai.response.time_to_first_chunk"),
    "first_token_ms": ("ai.response.msToFirstChunk",),
    "operation": (
        "genaiops.component",
        "gen_ai.operation.name",
        "openinference.span.kind",
        "traceloop.span.kind",
        "ai.operationId",
        "langfuse.observation.type",
        "llm.request.type",
    ),
}
"""Field -> the attributes that say it, the most trusted first."""

COMPONENTS: dict[str, str] = {
    # OpenTelemetry operations
    "chat": "generation",
    "text_completion": "generation",
    "generate_content": "generation",
    "embeddings": "embedding",
    "retrieval": "retrieval",
    "execute_tool": "tool",
    "create_agent": "agent",
    "invoke_agent": "agent",
    "invoke_workflow": "chain",
    "plan": "chain",
    # OpenInference, OpenLLMetry and Langfuse kinds (compared in lower case)
    "llm": "generation",
    "completion": "generation",
    "embedding": "embedding",
    "retriever": "retrieval",
    "reranker": "reranking",
    "rerank": "reranking",
    "tool": "tool",
    "agent": "agent",
    "chain": "chain",
    "workflow": "chain",
    "task": "chain",
    "guardrail": "guardrail",
    "prompt": "prompt",
    "evaluator": "other",
    # Vercel AI SDK: the outer operation repeats the usage of the inner one
    "ai.generatetext": "agent",
    "ai.streamtext": "agent",
    "ai.generateobject": "agent",
    "ai.streamobject": "agent",
    "ai.generatetext.dogenerate": "generation",
    "ai.streamtext.dostream": "generation",
    "ai.generateobject.dogenerate": "generation",
    "ai.streamobject.dostream": "generation",
    "ai.embed": "chain",
    "ai.embedmany": "chain",
    "ai.embed.doembed": "embedding",
    "ai.embedmany.doembed": "embedding",
    "ai.toolcall": "tool",
    # What an application may say itself with `genaiops.component`
    "generation": "generation",
    "reranking": "reranking",
    "rewriting": "rewriting",
    "other": "other",
}
"""Operation or span kind -> the component of an answer that the span is."""

MODEL_COMPONENTS = frozenset(("generation", "embedding", "reranking"))
"""Components that call a model themselves; usage on the others repeats what their children told."""

INPUT_EXCLUDES_CACHE_SCOPES = frozenset(("opentelemetry.instrumentation.botocore.bedrock-runtime",))
"""Instrumentations that pass on Bedrock's own count, where input tokens leave the cached ones out."""

_BY_ATTRIBUTE: dict[str, list[tuple[str, int]]] = {}
for _field, _names in FIELDS.items():
    for _rank, _name in enumerate(_names):
        _BY_ATTRIBUTE.setdefault(_name, []).append((_field, _rank))
_KNOWN = frozenset(_BY_ATTRIBUTE)


def read(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `FIELDS` that `attributes` say, each from its most trusted name; empty texts say nothing."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for name in _KNOWN.intersection(attributes):
        value = attributes[name]
        if value is None or value == "":
            continue
        for field, rank in _BY_ATTRIBUTE[name]:
            if rank < ranks.get(field, 1000):
                ranks[field] = rank
                found[field] = value
    return found


def component(attributes: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Which component of an answer this span is; `other` when nothing says so.

    Args:
        attributes: of the span.
        fields: what `read` made of them.
    """
    if "operation" in fields:
        for name in FIELDS["operation"]:
            value = attributes.get(name)
            if isinstance(value, str):
                known = COMPONENTS.get(value.lower())
                if known is not None:
                    return known
    if "model" in fields and ("input_tokens" in fields or "output_tokens" in fields):
        return "generation"
    if "aws.bedrock.guardrail.id" in attributes or "aws.bedrock.guardrail.arn" in attributes:
        return "guardrail"
    return "other"


def model_of_parameters(attributes: Mapping[str, Any]) -> str:
    """The model an OpenInference span names only in its invocation parameters, as a call that failed does."""
    parameters = attributes.get("llm.invocation_parameters")
    if not isinstance(parameters, str):
        return ""
    try:
        model = orjson.loads(parameters).get("model", "")
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    return model if isinstance(model, str) else ""
