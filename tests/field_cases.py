"""Exports of the kinds that instrumentations in the field send, with figures worked by hand.

Prices in USD per million tokens: gpt-5-mini 0.25 and 2 (flex and batch half, priority 0.45 and 3.6); gpt-4o 2.5 and 10;
grok-4.3 1.25 and 2.5; Claude Haiku 4.5 on Bedrock, regional, 1.1 and 5.5, cached 0.11; Claude Sonnet 4.5 at Anthropic
3 and 15, cached 0.3, written 3.75 for five minutes and 6 for one hour; Nova Lite 0.06 and 0.24; Titan embeddings 0.02.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.otlp_samples import SECOND_NS, export, span

AT_NS = 1_795_780_800_000_000_000
"""2026-11-27T12:00:00Z"""

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET = "claude-sonnet-4-5-20250929"


class FieldCase(NamedTuple):
    export: dict[str, Any]
    expected: dict[str, Any]


def model_call(number: int = 1, tokens: tuple[int, int] | None = (1000, 100), **more: Any) -> dict[str, Any]:
    """A chat in OpenTelemetry's convention."""
    usage = (
        {"gen_ai__usage__input_tokens": tokens[0], "gen_ai__usage__output_tokens": tokens[1]}
        if tokens
        else {}
    )
    return span(number, **{"start_ns": AT_NS, "gen_ai__operation__name": "chat", **usage, **more})


def of_model(provider: str, model: str, **more: Any) -> dict[str, Any]:
    return model_call(gen_ai__provider__name=provider, gen_ai__request__model=model, **more)


def mini(number: int = 1, **more: Any) -> dict[str, Any]:
    return model_call(
        number, **{"gen_ai__provider__name": "openai", "gen_ai__request__model": "gpt-5-mini", **more}
    )


def write_by(scope: str, *spans: dict[str, Any], version: str = "") -> dict[str, Any]:
    sent = export(*spans)
    sent["resourceSpans"][0]["scopeSpans"][0]["scope"] = {"name": scope, "version": version}
    return sent


def expect(cost: str | None, **more: Any) -> dict[str, Any]:
    return {"calls": 1, "cost_usd": cost, "unpriced_calls": int(cost is None), **more}


PRICED = {
    "provider of xAI": (of_model("x_ai", "grok-4.3"), "0.0015"),
    "provider of Azure": (of_model("az.ai.inference", "gpt-4o"), "0.0035"),
    "provider of Google": (of_model("gcp.gen_ai", "gemini-2.5-flash"), "0.00055"),
    "framework as provider": (of_model("microsoft.agent_framework", "gpt-5-mini"), "0.00045"),
    "gateway with a path": (of_model("vercel", "openai/gpt-5-mini"), "0.00045"),
    "gateway of the house": (of_model("acme-llm", "gpt-5-mini"), "0.00045"),
    "Bedrock id under a vendor's name": (of_model("anthropic", HAIKU), "0.00165"),
    "Bedrock id under a framework's name": (of_model("strands-agents", HAIKU), "0.00165"),
    "Bedrock id without region and vendor": (of_model("aws.bedrock", "nova-lite-v1:0"), "0.000084"),
    "open weights at a gateway": (of_model("acme-llm", "llama-3.3-70b"), None),
    "open weights on one's own server": (of_model("ollama", "mistral-small"), None),
    "flex": (mini(openai__request__service_tier="flex"), "0.000225"),
    "flex among parameters": (
        mini(llm__invocation_parameters='{"service_tier": "flex", "model": "gpt-5-mini"}'),
        "0.000225",
    ),
    "flex asked for, default given": (
        mini(openai__request__service_tier="flex", openai__response__service_tier="default"),
        "0.00045",
    ),
    "priority": (mini(gen_ai__openai__response__service_tier="priority"), "0.00081"),
    "batch": (mini(gen_ai__request__batch=True), "0.000225"),
    "tier in an attribute that no dialect has": (mini(acme__service_tier="flex"), "0.000225"),
    "audio in an attribute that no dialect has": (mini(gen_ai__usage__prompt_audio_tokens=10), None),
    "tier as JSON in metadata": (mini(langfuse__observation__metadata__service_tier='"flex"'), "0.000225"),
    "standard tier as JSON in metadata": (
        mini(langfuse__observation__metadata__service_tier='"default"'),
        "0.00045",
    ),
    "automatic tier": (mini(openai__request__service_tier="auto"), "0.00045"),
    "the word in a message is no tier": (
        mini(input__value='{"messages": [{"content": "\\"service_tier\\": \\"flex\\""}]}'),
        "0.00045",
    ),
    "flex on Bedrock has no list price": (of_model("aws.bedrock", HAIKU, service_tier="flex"), None),
    "reserved capacity": (of_model("aws.bedrock", HAIKU, aws__bedrock__service_tier="reserved"), None),
    "audio without a price": (mini(gen_ai__usage__input_audio_tokens=10), None),
    # 900 x 4 + 100 x 32 + 50 x 16 + 50 x 64 per million
    "audio with a price": (
        mini(
            gen_ai__request__model="gpt-realtime",
            gen_ai__usage__input_audio_tokens=100,
            gen_ai__usage__output_audio_tokens=50,
        ),
        "0.0108",
    ),
    "images read as text": (mini(gen_ai__usage__input_image_tokens=500), "0.00045"),
    "regional endpoint": (of_model("openai", "gpt-5.4", server__address="eu.api.openai.com"), None),
    "stated cost of an unknown model": (of_model("acme", "our-7b", operation__cost=0.003), "0.003"),
    "stated cost as a text": (of_model("acme", "our-7b", llm__cost__total="0.003"), "0.003"),
    "stated cost beside a known price": (mini(gen_ai__usage__cost=0.5), "0.00045"),
    "stated cost of nothing": (of_model("acme", "our-7b", operation__cost=0.0), None),
}
"""One call of 1,000 and 100 tokens -> its cost."""

CACHED: dict[str, tuple[dict[str, Any], int, str]] = {
    # 1000 x 3 + 400 x 0.3 + 100 x 15
    "AI SDK 5 on Anthropic": (
        write_by(
            "ai",
            span(
                start_ns=AT_NS,
                ai__operationId="ai.generateText.doGenerate",
                ai__model__provider="anthropic.messages",
                ai__model__id=SONNET,
                ai__usage__inputTokens=1000,
                ai__usage__outputTokens=100,
                ai__usage__totalTokens=1100,
                ai__usage__cachedInputTokens=400,
            ),
        ),
        1400,
        "0.00462",
    ),
    # 600 x 3 + 400 x 0.3 + 100 x 15
    "AI SDK 6 on Anthropic": (
        write_by(
            "ai",
            span(
                start_ns=AT_NS,
                ai__operationId="ai.generateText.doGenerate",
                ai__model__provider="anthropic.messages",
                ai__model__id=SONNET,
                ai__usage__inputTokens=1000,
                ai__usage__outputTokens=100,
                ai__usage__inputTokenDetails__cacheReadTokens=400,
            ),
        ),
        1000,
        "0.00342",
    ),
    # 600 x 1.1 + 400 x 0.11 + 100 x 5.5
    "OpenInference, InvokeModel": (
        write_by(
            "openinference.instrumentation.bedrock",
            span(
                name="bedrock.invoke_model",
                start_ns=AT_NS,
                openinference__span__kind="LLM",
                llm__provider="aws",
                llm__model_name=HAIKU,
                llm__token_count__prompt=1000,
                llm__token_count__completion=100,
                llm__token_count__prompt_details__cache_read=400,
            ),
        ),
        1000,
        "0.001254",
    ),
    # 1000 x 1.1 + 400 x 0.11 + 100 x 5.5
    "OpenInference, Converse, before 0.1.60": (
        write_by(
            "openinference.instrumentation.bedrock",
            span(
                name="bedrock.converse",
                start_ns=AT_NS,
                openinference__span__kind="LLM",
                llm__model_name=HAIKU,
                llm__token_count__prompt=1000,
                llm__token_count__completion=100,
                llm__token_count__prompt_details__cache_read=400,
            ),
            version="0.1.50",
        ),
        1400,
        "0.001694",
    ),
    "OpenInference, Converse, since 0.1.60": (
        write_by(
            "openinference.instrumentation.bedrock",
            span(
                name="bedrock.converse",
                start_ns=AT_NS,
                openinference__span__kind="LLM",
                llm__model_name=HAIKU,
                llm__token_count__prompt=1000,
                llm__token_count__completion=100,
                llm__token_count__prompt_details__cache_read=400,
            ),
            version="0.1.61",
        ),
        1000,
        "0.001254",
    ),
    # 600 x 1.1 + 400 x 0.11 + 100 x 5.5; the counts of the answer are the only ones of the cache
    "OpenInference, stream of InvokeModel": (
        write_by(
            "openinference.instrumentation.bedrock",
            span(
                name="bedrock.invoke_model_with_response_stream",
                start_ns=AT_NS,
                openinference__span__kind="LLM",
                llm__provider="aws",
                llm__model_name=HAIKU,
                llm__token_count__prompt=1000,
                llm__token_count__completion=100,
                output__value=json.dumps(
                    {"usage": {"input_tokens": 600, "cache_read_input_tokens": 400, "output_tokens": 100}}
                ),
            ),
        ),
        1000,
        "0.001254",
    ),
    "OpenLLMetry with a total of its own": (
        write_by(
            "opentelemetry.instrumentation.bedrock",
            of_model(
                "aws.bedrock",
                HAIKU,
                gen_ai__usage__total_tokens=1100,
                gen_ai__usage__cache_read__input_tokens=400,
            ),
        ),
        1400,
        "0.001694",
    ),
    "botocore, Converse": (
        write_by(
            "opentelemetry.instrumentation.botocore.bedrock-runtime",
            of_model("aws.bedrock", HAIKU, gen_ai__usage__cache_read__input_tokens=400),
        ),
        1400,
        "0.001694",
    ),
    "Strands before 1.54": (
        write_by(
            "strands.telemetry.tracer",
            of_model("strands-agents", HAIKU, gen_ai__usage__cache_read_input_tokens=400),
        ),
        1400,
        "0.001694",
    ),
    "Strands since 1.54": (
        write_by(
            "strands.telemetry.tracer",
            of_model("strands-agents", HAIKU, gen_ai__usage__cache_read__input_tokens=400),
        ),
        1000,
        "0.001254",
    ),
    # 600 x 0.25 + 400 x 0.025 + 100 x 2
    "older name of cached tokens": (export(mini(gen_ai__usage__input_cached_tokens=400)), 1000, "0.00036"),
    "agent alone, aggregated": (
        write_by(
            "pydantic-ai",
            span(
                start_ns=AT_NS,
                gen_ai__operation__name="invoke_agent",
                model_name=HAIKU,
                gen_ai__aggregated_usage__input_tokens=1000,
                gen_ai__aggregated_usage__output_tokens=100,
                gen_ai__aggregated_usage__cache_read__input_tokens=400,
            ),
        ),
        1000,
        "0.001254",
    ),
    # 500 x 3 + 300 x 3.75 + 200 x 6 + 100 x 15
    "caches of five minutes and one hour": (
        export(
            of_model(
                "anthropic",
                SONNET,
                gen_ai__usage__cache_creation__input_tokens=500,
                gen_ai__usage__cache_creation__ephemeral_5m_input_tokens=300,
                gen_ai__usage__cache_creation__ephemeral_1h_input_tokens=200,
            )
        ),
        1000,
        "0.005325",
    ),
    # Bedrock through the AI SDK: 1000 x 1.1 + 300 x 2.2 + 100 x 5.5, input without the written ones
    "cache of one hour in the provider's metadata": (
        write_by(
            "ai",
            span(
                start_ns=AT_NS,
                ai__operationId="ai.generateText.doGenerate",
                ai__model__provider="amazon-bedrock",
                ai__model__id=HAIKU,
                ai__usage__inputTokens=1000,
                ai__usage__outputTokens=100,
                ai__response__providerMetadata=json.dumps(
                    {"bedrock": {"usage": {"cacheDetails": [{"ttl": "1h", "inputTokens": 300}]}}}
                ),
            ),
        ),
        1300,
        "0.00231",
    ),
}
"""One call -> its input tokens and its cost."""

GENERATED: dict[str, FieldCase] = {
    **{name: FieldCase(export(sent), expect(cost)) for name, (sent, cost) in PRICED.items()},
    **{
        name: FieldCase(sent, expect(cost, input_tokens=tokens))
        for name, (sent, tokens, cost) in CACHED.items()
    },
    "embedding of Titan under an unknown provider": FieldCase(
        export(
            model_call(
                tokens=None,
                gen_ai__operation__name="embeddings",
                gen_ai__provider__name="titan",
                gen_ai__request__model="amazon.titan-embed-text-v2:0",
                gen_ai__usage__input_tokens=1_000_000,
            )
        ),
        expect("0.02"),
    ),
    "stream without usage": FieldCase(
        export(mini(tokens=None)),
        expect(None, notes=["it has no price: its token usage is unknown"]),
    ),
    "stream without usage beside a priced call": FieldCase(
        export(span(1, start_ns=AT_NS), mini(2, parent=1), mini(3, parent=1, tokens=None)),
        {"calls": 2, "unpriced_calls": 1, "cost_usd": "0.00045"},
    ),
    "framework's span without usage around the SDK's": FieldCase(
        export(mini(1, tokens=None), mini(2, parent=1)), expect("0.00045")
    ),
    "framework's span with usage around a stream without": FieldCase(
        export(mini(1), mini(2, parent=1, tokens=None)), expect("0.00045")
    ),
    "agent with usage around streams without": FieldCase(
        export(
            mini(1, gen_ai__operation__name="invoke_agent"),
            mini(2, parent=1, tokens=None),
            mini(3, parent=1, tokens=None, start_ns=AT_NS + SECOND_NS),
        ),
        expect("0.00045"),
    ),
    "image without usage, cost stated": FieldCase(
        export(
            span(
                start_ns=AT_NS,
                gen_ai__operation__name="image_generation",
                gen_ai__request__model="painter",
                gen_ai__usage__cost=0.04,
            )
        ),
        expect(
            "0.04",
            notes=["its cost is the one that the sender states, because its token usage is unknown"],
        ),
    ),
    "unpriced tier says why": FieldCase(
        export(of_model("aws.bedrock", HAIKU, service_tier="flex")),
        expect(None, notes=[f"it has no price: no flex price of {HAIKU} is known"]),
    ),
    "stated costs are not added": FieldCase(
        export(
            of_model(
                "acme", "our-7b", operation__cost=0.006, gen_ai__operation__name="invoke_agent", number=1
            ),
            of_model("acme", "our-7b", operation__cost=0.003, number=2, parent=1),
            of_model("acme", "our-7b", operation__cost=0.003, number=3, parent=1, start_ns=AT_NS + SECOND_NS),
        ),
        {"calls": 2, "unpriced_calls": 0, "cost_usd": "0.006"},
    ),
    "session and user of the nearest span": FieldCase(
        export(
            span(1, start_ns=AT_NS),
            span(2, parent=1, start_ns=AT_NS, session__id="z-app", user__id="z-user"),
            mini(3, parent=2, gen_ai__conversation__id="a-run", user__id="a-user"),
        ),
        {"session": "z-app", "user": "z-user"},
    ),
    "session of the application on the framework's span": FieldCase(
        export(mini(session__id="z-app", gen_ai__conversation__id="a-run")), {"session": "z-app"}
    ),
    "nested calls with different ids": FieldCase(
        export(
            mini(1, gen_ai__response__id="resp_1a"),
            mini(2, parent=1, gen_ai__response__id="resp_1b"),
        ),
        {"calls": 2, "cost_usd": "0.0009"},
    ),
    "ids of different kinds say nothing": FieldCase(
        export(
            mini(1, gen_ai__response__id="run-77"),
            mini(2, parent=1, gen_ai__response__id="chatcmpl-1b"),
        ),
        {"calls": 1, "cost_usd": "0.00045"},
    ),
}
