"""The mapping: for each field its attributes, the most trusted first.

Dialects: OpenTelemetry GenAI conventions now and before (with those who follow them: Strands, pydantic-ai, Microsoft
Agent Framework, Google ADK, the Bedrock SDK and AgentCore), OpenInference (with its instrumentations of LangGraph,
LlamaIndex, crewai, agno, OpenAI Agents), OpenLLMetry (traceloop), Langfuse, and the Vercel AI SDK. The conventions
still change, so the names stand here as strings and nowhere else.
"""

from __future__ import annotations

AWS_REQUEST_ID = ("aws.request_id", "aws.requestId", "aws.request.id")
"""Attributes with the id of a request to AWS."""
FIELDS: dict[str, tuple[str, ...]] = {
    "provider": (
        "gen_ai.provider.name",
        "gen_ai.system",
        "llm.provider",
        "ai.model.provider",
        "llm.system",
        "traceloop.association.properties.ls_provider",
        "langfuse.observation.metadata.ls_provider",
    ),
    # Operators know the requested name; the response model may be a dated snapshot of it.
    "model": (
        "gen_ai.request.model",
        "llm.request.model_name",
        "llm.model_name",
        "ai.model.id",
        "langfuse.observation.model.name",
        "embedding.model_name",
        "reranker.model_name",
        "gen_ai.response.model",
        "llm.request.model",
        "traceloop.association.properties.ls_model_name",
        "langfuse.observation.metadata.ls_model_name",
        "model_name",
    ),
    "response_model": (
        "gen_ai.response.model",
        "llm.response.model_name",
        "ai.response.model",
        "llm.response.model",
    ),
    # The provider's id of the call: equal in every span that reports the call.
    "call_id": (*AWS_REQUEST_ID, "gen_ai.response.id", "ai.response.id", "llm.response.id"),
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
        "gen_ai.aggregated_usage.input_tokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
        "gen_ai.aggregated_usage.output_tokens",
    ),
    "cache_read_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.cache_read_tokens",
        "llm.token_count.prompt_details.cache_read",
        "llm.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cache_read_input_tokens",
        "gen_ai.usage.details.cached_tokens",
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
        "gen_ai.usage.input_cached_tokens",
        "gen_ai.usage.cached_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.input_tokens_details.cached_tokens",
        "gen_ai.usage.input_token_details.cache_read",
        "gen_ai.usage.input_token_details.cached_tokens",
        "gen_ai.usage.prompt_tokens_details.cached_tokens",
        "gen_ai.usage.cache_read",
        "llm.usage.prompt_tokens_details.cached_tokens",
        "gen_ai.usage.input_tokens.cache_read",
        "gen_ai.usage.input_tokens_cached",
        "gen_ai.usage.prompt_tokens.cached",
        "gen_ai.aggregated_usage.input_cached_tokens",
        "gen_ai.aggregated_usage.cached_input_tokens",
        "gen_ai.aggregated_usage.cache_read.input_tokens",
        "gen_ai.aggregated_usage.cache_read_input_tokens",
        "gen_ai.aggregated_usage.cache_read_tokens",
        "gen_ai.aggregated_usage.details.cache_read_tokens",
        "gen_ai.aggregated_usage.details.cache_read_input_tokens",
        "gen_ai.aggregated_usage.details.cached_tokens",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
        "llm.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "gen_ai.usage.details.cache_creation_input_tokens",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
        "gen_ai.usage.input_cache_creation_tokens",
        "gen_ai.usage.input_cache_write_tokens",
        "gen_ai.usage.cache_creation_tokens",
        "gen_ai.usage.input_token_details.cache_creation",
        "gen_ai.usage.cache_creation",
        "gen_ai.usage.cache_write",
        "gen_ai.aggregated_usage.cache_creation.input_tokens",
        "gen_ai.aggregated_usage.cache_write.input_tokens",
        "gen_ai.aggregated_usage.cache_creation_input_tokens",
        "gen_ai.aggregated_usage.cache_write_input_tokens",
        "gen_ai.aggregated_usage.cache_write_tokens",
        "gen_ai.aggregated_usage.details.cache_write_tokens",
        "gen_ai.aggregated_usage.details.cache_creation_input_tokens",
    ),
    # Cache writes by how long they live; part of the cache writes.
    "cache_write_1h_tokens": (
        "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens",
        "gen_ai.usage.cache_creation_1h_input_tokens",
        "gen_ai.usage.cache_creation.1h.input_tokens",
        "gen_ai.usage.cache_write_1h_tokens",
        "gen_ai.usage.cache_write_1h_input_tokens",
        "gen_ai.usage.cache_write.1h.input_tokens",
        "gen_ai.usage.ephemeral_1h_input_tokens",
        "gen_ai.usage.details.ephemeral_1h_input_tokens",
        "gen_ai.usage.details.cache_creation.ephemeral_1h_input_tokens",
        "gen_ai.usage.details.cache_creation_ephemeral_1h_input_tokens",
        "gen_ai.usage.details.cache_write_1h_tokens",
        "gen_ai.usage.input_token_details.ephemeral_1h_input_tokens",
        "llm.token_count.prompt_details.cache_write_1h",
        "llm.token_count.prompt_details.ephemeral_1h_input_tokens",
        "llm.usage.cache_creation.ephemeral_1h_input_tokens",
    ),
    "cache_write_5m_tokens": (
        "gen_ai.usage.cache_creation.ephemeral_5m_input_tokens",
        "gen_ai.usage.cache_creation_5m_input_tokens",
        "gen_ai.usage.cache_creation.5m.input_tokens",
        "gen_ai.usage.cache_write_5m_tokens",
        "gen_ai.usage.cache_write_5m_input_tokens",
        "gen_ai.usage.cache_write.5m.input_tokens",
        "gen_ai.usage.ephemeral_5m_input_tokens",
        "gen_ai.usage.details.ephemeral_5m_input_tokens",
        "gen_ai.usage.details.cache_creation.ephemeral_5m_input_tokens",
        "gen_ai.usage.details.cache_creation_ephemeral_5m_input_tokens",
        "gen_ai.usage.details.cache_write_5m_tokens",
        "gen_ai.usage.input_token_details.ephemeral_5m_input_tokens",
        "llm.token_count.prompt_details.cache_write_5m",
        "llm.token_count.prompt_details.ephemeral_5m_input_tokens",
        "llm.usage.cache_creation.ephemeral_5m_input_tokens",
    ),
    # How long every cache write of the call lives.
    "cache_ttl": (
        "gen_ai.usage.cache_creation.ttl",
        "gen_ai.usage.cache_write.ttl",
        "gen_ai.request.cache_control.ttl",
        "gen_ai.request.cache_ttl",
        "gen_ai.cache.ttl",
    ),
    # Tokens that are no text; part of the input or of the output.
    "input_audio_tokens": (
        "llm.token_count.prompt_details.audio",
        "gen_ai.usage.input_audio_tokens",
        "gen_ai.usage.audio.input_tokens",
        "gen_ai.usage.input_tokens.audio",
        "gen_ai.usage.input_tokens_details.audio_tokens",
        "gen_ai.usage.input_token_details.audio",
        "gen_ai.usage.input_token_details.audio_tokens",
        "gen_ai.usage.prompt_tokens_details.audio_tokens",
        "gen_ai.usage.details.input_audio_tokens",
        "gen_ai.usage.details.audio_prompt_tokens",
        "gen_ai.usage.details.prompt_audio_tokens",
        "llm.usage.prompt_tokens_details.audio_tokens",
        "ai.usage.inputTokenDetails.audioTokens",
    ),
    "output_audio_tokens": (
        "llm.token_count.completion_details.audio",
        "gen_ai.usage.output_audio_tokens",
        "gen_ai.usage.audio.output_tokens",
        "gen_ai.usage.output_tokens.audio",
        "gen_ai.usage.output_tokens_details.audio_tokens",
        "gen_ai.usage.output_token_details.audio",
        "gen_ai.usage.output_token_details.audio_tokens",
        "gen_ai.usage.completion_tokens_details.audio_tokens",
        "gen_ai.usage.details.output_audio_tokens",
        "gen_ai.usage.details.audio_tokens",
        "gen_ai.usage.details.audio_candidates_tokens",
        "gen_ai.usage.details.completion_audio_tokens",
        "llm.usage.completion_tokens_details.audio_tokens",
        "ai.usage.outputTokenDetails.audioTokens",
    ),
    "cache_read_audio_tokens": (
        "gen_ai.usage.cache_audio_read_tokens",
        "gen_ai.usage.details.cache_audio_read_tokens",
        "gen_ai.usage.details.audio_cache_tokens",
        "gen_ai.usage.input_token_details.cached_tokens_details.audio_tokens",
    ),
    "input_image_tokens": (
        "llm.token_count.prompt_details.image",
        "gen_ai.usage.input_image_tokens",
        "gen_ai.usage.image.input_tokens",
        "gen_ai.usage.input_tokens_details.image_tokens",
        "gen_ai.usage.input_token_details.image_tokens",
        "gen_ai.usage.details.input_image_tokens",
        "gen_ai.usage.details.image_prompt_tokens",
    ),
    "output_image_tokens": (
        "llm.token_count.completion_details.image",
        "gen_ai.usage.output_image_tokens",
        "gen_ai.usage.image.output_tokens",
        "gen_ai.usage.output_tokens_details.image_tokens",
        "gen_ai.usage.output_token_details.image_tokens",
        "gen_ai.usage.details.output_image_tokens",
        "gen_ai.usage.details.image_candidates_tokens",
    ),
    # The tier that served the call, then the one that was asked for.
    "service_tier": (
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
        "gen_ai.response.service_tier",
        "anthropic.response.service_tier",
        "aws.bedrock.response.service_tier",
        "llm.response.service_tier",
        "gen_ai.usage.service_tier",
        "gen_ai.usage.details.service_tier",
        "gcp.vertex.traffic_type",
        "openai.request.service_tier",
        "gen_ai.openai.request.service_tier",
        "gen_ai.request.service_tier",
        "anthropic.request.service_tier",
        "aws.bedrock.request.service_tier",
        "aws.bedrock.service_tier",
        "aws.bedrock.service_tier.type",
        "llm.request.service_tier",
        "gen_ai.service_tier",
        "llm.service_tier",
        "service_tier",
        "gen_ai.request.speed",
        "anthropic.request.speed",
    ),
    "is_batch": (
        "gen_ai.request.batch",
        "gen_ai.request.is_batch",
        "gen_ai.batch",
        "gen_ai.batch.id",
        "openai.batch.id",
        "anthropic.batch.id",
        "llm.request.is_batch",
        "llm.is_batch",
    ),
    # Where the model runs, as the call chose it; the resource's region is where the application runs.
    "model_region": (
        "gcp.location",
        "gcp.vertex.location",
        "gcp.vertex_ai.location",
        "anthropic.response.inference_geo",
        "gen_ai.response.inference_geo",
        "anthropic.request.inference_geo",
        "gen_ai.request.inference_geo",
        "gen_ai.request.region",
        "gen_ai.request.data_residency",
    ),
    "region": ("aws.bedrock.inference_region", "aws.region", "cloud.region"),
    "server": ("server.address", "gen_ai.request.base_url", "openai.api_base", "gen_ai.openai.api_base"),
    # In USD, as the sender calculated it.
    "stated_cost": (
        "operation.cost",
        "llm.cost.total",
        "gen_ai.usage.cost",
        "gen_ai.usage.total_cost",
        "gen_ai.usage.cost_usd",
        "gen_ai.cost.total_cost",
        "gen_ai.cost.total",
        "gen_ai.cost",
        "gen_ai.response.cost",
        "llm.usage.total_cost",
        "llm.usage.cost",
        "llm.response.cost",
        "ai.usage.cost",
    ),
    "stated_cost_details": ("langfuse.observation.cost_details",),
    "stated_input_cost": ("llm.cost.prompt", "gen_ai.usage.input_cost", "gen_ai.cost.input"),
    "stated_output_cost": ("llm.cost.completion", "gen_ai.usage.output_cost", "gen_ai.cost.output"),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.experimental.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "llm.usage.reasoning_tokens",
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
    ),
    "total_tokens": (
        "gen_ai.usage.total_tokens",
        "llm.token_count.total",
        "llm.usage.total_tokens",
        "ai.usage.totalTokens",
    ),
    # One JSON object with all the counts.
    "usage_details": ("langfuse.observation.usage_details",),
    # Frameworks may give every run a conversation id of its own: what the application sets is more trusted.
    "session_id": (
        "session.id",
        "langfuse.session.id",
        "gen_ai.conversation.id",
        "ai.telemetry.metadata.sessionId",
        "ai.telemetry.metadata.langfuseSessionId",
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.thread_id",
        "traceloop.association.properties.conversation_id",
        "gcp.vertex.agent.session_id",
        "langfuse.trace.metadata.thread_id",
        "langfuse.observation.metadata.thread_id",
    ),
    "user_id": (
        "enduser.id",
        "user.id",
        "langfuse.user.id",
        "ai.telemetry.metadata.userId",
        "ai.telemetry.metadata.langfuseUserId",
        "traceloop.association.properties.user_id",
        "enduser.pseudo.id",
    ),
    "release": ("genaiops.release", "langfuse.release"),
    "environment": ("deployment.environment.name", "deployment.environment", "langfuse.environment"),
    "prompt_name": (
        "gen_ai.prompt.name",
        "langfuse.observation.prompt.name",
        "llm.prompt_template.name",
        "traceloop.prompt.key",
    ),
    "prompt_version": (
        "gen_ai.prompt.version",
        "langfuse.observation.prompt.version",
        "llm.prompt_template.version",
        "traceloop.prompt.version",
    ),
    "guardrail": (
        "aws.bedrock.guardrail.id",
        "aws.bedrock.guardrail.arn",
        "gen_ai.guardrail.id",
        "gen_ai.guardrail.name",
    ),
    "first_token_s": (
        "gen_ai.server.time_to_first_token",
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.client.operation.time_to_first_chunk",
    ),
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
"""Field -> its attributes, the most trusted first."""

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
    "image_generation": "generation",
    "generate_image": "generation",
    "speech": "generation",
    "text_to_speech": "generation",
    "transcription": "generation",
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
    "ai.rerank": "chain",
    "ai.rerank.dorerank": "reranking",
    "ai.toolcall": "tool",
    # Others that follow OpenTelemetry with words of their own
    "chat.completions": "generation",
    "chat.streaming_completions": "generation",
    "text.completions": "generation",
    "text.streaming_completions": "generation",
    "responses": "generation",
    "response": "generation",
    "message": "generation",
    "execute_event_loop_cycle": "chain",
    "agent_step": "chain",
    "framework": "chain",
    "vectordb": "retrieval",
    "search": "retrieval",
    # What an application may say itself with `genaiops.component`
    "generation": "generation",
    "reranking": "reranking",
    "rewriting": "rewriting",
    "other": "other",
}
"""Operation or span kind -> the component of an answer that the span is."""

SIGNS: tuple[tuple[str, str], ...] = (
    ("gen_ai.tool.name", "tool"),
    ("tool.name", "tool"),
    ("ai.toolCall.name", "tool"),
    ("gen_ai.tool.call.id", "tool"),
    ("event_loop.cycle_id", "chain"),
    ("agent_name", "agent"),
    ("crew_id", "chain"),
    ("gen_ai.retrieval.query.text", "retrieval"),
    ("retrieval.documents.0.document.content", "retrieval"),
    ("aws.bedrock.knowledge_base.id", "retrieval"),
    ("gen_ai.data_source.id", "retrieval"),
    ("db.vector.query.top_k", "retrieval"),
)
"""Attributes that identify the component of a span without an operation; checked before a model call."""

LAST_SIGNS: tuple[tuple[str, str], ...] = (
    ("aws.bedrock.guardrail.id", "guardrail"),
    ("aws.bedrock.guardrail.arn", "guardrail"),
    ("gen_ai.agent.name", "agent"),
    ("gen_ai.agent.id", "agent"),
)
"""Checked last: a model call may name its guardrail and its agent too."""

MODEL_COMPONENTS = frozenset(("generation", "embedding", "reranking"))
"""Components that call a model; usage on other components repeats the usage of spans below them."""

INPUT_MESSAGES = (
    "gen_ai.input.messages",
    "ai.prompt.messages",
    "pydantic_ai.all_messages",
    "events",
    "all_messages_events",
    "gcp.vertex.agent.llm_request",
    "ai.prompt",
    "gen_ai.prompt",
    "langfuse.observation.input",
    "traceloop.entity.input",
    "llm.prompts",
    "input.value",
    "langfuse.trace.input",
    "input",
)
"""Attributes with all messages sent to a model, or with the input of any span."""

OUTPUT_MESSAGES = (
    "gen_ai.output.messages",
    "gcp.vertex.agent.llm_response",
    "gen_ai.completion",
    "langfuse.observation.output",
    "traceloop.entity.output",
    "final_result",
    "output.value",
    "langfuse.trace.output",
    "output",
)
"""Attributes with all messages of the answer, or with the output of any span."""

INDEXED_INPUT = (("llm.input_messages.", "message."), ("gen_ai.prompt.", ""), ("llm.prompts.", ""))
INDEXED_OUTPUT = (("llm.output_messages.", "message."), ("gen_ai.completion.", ""), ("llm.completions.", ""))
"""Prefixes of dialects that spread messages over numbered attributes, and the text after the number."""

SYSTEM = ("gen_ai.system_instructions", "gen_ai.agent.system_prompt", "system_prompt", "ai.prompt.system")

DETAILS_EVENT = "gen_ai.client.inference.operation.details"
"""Event, of a span or as a log record, with the message attributes above."""
MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.content.prompt": "user",
}
"""Events of one input message each -> its default role."""
CHOICE_EVENTS = frozenset(("gen_ai.choice", "gen_ai.content.completion"))
"""Events of one output message each."""

TOOL = {
    "name": ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "tool_call.function.name"),
    "call_id": ("gen_ai.tool.call.id", "tool_call.id", "ai.toolCall.id", "tool.id"),
    "description": ("gen_ai.tool.description", "tool.description"),
    "arguments": (
        "gen_ai.tool.call.arguments",
        "tool_arguments",
        "ai.toolCall.args",
        "ai.toolCall.input",
        "tool.parameters",
        "gcp.vertex.agent.tool_call_args",
        "tool_call.function.arguments",
    ),
    "result": (
        "gen_ai.tool.call.result",
        "tool_response",
        "ai.toolCall.result",
        "ai.toolCall.output",
        "gcp.vertex.agent.tool_response",
    ),
}

QUERY = (
    "gen_ai.retrieval.query.text",
    "retrieval.query",
    "reranker.query",
    "db.query.text",
    "db.vector.query.text",
)
DOCUMENTS = ("gen_ai.retrieval.documents", "retrieval.documents")
INDEXED_DOCUMENTS = ("retrieval.documents.", "reranker.output_documents.", "gen_ai.retrieval.documents.")
DOCUMENT_EVENTS = {
    "db.query.result": ("db.query.result.id", "db.query.result.score", "db.query.result.document"),
    "db.search.result": ("db.search.result.id", "db.search.result.score", "db.search.result.entity"),
}
"""Events of one retrieved document each -> the attributes of its id, score and content."""
SOURCE_KEYS = ("source", "uri", "url", "file", "file_name", "path", "title", "document_id")
VERSION_KEYS = ("version", "doc_version", "document_version", "revision", "last_modified", "updated_at")
"""Keys of a document's metadata for its source and its version."""

AGENT_NAME = ("gen_ai.agent.name", "agent.name", "agent_name", "graph.node.id")
AGENT_ID = ("gen_ai.agent.id", "agent.id")
FINISH_REASONS = (
    "gen_ai.response.finish_reasons",
    "gen_ai.completion.0.finish_reason",
    "llm.finish_reason",
    "llm.response.finish_reason",
    "llm.response.stop_reason",
    "ai.response.finishReason",
    "anthropic.message.stop_reason",
    "stop_reason",
)

EVALUATION_EVENT = "gen_ai.evaluation.result"
EVALUATION_PREFIXES = ("gen_ai.evaluation.", "evaluation.", "annotation.", "eval.")
EVALUATION_NAME = ("name",)
EVALUATION_VALUE = ("score.value", "score", "value")
EVALUATION_LABEL = ("score.label", "label")
EVALUATION_EXPLANATION = ("explanation", "reason")
EVALUATION_JUDGE = ("judge", "evaluator.name", "evaluator.id", "evaluator", "annotator_kind", "model")
"""Keys of an evaluation, after one of the prefixes."""
