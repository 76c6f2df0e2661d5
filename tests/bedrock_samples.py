"""Bedrock calls for tests: bodies of every shape, and the log entries they are written as."""

from __future__ import annotations

from typing import Any

AT = "2026-01-05T10:00:00Z"
AT_NS = 1_767_607_200_000_000_000

CONVERSE_REQUEST = {
    "messages": [
        {"role": "user", "content": [{"text": "What is the capital?"}, {"image": {"format": "png"}}]},
        {
            "role": "assistant",
            "content": [{"toolUse": {"toolUseId": "t1", "name": "look", "input": {"q": "capital"}}}],
        },
        {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": "Paris"}]}}]},
    ],
    "system": [{"text": "Be brief."}],
    "inferenceConfig": {"temperature": 0.5, "maxTokens": 100},
    "toolConfig": {"tools": [{"toolSpec": {"name": "look"}}]},
    "guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1"},
}
CONVERSE_ANSWER = {
    "metrics": {"latencyMs": 589},
    "output": {"message": {"role": "assistant", "content": [{"text": "Paris."}]}},
    "stopReason": "end_turn",
    "usage": {
        "inputTokens": 52,
        "outputTokens": 30,
        "cacheReadInputTokens": 8,
        "cacheWriteInputTokens": 2,
    },
}
CLAUDE_REQUEST = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 200,
    "top_p": 0.9,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "What is the capital?"}],
}
CLAUDE_ANSWER = {
    "id": "msg_bdrk_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-3-sonnet-20240229",
    "content": [
        {"type": "text", "text": "Paris."},
        {"type": "tool_use", "id": "t1", "name": "look", "input": {}},
    ],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 52,
        "output_tokens": 30,
        "cache_read_input_tokens": 8,
        "cache_creation_input_tokens": 2,
    },
}
CLAUDE_STREAM = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_bdrk_02",
            "model": "claude-3-sonnet-20240229",
            "usage": {"input_tokens": 52, "output_tokens": 1},
        },
    },
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Pa"}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "ris."}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 30}},
    {
        "type": "message_stop",
        "amazon-bedrock-invocationMetrics": {
            "inputTokenCount": 52,
            "outputTokenCount": 30,
            "invocationLatency": 700,
            "firstByteLatency": 150,
        },
    },
]
NOVA_STREAM = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"delta": {"text": "Pa"}, "contentBlockIndex": 0}},
    {"contentBlockDelta": {"delta": {"text": "ris."}, "contentBlockIndex": 0}},
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": {"inputTokens": 52, "outputTokens": 30}, "metrics": {}}},
]
TITAN_REQUEST = {
    "inputText": "What is the capital?",
    "textGenerationConfig": {"maxTokenCount": 50, "topP": 0.5},
}
TITAN_ANSWER = {
    "inputTextTokenCount": 52,
    "results": [{"tokenCount": 30, "outputText": "Paris.", "completionReason": "FINISH"}],
}
LLAMA_REQUEST = {"prompt": "What is the capital?", "max_gen_len": 128, "temperature": 0.1}
LLAMA_ANSWER = {
    "generation": "Paris.",
    "prompt_token_count": 52,
    "generation_token_count": 30,
    "stop_reason": "stop",
}
LLAMA_STREAM = [
    {"generation": "Pa", "prompt_token_count": 52, "generation_token_count": 1, "stop_reason": None},
    {"generation": "ris.", "prompt_token_count": None, "generation_token_count": 30, "stop_reason": "stop"},
]
MISTRAL_REQUEST = {"prompt": "<s>[INST] What is the capital? [/INST]", "max_tokens": 50, "top_k": 5}
MISTRAL_ANSWER = {"outputs": [{"text": "Paris.", "stop_reason": "stop"}]}
COHERE_REQUEST = {"message": "What is the capital?", "chat_history": [{"role": "USER", "message": "Hi"}]}
COHERE_ANSWER = {
    "response_id": "c1",
    "text": "Paris.",
    "finish_reason": "COMPLETE",
    "meta": {"billed_units": {"input_tokens": 52, "output_tokens": 30}},
}
OPENAI_ANSWER = {
    "id": "chatcmpl-1",
    "model": "openai.gpt-oss-20b",
    "choices": [{"message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 52, "completion_tokens": 30},
}


def entry(request_id: str = "r-1", **changes: Any) -> dict[str, Any]:
    """One log entry of a Converse call; changes replace whole fields, None leaves one out."""
    whole: dict[str, Any] = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": AT,
        "accountId": "123456789012",
        "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/app/session"},
        "region": "us-east-1",
        "requestId": request_id,
        "operation": "Converse",
        "modelId": "meta.llama3-2-1b-instruct-v1:0",
        "input": {
            "inputContentType": "application/json",
            "inputBodyJson": CONVERSE_REQUEST,
            "inputTokenCount": 52,
        },
        "output": {
            "outputContentType": "application/json",
            "outputBodyJson": CONVERSE_ANSWER,
            "outputTokenCount": 30,
        },
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}
