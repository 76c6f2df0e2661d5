"""A model behind any server with the API of OpenAI's chat completions and embeddings."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from genaiops_core.evaluation.models.connection_errors import describe_connection_error
from genaiops_core.evaluation.models.protocol import (
    CallFailed,
    Embedding,
    Prompt,
    Refused,
    Reply,
    Throttled,
    Usage,
)
from genaiops_core.evaluation.models.retry_after import THROTTLED, parse_retry_after
from genaiops_core.evaluation.models.schemas import describe_schema, make_strict

if TYPE_CHECKING:
    import httpx
    from openai import APIStatusError, AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"
"""The address of OpenAI itself."""
EMBEDDING_MODEL = "text-embedding-3-small"
RETRIES = 2
READ_TIMEOUT_S = 300.0
KEY_NAMES = "OPENAI_API_KEY or GENAIOPS_JUDGE_API_KEY"

# Methods to request an object, the most reliable first; when a server rejects one, the next is used.
_SCHEMA_METHODS = ("schema", "tool", "object", "words")
# Error codes that no other method avoids.
_FINAL_CODES = frozenset(
    (
        "context_length_exceeded",
        "content_filter",
        "content_policy_violation",
        "model_not_found",
        "invalid_api_key",
    )
)


def is_openai(base_url: str) -> bool:
    """Whether an address is OpenAI's own: its keys are sent nowhere else, and only its models have prices."""
    return urlsplit(base_url).hostname == urlsplit(OPENAI_URL).hostname


class OpenAIModel:
    """Calls chat completions and embeddings."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str,
        api_key: str = "",
        embedding_name: str = "",
        retries: int | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
        follow_redirects: bool = False,
        key_names: str = KEY_NAMES,
    ) -> None:
        """Make no request before the first call.

        Args:
            name: the server's name of the model.
            base_url: up to and without `/chat/completions`.
            api_key: '' for servers without authentication.
            embedding_name: '' means text-embedding-3-small.
            retries: retries of the client library; None means RETRIES.
            read_timeout_s: timeout of an answer in seconds.
            transport: HTTP transport; None for the client's own, which follows redirects and proxies.
            follow_redirects: with `transport`, which then checks every address; a key is not sent to another origin.
            key_names: the settings that the error message of a missing key names.
        """
        self.name = name
        self.embedding_name = embedding_name or EMBEDDING_MODEL
        self.provider = "openai" if is_openai(base_url) else ""
        self._base_url = base_url
        self._api_key = api_key
        self._retries = RETRIES if retries is None else retries
        self._read_timeout_s = read_timeout_s
        self._transport = transport
        self._follow_redirects = follow_redirects
        self._key_names = key_names
        self._client: AsyncOpenAI | None = None
        self._method = 0
        # Newer models of OpenAI reject `max_tokens`, and most other servers support nothing else.
        self._limit_field = "max_completion_tokens" if self.provider else "max_tokens"

    async def ask(self, prompt: Prompt) -> Reply:
        """See `protocol.Model`."""
        started = time.perf_counter()
        answer, retries = await self._complete(prompt)
        usage = _read_usage(answer.get("usage") or {})
        choices = answer.get("choices") or [{}]
        message = choices[0].get("message") or {}
        stop_reason = str(choices[0].get("finish_reason") or "")
        if message.get("refusal") and prompt.keeps_any_end:
            stop_reason = "refusal"
        if not prompt.keeps_any_end:
            self._check_message(message, stop_reason, prompt, usage)
        return Reply(
            text=str(message["refusal"]) if stop_reason == "refusal" else _extract_text(message),
            usage=usage,
            latency_ms=(time.perf_counter() - started) * 1000,
            stop_reason=stop_reason,
            retries=retries,
        )

    async def embed(self, text: str) -> Embedding:
        """See `protocol.Model`."""
        started = time.perf_counter()
        request = {"model": self.embedding_name, "input": text, "encoding_format": "float"}
        try:
            create = self._get_client().embeddings.with_raw_response.create
            answer, retries = await self._post(create, request)
        except _import_status_error() as error:
            self._raise_failure(error, self.embedding_name)
        try:
            vector = tuple(float(value) for value in answer["data"][0]["embedding"])
        except (LookupError, TypeError, ValueError) as error:
            raise CallFailed(f"{self.embedding_name} returned no readable embedding: {error!r}.") from error
        usage = _read_usage(answer.get("usage") or {})
        return Embedding(
            vector=vector,
            usage=Usage(input_tokens=usage.input_tokens, output_tokens=0),
            latency_ms=(time.perf_counter() - started) * 1000,
            retries=retries,
        )

    async def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _complete(self, prompt: Prompt) -> tuple[dict[str, Any], int]:
        """Request an object by the first method that this server accepts; the accepted method is remembered."""
        first_error: APIStatusError | None = None
        method = self._method
        while True:
            try:
                create = self._get_client().chat.completions.with_raw_response.create
                response = await self._post(create, self._build_request(prompt, _SCHEMA_METHODS[method]))
            except _import_status_error() as error:
                if error.status_code not in (400, 422) or error.code in _FINAL_CODES:
                    self._raise_failure(error, self.name)
                # The first error names the cause; later ones come from methods that were only tried.
                first_error = first_error or error
                if self._limit_field in str(error) and self._alternative_limit_field in str(error):
                    self._limit_field = self._alternative_limit_field
                elif prompt.schema is not None and method + 1 < len(_SCHEMA_METHODS):
                    method += 1
                else:
                    self._raise_failure(first_error, self.name)
            else:
                if prompt.schema is not None:
                    # Remembered only after a success, and never reset by a slower concurrent call.
                    self._method = max(self._method, method)
                return response

    @property
    def _alternative_limit_field(self) -> str:
        return "max_tokens" if self._limit_field == "max_completion_tokens" else "max_completion_tokens"

    def _build_request(self, prompt: Prompt, method: str) -> dict[str, Any]:
        messages = [{"role": turn.role, "content": turn.text} for turn in prompt.messages]
        if prompt.system:
            messages.insert(0, {"role": "system", "content": prompt.system})
        request: dict[str, Any] = {
            "model": self.name,
            "messages": messages,
            self._limit_field: prompt.max_tokens,
        }
        if prompt.temperature is not None:
            request["temperature"] = prompt.temperature
        if prompt.top_p is not None:
            request["top_p"] = prompt.top_p
        if prompt.schema is None:
            return request
        schema = make_strict(prompt.schema)
        if method == "schema":
            json_schema = {"name": prompt.schema_name, "schema": schema, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": json_schema}
        elif method == "tool":
            function = {"name": prompt.schema_name, "description": "Give the result.", "parameters": schema}
            request["tools"] = [{"type": "function", "function": function}]
            request["tool_choice"] = {"type": "function", "function": {"name": prompt.schema_name}}
        else:
            messages[-1]["content"] += "\n\n" + describe_schema(prompt.schema)
            if method == "object":
                request["response_format"] = {"type": "json_object"}
        return request

    def _check_message(
        self, message: Mapping[str, Any], stop_reason: str, prompt: Prompt, usage: Usage
    ) -> None:
        if message.get("refusal"):
            raise Refused(f"{self.name} refused: {str(message['refusal'])[:300]}", usage=usage)
        if stop_reason == "content_filter":
            raise Refused(f"A content filter of {self.name} blocked the answer.", usage=usage)
        if stop_reason == "length":
            raise CallFailed(
                f"The answer of {self.name} was truncated at {prompt.max_tokens} tokens; increase max_tokens of the judge.",
                usage=usage,
            )

    async def _post(self, create: Any, body: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """The JSON answer and the number of retries of the client library."""
        from openai import APIConnectionError

        try:
            raw = await create(**body)
            answer = raw.http_response.json()
        except APIConnectionError as error:
            if isinstance(error.__cause__, CallFailed):  # raised by the transport: the address is not allowed
                raise error.__cause__ from error
            reason = describe_connection_error(error)
            raise CallFailed(f"The server at {self._base_url} did not answer: {reason}.") from error
        except ValueError as error:
            raise CallFailed(f"The server at {self._base_url} did not answer with JSON.") from error
        if not isinstance(answer, dict):
            raise CallFailed(f"The server at {self._base_url} did not answer with a JSON object.")
        return answer, raw.retries_taken

    def _get_client(self) -> AsyncOpenAI:
        if self._client is None:
            self._client = _make_client_type()(
                base_url=self._base_url,
                # The client requires a key; servers without authentication ignore it.
                api_key=self._api_key or "none",
                max_retries=self._retries,
                timeout=self._read_timeout_s,
                http_client=self._build_http_client(),
            )
        return self._client

    def _build_http_client(self) -> Any:
        """A client of httpx; the SDK accepts it although its types require httpx2."""
        if self._transport is None:
            return None
        import httpx

        return httpx.AsyncClient(
            transport=self._transport,
            timeout=self._read_timeout_s,
            follow_redirects=self._follow_redirects,
        )

    def _raise_failure(self, error: APIStatusError, model: str) -> NoReturn:
        message = _read_message(error)
        if error.status_code in THROTTLED and error.code != "insufficient_quota":
            raise Throttled(
                f"{self._base_url} throttles {model}: {message}.",
                retry_after_s=parse_retry_after(error.response.headers),
            ) from error
        if error.status_code in (401, 403):
            raise Refused(
                f"{self._base_url} denies {model}: {message}. Set {self._key_names} for the worker."
            ) from error
        if error.status_code == 404:
            raise Refused(
                f"{self._base_url} has no model {model}: {message}. Check the model and the address."
            ) from error
        if error.status_code < 500:
            raise Refused(f"{self._base_url} rejects the call to {model}: {message}.") from error
        raise CallFailed(f"{self._base_url} failed with status {error.status_code}: {message}.") from error


@cache
def _make_client_type() -> type[AsyncOpenAI]:
    from openai import AsyncOpenAI

    class Client(AsyncOpenAI):
        def _should_retry(self, response: Any) -> bool:
            # The run waits for throttling itself: a wait in here would occupy a slot and count as the unit's time.
            if response.status_code in THROTTLED:
                return False
            return super()._should_retry(response)

    return Client


def _import_status_error() -> type[APIStatusError]:
    from openai import APIStatusError

    return APIStatusError


def _extract_text(message: Mapping[str, Any]) -> str:
    for call in message.get("tool_calls") or ():
        return str((call.get("function") or {}).get("arguments") or "")
    content = message.get("content")
    if isinstance(content, list):
        return "".join(_iterate_text_parts(content))
    return content if isinstance(content, str) else ""


def _iterate_text_parts(content: list[Any]) -> Iterator[str]:
    for part in content:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]


def _read_usage(document: Mapping[str, Any]) -> Usage:
    cached = (document.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return Usage(
        input_tokens=document.get("prompt_tokens"),
        output_tokens=document.get("completion_tokens"),
        cache_read_tokens=int(cached),
    )


def _read_message(error: APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return str(message or error.message)[:500].rstrip(".")
