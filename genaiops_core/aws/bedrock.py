"""Amazon Bedrock runtime: Converse and embedding models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class BedrockFailed(Exception):
    """A failed call, with the error code of AWS."""

    def __init__(
        self, code: str, message: str, *, retries: int = 0, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        """For example ThrottlingException; 'NoCredentials' and 'Unreachable' are ours."""
        self.retries = retries
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, kw_only=True)
class ConverseReply:
    """The reply of a model."""

    text: str
    tool_input: Mapping[str, Any] | None
    """Input of the tool that it called; None without a tool call."""
    stop_reason: str
    input_tokens: int | None
    """Including tokens read from or written to a cache, which Bedrock reports separately."""
    output_tokens: int | None
    cache_read_tokens: int
    cache_write_tokens: int
    retries: int


@dataclass(frozen=True, kw_only=True)
class Vector:
    """The embedding of a text."""

    values: tuple[float, ...]
    input_tokens: int | None
    retries: int


def converse(client: Any, request: Mapping[str, Any]) -> ConverseReply:
    """One call of Converse.

    Args:
        client: of `bedrock-runtime`.
        request: the fields of the API: modelId, messages, system, inferenceConfig, toolConfig, ...

    Raises:
        BedrockFailed: the call failed.
    """
    reply = call(client.converse, request)
    content = reply["output"]["message"].get("content", [])
    usage = reply.get("usage") or {}
    read, written = usage.get("cacheReadInputTokens") or 0, usage.get("cacheWriteInputTokens") or 0
    uncached_tokens = usage.get("inputTokens")
    return ConverseReply(
        # Parts without text hold tool use or reasoning.
        text="".join(part.get("text", "") for part in content),
        tool_input=next((part["toolUse"]["input"] for part in content if "toolUse" in part), None),
        stop_reason=reply.get("stopReason", ""),
        input_tokens=None if uncached_tokens is None else uncached_tokens + read + written,
        output_tokens=usage.get("outputTokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
        retries=reply["ResponseMetadata"].get("RetryAttempts", 0),
    )


def embed(client: Any, *, model: str, text: str, dimensions: int) -> Vector:
    """Embed a text with Titan or Cohere.

    Args:
        client: of `bedrock-runtime`.
        model: `amazon.titan-embed-text-v2:0` and similar, or `cohere.embed-...`, also as a profile or an ARN.
        text: the text to embed.
        dimensions: of the vector, for models with a choice (Titan v2: 256, 512 or 1024).

    Raises:
        BedrockFailed: the call failed, or its response has no vector.
    """
    body: dict[str, Any]
    if "cohere" in model:
        body = {"texts": [text], "input_type": "clustering"}
    elif "titan-embed-text-v1" in model:
        body = {"inputText": text}
    else:
        body = {"inputText": text, "dimensions": dimensions, "normalize": True}
    reply = call(
        client.invoke_model,
        {
            "modelId": model,
            "body": json.dumps(body),
            "contentType": "application/json",
            "accept": "application/json",
        },
    )
    meta = reply["ResponseMetadata"]
    try:
        answer = json.loads(reply["body"].read())
        values = tuple(float(value) for value in _vector(answer))
    except (ValueError, LookupError, TypeError) as error:
        raise BedrockFailed("Unreadable", f"the embedding cannot be read: {error!r}") from error
    # Cohere returns the token count only in a header.
    counted = answer.get("inputTextTokenCount", meta["HTTPHeaders"].get("x-amzn-bedrock-input-token-count"))
    return Vector(
        values=values,
        input_tokens=None if counted is None else int(counted),
        retries=meta.get("RetryAttempts", 0),
    )


def _vector(answer: Mapping[str, Any]) -> Sequence[float]:
    if "embedding" in answer:
        return answer["embedding"]  # type: ignore[no-any-return]
    embeddings = answer["embeddings"]
    return embeddings["float"][0] if isinstance(embeddings, dict) else embeddings[0]  # type: ignore[no-any-return]


def call(method: Any, request: Mapping[str, Any]) -> Any:
    """Call a method of a client.

    Raises:
        BedrockFailed: the call failed.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        PartialCredentialsError,
    )

    try:
        return method(**request)
    except ClientError as error:
        details = error.response.get("Error", {})
        meta = error.response.get("ResponseMetadata", {})
        raise BedrockFailed(
            str(details.get("Code", "")),
            str(details.get("Message") or error),
            retries=meta.get("RetryAttempts", 0),
            retry_after_s=_seconds(meta.get("HTTPHeaders", {}).get("retry-after")),
        ) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise BedrockFailed("NoCredentials", str(error)) from error
    except BotoCoreError as error:
        raise BedrockFailed("Unreachable", str(error)) from error


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None
