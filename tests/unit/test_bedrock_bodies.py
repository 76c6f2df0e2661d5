"""Bodies of every model family that Bedrock offers, whole and streamed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.telemetry.ingest.bedrock_bodies import read_request, read_response
from tests import bedrock_samples as samples

ANSWERS = {
    "converse": samples.CONVERSE_ANSWER,
    "claude": samples.CLAUDE_ANSWER,
    "claude stream": samples.CLAUDE_STREAM,
    "nova stream": samples.NOVA_STREAM,
    "titan": samples.TITAN_ANSWER,
    "llama": samples.LLAMA_ANSWER,
    "llama stream": samples.LLAMA_STREAM,
    "cohere": samples.COHERE_ANSWER,
    "openai": samples.OPENAI_ANSWER,
}
REQUESTS = {
    "converse": samples.CONVERSE_REQUEST,
    "claude": samples.CLAUDE_REQUEST,
    "titan": samples.TITAN_REQUEST,
    "llama": samples.LLAMA_REQUEST,
    "mistral": samples.MISTRAL_REQUEST,
    "cohere": samples.COHERE_REQUEST,
}


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS.keys())
def test_every_response_shape_has_text_and_usage(body: Any) -> None:
    answered = read_response(body)
    assert answered.messages[0]["role"] == "assistant"
    assert answered.messages[0]["parts"][0] == {"type": "text", "content": "Paris."}
    assert (answered.input_tokens, answered.output_tokens) == (52, 30)
    assert len(answered.finish_reasons) == 1


def test_mistral_has_no_usage() -> None:
    answered = read_response(samples.MISTRAL_ANSWER)
    assert answered.messages[0]["parts"][0]["content"] == "Paris."
    assert (answered.input_tokens, answered.output_tokens) == (None, None)


@pytest.mark.parametrize("body", REQUESTS.values(), ids=REQUESTS.keys())
def test_every_request_shape_has_messages(body: Any) -> None:
    texts = [part["content"] for m in read_request(body).messages for part in m["parts"] if "content" in part]
    assert any("What is the capital?" in text for text in texts)


def test_cached_tokens_latency_and_id_are_read() -> None:
    converse, claude = read_response(samples.CONVERSE_ANSWER), read_response(samples.CLAUDE_ANSWER)
    for answered in (converse, claude):
        assert (answered.cache_read_tokens, answered.cache_write_tokens) == (8, 2)
    assert converse.latency_ms == 589
    assert (claude.latency_ms, claude.response_id) == (None, "msg_bdrk_01")
    assert claude.response_model == "claude-3-sonnet-20240229"
    stream = read_response(samples.CLAUDE_STREAM)
    assert (stream.latency_ms, stream.first_token_ms, stream.response_id) == (700, 150, "msg_bdrk_02")


def test_tools_guardrail_and_parameters_are_read() -> None:
    request = read_request(samples.CONVERSE_REQUEST)
    assert request.guardrail_id == "g1"
    assert request.parameters == {"gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 100}
    assert [tool["toolSpec"]["name"] for tool in request.tools] == ["look"]
    assert request.system == ({"type": "text", "content": "Be brief."},)
    assert request.messages[0]["parts"][1] == {"type": "image"}
    assert request.messages[1]["parts"] == [
        {"type": "tool_call", "id": "t1", "name": "look", "arguments": {"q": "capital"}}
    ]
    assert request.messages[2]["parts"] == [
        {"type": "tool_call_response", "id": "t1", "result": [{"text": "Paris"}]}
    ]
    assert read_response(samples.CLAUDE_ANSWER).messages[0]["parts"][1]["type"] == "tool_call"


def test_embeddings_have_usage_only() -> None:
    answered = read_response({"embedding": [0.1, 0.2], "inputTextTokenCount": 7})
    assert (answered.input_tokens, answered.output_tokens, answered.messages) == (7, None, ())
    assert read_request({"texts": ["one", "two"]}).messages[1]["parts"][0]["content"] == "two"


WORDS = re.findall(
    r"\w+",
    "messages content text role system output message usage inputTokens choices delta results metadata metrics latencyMs "
    "toolUse toolResult guardContent tools toolConfig texts prompt chat_history inferenceConfig stopReason id model meta "
    "billed_units guardrailConfig",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=25,
)


@given(JSON)
def test_unknown_body_is_not_an_error(body: Any) -> None:
    read_request(body)
    read_response(body)


def test_service_tier_and_life_of_cache_writes() -> None:
    details = [{"ttl": "1h", "inputTokens": 300}, {"ttl": "5m", "inputTokens": 20}]
    converse = read_response({"serviceTier": {"type": "flex"}, "usage": {"cacheDetails": details}})
    assert (converse.service_tier, converse.cache_write_1h_tokens) == ("flex", 300)
    by_life = {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 0}
    claude = read_response({"usage": {"cache_creation": by_life, "service_tier": "standard"}})
    assert (claude.service_tier, claude.cache_write_1h_tokens) == ("standard", 0)
    bare = read_response({"usage": {"inputTokens": 3}})
    assert (bare.service_tier, bare.cache_write_1h_tokens) == ("", None)
