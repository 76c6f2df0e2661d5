"""Calls of boto3 to Bedrock, as an application makes them, for every instrumentation of the SDK."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
from botocore.config import Config
from support import (
    BEDROCK,
    BEDROCK_TOOLS,
    HAIKU,
    NOVA,
    SYSTEM,
    TITAN,
    TOOL_RESULT,
    Scenario,
    write_question,
)


def build_scenarios() -> dict[str, Scenario]:
    """Every API of Bedrock, streaming and not; call after the instrumentation of boto3."""
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=BEDROCK,
        region_name=os.environ["AWS_REGION"],
        config=Config(retries={"total_max_attempts": 1}),
    )

    def converse(scenario: str) -> None:
        client.converse(**_build_request(scenario))

    def converse_stream(scenario: str) -> None:
        for _ in client.converse_stream(**_build_request(scenario))["stream"]:
            pass

    def converse_nova(scenario: str) -> None:
        client.converse(**{**_build_request(scenario), "modelId": NOVA})

    def converse_tool(scenario: str) -> None:
        request = {**_build_request(scenario), "toolConfig": BEDROCK_TOOLS}
        message = client.converse(**request)["output"]["message"]
        request["messages"] += [message, _answer_tool(message["content"][0]["toolUse"]["toolUseId"])]
        client.converse(**request)

    def stream_tool(scenario: str) -> None:
        request = {**_build_request(scenario), "toolConfig": BEDROCK_TOOLS}
        arguments, use = "", {}
        for event in client.converse_stream(**request)["stream"]:
            use |= event.get("contentBlockStart", {}).get("start", {}).get("toolUse", {})
            arguments += (
                event.get("contentBlockDelta", {}).get("delta", {}).get("toolUse", {}).get("input", "")
            )
        message = {"role": "assistant", "content": [{"toolUse": {**use, "input": json.loads(arguments)}}]}
        request["messages"] += [message, _answer_tool(use["toolUseId"])]
        for _ in client.converse_stream(**request)["stream"]:
            pass

    def invoke_claude(scenario: str) -> None:
        reply = client.invoke_model(modelId=HAIKU, body=json.dumps(_build_claude_request(scenario)))
        json.loads(reply["body"].read())

    def invoke_claude_stream(scenario: str) -> None:
        body = json.dumps(_build_claude_request(scenario))
        for _ in client.invoke_model_with_response_stream(modelId=HAIKU, body=body)["body"]:
            pass

    def invoke_nova(scenario: str) -> None:
        reply = client.invoke_model(modelId=NOVA, body=json.dumps(_build_nova_request(scenario)))
        json.loads(reply["body"].read())

    def invoke_nova_stream(scenario: str) -> None:
        body = json.dumps(_build_nova_request(scenario))
        for _ in client.invoke_model_with_response_stream(modelId=NOVA, body=body)["body"]:
            pass

    def invoke_titan(scenario: str) -> None:
        body = json.dumps({"inputText": write_question(scenario), "dimensions": 256})
        json.loads(client.invoke_model(modelId=TITAN, body=body)["body"].read())

    return {
        "converse": converse,
        "converse-cached": converse,
        "converse-tool": converse_tool,
        "converse-error": converse,
        "converse-nova-cached": converse_nova,
        "converse-stream": converse_stream,
        "converse-stream-cached": converse_stream,
        "converse-stream-tool": stream_tool,
        "converse-stream-error": converse_stream,
        "invoke-claude": invoke_claude,
        "invoke-claude-cached": invoke_claude,
        "invoke-claude-error": invoke_claude,
        "invoke-claude-stream": invoke_claude_stream,
        "invoke-claude-stream-cached": invoke_claude_stream,
        "invoke-nova": invoke_nova,
        "invoke-nova-cached": invoke_nova,
        "invoke-nova-stream-cached": invoke_nova_stream,
        "invoke-titan-embedding": invoke_titan,
    }


def _build_request(scenario: str) -> dict[str, Any]:
    return {
        "modelId": HAIKU,
        "system": [{"text": SYSTEM}],
        "messages": [{"role": "user", "content": [{"text": write_question(scenario)}]}],
        "inferenceConfig": {"maxTokens": 300},
    }


def _build_claude_request(scenario: str) -> dict[str, Any]:
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 300,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": write_question(scenario)}],
    }


def _build_nova_request(scenario: str) -> dict[str, Any]:
    return {
        "system": [{"text": SYSTEM}],
        "messages": [{"role": "user", "content": [{"text": write_question(scenario)}]}],
        "inferenceConfig": {"maxTokens": 300},
    }


def _answer_tool(tool_use_id: str) -> dict[str, Any]:
    result = {"toolUseId": tool_use_id, "content": [{"text": TOOL_RESULT}]}
    return {"role": "user", "content": [{"toolResult": result}]}
