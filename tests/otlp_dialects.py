"""Small traces as each instrumentation sends them, with the model calls that were really made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.otlp_samples import SECOND_NS, T0_NS, span


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A trace and its truth."""

    spans: list[dict[str, Any]]
    calls: list[tuple[int | None, int | None]]
    """(input, output) tokens of every call that was made."""
    scope: str = "test"
    cached: tuple[int, int] = (0, 0)
    """Tokens read from and written to a cache, of all calls."""
    says: dict[int, dict[str, str]] = field(default_factory=dict)
    """Number of a span -> the first text in and out, system, tool, query that `content` finds."""


def _join_prefix(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        name.replace(".", "__"): json.dumps(value) if isinstance(value, (list, dict)) else value
        for name, value in attributes.items()
    }


def one(
    number: int,
    parent: int | None,
    at: int,
    took: int,
    attributes: dict[str, Any],
    *,
    name: str = "step",
    error: bool = False,
    events: dict[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A span that starts `at` and takes `took` tenths of a second."""
    tenth = SECOND_NS // 10
    sent = span(
        number,
        parent=parent,
        name=name,
        start_ns=T0_NS + at * tenth,
        duration_ns=took * tenth,
        error=error,
        **_join_prefix(attributes),
    )
    if events:
        from tests.otlp_samples import attribute

        sent["events"] = [
            {
                "name": event,
                "timeUnixNano": str(T0_NS),
                "attributes": [
                    attribute(key, json.dumps(value) if isinstance(value, (list, dict)) else value)
                    for key, value in fields.items()
                ],
            }
            for event, fields in events.items()
        ]
    return sent


def otel(
    operation: str, model: str = "", tokens: tuple[int, int] | None = None, **more: Any
) -> dict[str, Any]:
    """Attributes by OpenTelemetry's conventions of today."""
    attributes: dict[str, Any] = {"gen_ai.operation.name": operation, **more}
    if model:
        attributes["gen_ai.request.model"] = model
    if tokens:
        attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"] = tokens
    return attributes


def openinference(
    kind: str, model: str = "", tokens: tuple[int, int] | None = None, **more: Any
) -> dict[str, Any]:
    attributes: dict[str, Any] = {"openinference.span.kind": kind, **more}
    if model:
        attributes["llm.model_name"] = model
    if tokens:
        attributes["llm.token_count.prompt"], attributes["llm.token_count.completion"] = tokens
        attributes["llm.token_count.total"] = sum(tokens)
    return attributes


def _parts(role: str, text: str) -> list[dict[str, Any]]:
    return [{"role": role, "parts": [{"type": "text", "content": text}]}]


HAIKU = "us.anthropic.claude-3-5-haiku-20241022-v1:0"

DIALECTS: dict[str, Dialect] = {
    "opentelemetry agent with tool": Dialect(
        spans=[
            one(1, None, 0, 50, otel("invoke_agent", "m", (300, 30), **{"gen_ai.agent.name": "helper"})),
            one(
                2, 1, 1, 20,
                otel("chat", "m", (100, 10), **{
                    "gen_ai.input.messages": _parts("user", "Why?"),
                    "gen_ai.output.messages": [{"role": "assistant", "parts": [
                        {"type": "tool_call", "id": "c1", "name": "find", "arguments": {"q": "why"}}]}],
                    "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
                }),
            ),
            one(3, 1, 22, 2, otel("execute_tool", **{
                "gen_ai.tool.name": "find", "gen_ai.tool.call.arguments": '{"q": "why"}',
                "gen_ai.tool.call.result": "because"})),
            one(4, 1, 25, 20, otel("chat", "m", (200, 20))),
        ],
        calls=[(100, 10), (200, 20)],
        says={2: {"in": "Why?", "system": "Be brief.", "calls": "find"}, 3: {"tool": "find", "result": "because"}},
    ),
    "opentelemetry before, in events": Dialect(
        spans=[
            one(
                1, None, 0, 9,
                {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "m",
                 "gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.completion_tokens": 3},
                events={
                    "gen_ai.system.message": {"content": "Be kind."},
                    "gen_ai.user.message": {"content": "Hello"},
                    "gen_ai.choice": {"index": 0, "finish_reason": "stop",
                                      "message": {"role": "assistant", "content": "Hi"}},
                },
            )
        ],
        calls=[(7, 3)],
        says={1: {"in": "Hello", "out": "Hi", "system": "Be kind."}},
    ),
    "strands on bedrock, with the SDK's span inside": Dialect(
        scope="strands.telemetry.tracer",
        spans=[
            one(1, None, 0, 60, otel("invoke_agent", HAIKU, (700, 70), **{
                "gen_ai.usage.prompt_tokens": 700, "gen_ai.usage.total_tokens": 770,
                "gen_ai.agent.name": "Strands Agents", "gen_ai.usage.cache_read_input_tokens": 0})),
            one(2, 1, 1, 58, {"event_loop.cycle_id": "c1"}, name="execute_event_loop_cycle"),
            one(3, 2, 2, 40, otel("chat", HAIKU, (100, 70), **{
                "gen_ai.usage.total_tokens": 770, "gen_ai.usage.cache_read_input_tokens": 600,
                "gen_ai.usage.cache_write_input_tokens": 0}),
                events={"gen_ai.user.message": {"content": '[{"text": "Hello"}]'},
                        "gen_ai.choice": {"finish_reason": "end_turn", "message": '[{"text": "Hi"}]'}}),
            one(4, 3, 3, 38, otel("chat", HAIKU, (100, 70), **{"aws.request_id": "749a7175-f570"}),
                name=f"chat {HAIKU}"),
        ],
        calls=[(700, 70)],
        cached=(600, 0),
        says={3: {"in": "Hello", "out": "Hi"}},
    ),
    "agentcore: langchain by openllmetry around botocore": Dialect(
        spans=[
            one(1, 99, 0, 30, {"http.route": "/invocations"}, name="POST /invocations"),
            one(2, 1, 1, 28, {"traceloop.span.kind": "workflow", "traceloop.entity.name": "LangGraph"}),
            one(3, 2, 2, 26, {"traceloop.span.kind": "task", "traceloop.entity.name": "chatbot"}),
            one(4, 3, 3, 24, {
                "llm.request.type": "chat", "gen_ai.system": "AWS", "gen_ai.request.model": HAIKU,
                "gen_ai.usage.input_tokens": 338, "gen_ai.usage.output_tokens": 113,
                "llm.usage.total_tokens": 451, "gen_ai.prompt.0.role": "user",
                "gen_ai.prompt.0.content": "Hello", "gen_ai.completion.0.content": "Hi",
                "gen_ai.completion.0.role": "assistant"}, name="ChatBedrockConverse.chat"),
            one(5, 4, 4, 22, otel("chat", HAIKU, (338, 113), **{"aws.request_id": "5b922131"})),
        ],
        calls=[(338, 113)],
        says={4: {"in": "Hello", "out": "Hi"}},
    ),
    "pydantic-ai": Dialect(
        spans=[
            one(1, None, 0, 20, {"agent_name": "qa", "model_name": "gpt-4o",
                                 "gen_ai.usage.input_tokens": 31, "gen_ai.usage.output_tokens": 96}),
            one(2, 1, 0, 19, otel("chat", "gpt-4o", (31, 96), **{
                "gen_ai.response.model": "gpt-4o-2024-08-06",
                "events": [{"event.name": "gen_ai.user.message", "role": "user", "content": "What?"}]})),
        ],
        calls=[(31, 96)],
        says={2: {"in": "What?"}},
    ),
    "pydantic-ai, newer": Dialect(
        spans=[
            one(1, None, 0, 20, otel("invoke_agent", **{
                "gen_ai.aggregated_usage.input_tokens": 15, "gen_ai.aggregated_usage.output_tokens": 19})),
            one(2, 1, 0, 19, otel("chat", "m", (15, 19))),
        ],
        calls=[(15, 19)],
    ),
    "openinference around an SDK that traces itself": Dialect(
        spans=[
            one(1, None, 0, 22, openinference("LLM", "claude-3-opus-20240229", (17, 220), **{
                "llm.input_messages.0.message.role": "user",
                "llm.input_messages.0.message.content": "A joke",
                "llm.output_messages.0.message.role": "assistant",
                "llm.output_messages.0.message.contents.0.message_content.type": "text",
                "llm.output_messages.0.message.contents.0.message_content.text": "Why did"})),
            one(2, 1, 1, 20, otel("chat", "claude-3-opus-20240229", (17, 220))),
        ],
        calls=[(17, 220)],
        says={1: {"in": "A joke", "out": "Why did"}},
    ),
    "openinference on bedrock leaves cached tokens out": Dialect(
        scope="openinference.instrumentation.bedrock",
        spans=[one(1, None, 0, 9, {
            "openinference.span.kind": "LLM", "llm.model_name": HAIKU,
            "llm.token_count.prompt": 900, "llm.token_count.completion": 50,
            "llm.token_count.prompt_details.cache_read": 500,
            "llm.token_count.prompt_details.cache_write": 100, "llm.token_count.total": 1550})],
        calls=[(1500, 50)],
        cached=(500, 100),
    ),
    "langgraph, llamaindex or agno by openinference": Dialect(
        spans=[
            one(1, None, 0, 60, openinference("CHAIN", **{"input.value": '{"messages": [{"role": "user", "content": "Hi"}]}'})),
            one(2, 1, 1, 20, openinference("AGENT")),
            one(3, 2, 2, 9, openinference("LLM", "gpt-4o", (60, 15))),
            one(4, 1, 22, 5, openinference("TOOL", **{"tool.name": "web", "input.value": "q", "output.value": "r"})),
            one(5, 1, 30, 9, openinference("RETRIEVER", **{
                "input.value": "refunds", "retrieval.documents.0.document.content": "30 days",
                "retrieval.documents.0.document.id": "d1", "retrieval.documents.0.document.score": 0.9,
                "retrieval.documents.0.document.metadata": {"source": "s3://kb/a.md", "version": "7"}})),
            one(6, 1, 40, 9, openinference("LLM", "gpt-4o", (108, 51))),
        ],
        calls=[(60, 15), (108, 51)],
        says={4: {"tool": "web", "result": "r"}, 5: {"document": "30 days", "source": "s3://kb/a.md"}},
    ),
    "crewai: litellm inside": Dialect(
        spans=[
            one(1, None, 0, 40, openinference("CHAIN", **{"crew_id": "1"}), name="Crew.kickoff"),
            one(2, 1, 1, 38, openinference("AGENT"), name="Task._execute_core"),
            one(3, 2, 2, 36, openinference("LLM", "gpt-4o-mini", (190, 164))),
            one(4, 1, 0, 1, {"crewai_version": "0.141.0"}, name="Crew Created"),
        ],
        calls=[(190, 164)],
    ),
    "google adk, with the SDK's span inside": Dialect(
        spans=[
            one(1, None, 0, 60, {"gcp.vertex.agent.session_id": "s"}, name="invocation"),
            one(2, 1, 1, 58, otel("invoke_agent", **{"gen_ai.agent.name": "hello"})),
            one(3, 2, 2, 20, {
                "gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "gemini-2.0-flash",
                "gen_ai.usage.input_tokens": 28, "gen_ai.usage.output_tokens": 3,
                "gcp.vertex.agent.llm_request": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}],
                                                 "config": {"system_instruction": "Greet."}},
                "gcp.vertex.agent.llm_response": {"content": {"role": "model", "parts": [
                    {"function_call": {"name": "say_hello", "args": {}}}]}, "finish_reason": "STOP"},
            }, name="call_llm"),
            one(4, 3, 3, 10, otel("generate_content", "gemini-2.0-flash", (28, 3))),
            one(5, 3, 14, 2, otel("execute_tool", **{
                "gen_ai.tool.name": "say_hello", "gcp.vertex.agent.tool_response": '{"greeting": "hello"}'})),
            # A tool that asks another agent: its calls are calls of their own, whatever they use.
            one(6, 5, 14, 1, otel("chat", "gemini-2.0-flash", (28, 3))),
        ],
        calls=[(28, 3), (28, 3)],
        says={3: {"in": "hi", "system": "Greet.", "calls": "say_hello"}, 5: {"tool": "say_hello"}},
    ),
    "microsoft agent framework": Dialect(
        spans=[
            one(1, None, 0, 50, otel("invoke_agent", "gpt-5-mini", (293, 106))),
            one(2, 1, 1, 20, otel("chat", "gpt-5-mini", (77, 86), **{"gen_ai.response.id": "resp_1"})),
            one(3, 1, 22, 1, otel("execute_tool", **{"gen_ai.tool.name": "get_weather"})),
            one(4, 1, 24, 20, otel("chat", "gpt-5-mini", (216, 20), **{"gen_ai.response.id": "resp_2"})),
        ],
        calls=[(77, 86), (216, 20)],
    ),
    "vercel ai sdk, two steps": Dialect(
        scope="ai",
        spans=[
            one(1, None, 0, 50, {"ai.operationId": "ai.generateText", "ai.model.id": "gpt-5",
                                 "ai.usage.promptTokens": 162, "ai.usage.completionTokens": 95,
                                 "ai.prompt": {"prompt": "Weather?"}, "ai.response.text": "Sunny"}),
            one(2, 1, 1, 20, {"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "gpt-5",
                              "ai.usage.promptTokens": 62, "ai.usage.completionTokens": 85,
                              "gen_ai.usage.input_tokens": 62, "gen_ai.usage.output_tokens": 85,
                              "ai.prompt.messages": [{"role": "user", "content": [
                                  {"type": "text", "text": "Weather?"}]}],
                              "ai.response.toolCalls": [{"toolCallId": "c", "toolName": "getWeather",
                                                         "input": "{}"}]}),
            one(3, 1, 22, 1, {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "getWeather",
                              "ai.toolCall.args": "{}", "ai.toolCall.result": '"sunny"'}),
            one(4, 1, 24, 20, {"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "gpt-5",
                               "ai.usage.inputTokens": 100, "ai.usage.outputTokens": 10}),
        ],
        calls=[(62, 85), (100, 10)],
        says={1: {"in": "Weather?", "out": "Sunny"}, 2: {"in": "Weather?", "calls": "getWeather"},
              3: {"tool": "getWeather", "result": '"sunny"'}},
    ),
    "vercel ai sdk 5 on anthropic leaves cached tokens out": Dialect(
        scope="ai",
        spans=[one(1, None, 0, 9, {
            "ai.operationId": "ai.streamText.doStream", "ai.model.provider": "anthropic.messages",
            "ai.model.id": "claude-sonnet-4", "ai.usage.inputTokens": 2000, "ai.usage.outputTokens": 50,
            "ai.usage.cachedInputTokens": 900,
            "ai.response.providerMetadata": {"anthropic": {"cacheCreationInputTokens": 100}}})],
        calls=[(3000, 50)],
        cached=(900, 100),
    ),
    "vercel ai sdk 6 on anthropic counts all": Dialect(
        scope="ai",
        spans=[one(1, None, 0, 9, {
            "ai.operationId": "ai.streamText.doStream", "ai.model.provider": "anthropic.messages",
            "ai.model.id": "claude-sonnet-4", "ai.usage.inputTokens": 3000, "ai.usage.outputTokens": 50,
            "ai.usage.inputTokenDetails.noCacheTokens": 2000,
            "ai.usage.inputTokenDetails.cacheReadTokens": 900,
            "ai.usage.inputTokenDetails.cacheWriteTokens": 100})],
        calls=[(3000, 50)],
        cached=(900, 100),
    ),
    "langfuse": Dialect(
        spans=[
            one(1, None, 0, 30, {"langfuse.observation.type": "agent", "langfuse.observation.input": "Hi"}),
            one(2, 1, 1, 20, {
                "langfuse.observation.type": "generation", "langfuse.observation.model.name": "gpt-4o",
                "langfuse.observation.usage_details": {"input": 40, "output": 15, "input_cached_tokens": 20,
                                                       "total": 75},
                "langfuse.observation.input": [{"role": "user", "content": "Hi"}],
                "langfuse.observation.output": {"role": "assistant", "content": "Hello"}}),
        ],
        calls=[(60, 15)],
        cached=(20, 0),
        says={2: {"in": "Hi", "out": "Hello"}},
    ),
    "openllmetry alone": Dialect(
        spans=[one(1, None, 0, 9, {
            "llm.request.type": "chat", "gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-4",
            "gen_ai.usage.prompt_tokens": 12, "gen_ai.usage.completion_tokens": 4,
            "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Short.",
            "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "Two?",
            "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "2",
            "gen_ai.completion.0.finish_reason": "stop"})],
        calls=[(12, 4)],
        says={1: {"in": "Two?", "out": "2", "system": "Short."}},
    ),
    "a call that failed, told by framework and SDK, then another attempt": Dialect(
        spans=[
            one(1, None, 0, 50, openinference("LLM", "gpt-4o", (9, 2))),
            one(2, 1, 1, 10, otel("chat", "gpt-4o"), error=True),
            one(3, 2, 2, 8, otel("chat", "gpt-4o"), error=True),
            one(4, 1, 20, 28, otel("chat", "gpt-4o", (9, 2))),
        ],
        calls=[(None, None), (9, 2)],
    ),
    "two attempts with the same usage below one agent": Dialect(
        spans=[
            one(1, None, 0, 50, otel("invoke_agent", "m", (18, 4))),
            one(2, 1, 1, 10, otel("chat", "m", (9, 2))),
            one(3, 1, 20, 10, otel("chat", "m", (9, 2))),
        ],
        calls=[(9, 2), (9, 2)],
    ),
}  # fmt: skip
"""Every kind of sender in use."""
