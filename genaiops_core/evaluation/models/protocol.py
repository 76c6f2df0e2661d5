"""The protocol of a language model behind an API: prompts, replies, token usage and the errors of a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from genaiops_core.errors import GenAIOpsError


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one call as its provider counted them; None where the provider sent no count."""

    input_tokens: int | None = None
    """All input tokens, including those read from or written to a cache."""
    output_tokens: int | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: str
    """user or assistant."""
    text: str


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """The input of one call; two calls with equal prompts are the same call to the call cache.

    The field names are part of the cache key: renaming one invalidates every stored call.
    """

    messages: tuple[Message, ...]
    system: str = ""
    schema: dict[str, Any] | None = None
    """JSON schema of the answer; None requests free text."""
    schema_name: str = ""
    max_tokens: int = 4096
    temperature: float | None = None
    """Sent only when set: newer models reject it."""
    top_p: float | None = None
    """Sent only when set."""
    keeps_any_end: bool = False
    """Return a cut, filtered or refused answer with its stop reason instead of raising.

    A target needs this: an incomplete answer is still the answer that is evaluated.
    """


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The answer of a model."""

    text: str
    """Unparsed: where a schema was requested, the JSON may still violate it."""
    usage: Usage
    latency_ms: float
    stop_reason: str = ""
    retries: int = 0
    """Attempts that the provider's client library repeated by itself."""


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """A text as a vector."""

    vector: tuple[float, ...]
    usage: Usage
    latency_ms: float
    retries: int = 0


class Model(Protocol):
    """A language model behind an API. Its methods run in one event loop; many calls may be in flight at once."""

    @property
    def provider(self) -> str:
        """The provider's name in prices and telemetry, for example `aws.bedrock`."""

    @property
    def name(self) -> str:
        """The model ID in the price list."""

    @property
    def embedding_name(self) -> str:
        """The ID of the embedding model; '' when there is none."""

    async def ask(self, prompt: Prompt) -> Reply:
        """Make one attempt.

        Raises:
            Throttled: the provider asks for a later retry.
            Refused: the provider will not answer this prompt.
            CallFailed: any other failure.
        """

    async def embed(self, text: str) -> Embedding:
        """Make one attempt; raises as `ask` does."""

    async def close(self) -> None:
        """Close connections."""


class CallFailed(GenAIOpsError):
    """A call to a model returned nothing usable; the message says why. Its unit counts as failed."""

    http_status = 502

    def __init__(self, message: str, *, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.usage = usage
        """Tokens of a call that was billed but is useless; None when the call was not billed."""


class Throttled(CallFailed):
    """The provider asks for a later retry."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Refused(CallFailed):
    """The provider will not answer: a filter, a guardrail, a missing permission or an unknown model."""
