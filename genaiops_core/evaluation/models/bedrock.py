"""A model of Amazon Bedrock: chat through Converse, embeddings through InvokeModel."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import orjson

from genaiops_core.aws import bedrock
from genaiops_core.aws.bedrock import BedrockFailed, ConverseReply
from genaiops_core.errors import Misconfigured
from genaiops_core.evaluation.models.protocol import (
    CallFailed,
    Embedding,
    Prompt,
    Refused,
    Reply,
    Throttled,
    Usage,
)
from genaiops_core.evaluation.models.schemas import describe_schema, make_strict
from genaiops_core.evaluation.rate_limits import MAX_CONCURRENCY

EMBEDDING_MODEL = "amazon.titan-embed-text-v2:0"
DIMENSIONS = 512
"""Dimensions of an embedding where the model offers a choice: within 1 % of the accuracy of 1,024 at half the size."""

# Methods to request an object, the most reliable first; when a model rejects one, the next is used.
_SCHEMA_METHODS = ("tool", "any_tool", "schema", "words")
_TOOL_METHODS = ("tool", "any_tool")
# Words in the API's error message that identify the rejection of a method.
_REJECTION_WORDS = {
    "tool": ("tool",),
    "any_tool": ("tool",),
    "schema": (
        "outputconfig",
        "output_config",
        "textformat",
        "json_schema",
        "jsonschema",
        "structured output",
    ),
}

ResultT = TypeVar("ResultT")


class BedrockModel:
    """Calls Converse in threads because the AWS SDK blocks."""

    provider = "aws.bedrock"

    def __init__(
        self,
        name: str,
        *,
        make_client: Callable[[], Any],
        embedding_name: str = "",
        guardrail: str = "",
    ) -> None:
        """Make no request before the first call.

        Args:
            name: model ID, inference profile or ARN.
            make_client: builds a client of `bedrock-runtime`; called once, in a thread, at the first call.
            embedding_name: '' means Titan v2.
            guardrail: ID or ID:VERSION of a guardrail for the calls; '' for none.
        """
        self.name = name
        self.embedding_name = embedding_name or EMBEDDING_MODEL
        self._make_client = make_client
        self._guardrail = _parse_guardrail(guardrail)
        self._client: Any = None
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._method = 0
        self._accepts_system = True

    async def ask(self, prompt: Prompt) -> Reply:
        """See `protocol.Model`."""
        started = time.perf_counter()
        reply = await self._run_in_thread(self.name, partial(self._converse, prompt))
        usage = Usage(
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cache_read_tokens=reply.cache_read_tokens,
            cache_write_tokens=reply.cache_write_tokens,
        )
        if not prompt.keeps_any_end:
            _check_stop_reason(reply.stop_reason, self.name, prompt, usage)
        return Reply(
            text=reply.text if reply.tool_input is None else orjson.dumps(reply.tool_input).decode(),
            usage=usage,
            latency_ms=(time.perf_counter() - started) * 1000,
            stop_reason=reply.stop_reason,
            retries=reply.retries,
        )

    async def embed(self, text: str) -> Embedding:
        """See `protocol.Model`."""
        started = time.perf_counter()
        vector = await self._run_in_thread(
            self.embedding_name,
            lambda: bedrock.embed(
                self._get_client(), model=self.embedding_name, text=text, dimensions=DIMENSIONS
            ),
        )
        return Embedding(
            vector=vector.values,
            usage=Usage(input_tokens=vector.input_tokens, output_tokens=0),
            latency_ms=(time.perf_counter() - started) * 1000,
            retries=vector.retries,
        )

    async def close(self) -> None:
        """Shut the threads down; those that wait for an answer end when it comes."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def _run_in_thread(self, model: str, call: Callable[[], ResultT]) -> ResultT:
        if self._threads is None:
            # Threads of its own: the default executor of the loop would limit the calls in flight.
            self._threads = ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="bedrock")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except BedrockFailed as error:
            raise convert_failure(error, model) from error
        except Misconfigured as error:
            raise Refused(str(error)) from error

    def _get_client(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
        return self._client

    def _converse(self, prompt: Prompt) -> ConverseReply:
        """Request an object by the first method that this model accepts; the accepted method is remembered."""
        while True:
            method = self._method
            accepts_system = self._accepts_system
            try:
                return bedrock.converse(
                    self._get_client(), self._build_request(prompt, _SCHEMA_METHODS[method], accepts_system)
                )
            except BedrockFailed as error:
                if error.code != "ValidationException":
                    raise
                message = str(error).lower()
                if prompt.schema is not None and any(
                    word in message for word in _REJECTION_WORDS.get(_SCHEMA_METHODS[method], ())
                ):
                    # `max`, because other threads may have found a later method meanwhile.
                    self._method = max(self._method, method + 1)
                elif prompt.system and accepts_system and "system" in message:
                    self._accepts_system = False
                else:
                    raise

    def _build_request(self, prompt: Prompt, method: str, accepts_system: bool) -> dict[str, Any]:
        contents = [[{"text": turn.text}] for turn in prompt.messages]
        request: dict[str, Any] = {
            "modelId": self.name,
            "messages": [
                {"role": turn.role, "content": content}
                for turn, content in zip(prompt.messages, contents, strict=True)
            ],
            "inferenceConfig": {"maxTokens": prompt.max_tokens},
        }
        if prompt.temperature is not None:
            request["inferenceConfig"]["temperature"] = prompt.temperature
        if prompt.top_p is not None:
            request["inferenceConfig"]["topP"] = prompt.top_p
        if self._guardrail:
            request["guardrailConfig"] = self._guardrail
        if prompt.system and accepts_system:
            request["system"] = [{"text": prompt.system}]
        elif prompt.system:
            # Some models reject a system prompt; its text then begins the first message.
            contents[0].insert(0, {"text": prompt.system})
        if prompt.schema is None:
            return request
        if method in _TOOL_METHODS:
            request["toolConfig"] = _build_tool_config(
                prompt.schema_name, prompt.schema, is_named=method == "tool"
            )
        elif method == "schema":
            json_schema = {
                "name": prompt.schema_name,
                "schema": orjson.dumps(make_strict(prompt.schema)).decode(),
            }
            request["outputConfig"] = {
                "textFormat": {"type": "json_schema", "structure": {"jsonSchema": json_schema}}
            }
        else:
            contents[-1].append({"text": describe_schema(prompt.schema)})
        return request


def _build_tool_config(name: str, schema: Mapping[str, Any], *, is_named: bool) -> dict[str, Any]:
    specification = {"name": name, "description": "Give the result.", "inputSchema": {"json": schema}}
    choice: dict[str, Any] = {"tool": {"name": name}} if is_named else {"any": {}}
    return {"tools": [{"toolSpec": specification}], "toolChoice": choice}


def _parse_guardrail(text: str) -> dict[str, str]:
    # An ARN contains colons too, so only digits or DRAFT at the end are a version.
    identifier, _, version = text.strip().rpartition(":") if _has_version(text) else (text.strip(), "", "")
    return {"guardrailIdentifier": identifier, "guardrailVersion": version or "DRAFT"} if identifier else {}


def _has_version(text: str) -> bool:
    version = text.strip().rpartition(":")[2]
    return ":" in text and (version.isdigit() or version == "DRAFT")


def _check_stop_reason(stop_reason: str, model: str, prompt: Prompt, usage: Usage) -> None:
    if stop_reason == "guardrail_intervened":
        raise Refused(f"The guardrail blocked the judge's own call to {model}.", usage=usage)
    if stop_reason == "content_filtered":
        raise Refused(f"A content filter of {model} blocked the answer.", usage=usage)
    if stop_reason == "model_context_window_exceeded":
        raise Refused(f"The case is too long for {model}; choose a model with a larger context.", usage=usage)
    if stop_reason == "max_tokens":
        raise CallFailed(
            f"The answer of {model} was truncated at {prompt.max_tokens} tokens; increase max_tokens of the judge.",
            usage=usage,
        )


_THROTTLED = frozenset(
    (
        "ThrottlingException",
        "TooManyRequestsException",
        "ModelNotReadyException",
        "SlowDown",
    )
)
_CREDENTIALS = frozenset(
    (
        "NoCredentials",
        "ExpiredTokenException",
        "ExpiredToken",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnauthorizedException",
    )
)


def convert_failure(error: BedrockFailed, model: str) -> CallFailed:
    """The error of a failed call, with the remedy in its message."""
    message = str(error).rstrip(".")
    if error.code in _THROTTLED:
        return Throttled(f"Bedrock throttles {model}: {message}.", retry_after_s=error.retry_after_s)
    if error.code in _CREDENTIALS:
        return Refused(f"Bedrock needs valid AWS credentials in the environment of the worker: {message}.")
    if error.code == "AccessDeniedException":
        return Refused(
            f"Bedrock denies {model}: {message}. Request access to the model in this region and allow bedrock:InvokeModel."
        )
    if error.code == "ValidationException" and "on-demand throughput" in message:
        return Refused(
            f"{model} is available only through an inference profile; add a region prefix, for example us.{model}."
        )
    if error.code == "ResourceNotFoundException" or "model identifier is invalid" in message:
        return Refused(
            f"Bedrock has no model {model} in this region: {message}. Check the ID and the region."
        )
    if error.code == "ValidationException":
        return Refused(f"Bedrock rejects the call to {model}: {message}.")
    if error.code == "Unreachable":
        return CallFailed(f"Bedrock did not answer: {message}.")
    return CallFailed(f"Bedrock failed on {model} ({error.code}): {message}.")
