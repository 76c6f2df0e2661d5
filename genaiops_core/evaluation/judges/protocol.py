"""What a judge is, what a model behind a judge is, and what lies between them: the calls of one unit.

    run --> unit (case, repetition, metric) --> Judge.judge(case, metric, calls) --> Judgement
                                                    |
                              Calls.ask / Calls.embed: journal, pace, spend limit, retries, price
                                                    |
                                             Model.ask / Model.embed

A judge knows prompts and scales, a model knows a wire protocol, and neither knows money or runs: that is `Calls`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation.datasets.case import Case

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The score of one unit, or the reason why there is none, and what it took."""

    metric: str
    value: float | None
    reason: str
    cost_nano_usd: int | None
    """None when a call of it has no known price."""
    latency_ms: float
    is_failed: bool = False
    """No value because the judge failed, not because the case lacks something: another attempt may give one."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one call as its provider counted them; None where it told none."""

    input_tokens: int | None = None
    """All of them, those read from or written to a cache included."""
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
    """What a model is asked; the same prompt asked twice is the same call."""

    messages: tuple[Message, ...]
    system: str = ""
    schema: dict[str, Any] | None = None
    """JSON schema that the answer must have; None asks for free text."""
    schema_name: str = ""
    max_tokens: int = 4096
    temperature: float | None = None
    """Sent only when set: newer models refuse it."""
    top_p: float | None = None
    """Sent only when set."""
    keeps_any_end: bool = False
    """Give back what there is of an answer that was cut, filtered or refused, with its stop reason, instead of failing:
    for whoever measures answers, this is one."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a model answered."""

    text: str
    """As it came: JSON where a schema was asked for, which may still break it."""
    usage: Usage
    latency_ms: float
    stop_reason: str = ""
    retries: int = 0
    """Attempts that the provider's client repeated by itself."""


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """A text as a vector."""

    vector: tuple[float, ...]
    usage: Usage
    latency_ms: float
    retries: int = 0


class Model(Protocol):
    """A language model behind an API. Its methods run in one event loop; many calls may be under way at once."""

    @property
    def provider(self) -> str:
        """As prices and telemetry name it, for example `aws.bedrock`."""

    @property
    def name(self) -> str:
        """The id of the model, as prices name it."""

    @property
    def embedding_name(self) -> str:
        """The id of the embedding model; '' when there is none."""

    async def ask(self, prompt: Prompt) -> Reply:
        """One attempt.

        Raises:
            Throttled: to be asked again later.
            Refused: the provider will not answer this prompt.
            JudgeFailed: anything else.
        """

    async def embed(self, text: str) -> Embedded:
        """One attempt; raises as `ask` does."""

    async def close(self) -> None:
        """Let go of connections."""


class Calls(Protocol):
    """The calls of one unit: each is kept before it counts, paced, priced, and bounded by the spend limit."""

    async def ask(self, prompt: Prompt, answer: type[Answer]) -> Answer:
        """The answer in the shape of `answer`; a malformed one is sent back to be repaired.

        Raises:
            JudgeFailed: no usable answer; the reason is its text.
        """

    async def embed(self, text: str) -> tuple[float, ...]:
        """A text as a vector."""

    @property
    def cost_nano_usd(self) -> int | None:
        """What the calls so far cost, those of an earlier attempt included; None when one has no known price."""


class Judge(Protocol):
    """Measures metrics of cases."""

    @property
    def name(self) -> str:
        """As `--judge` and results say it."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics it can measure."""

    @property
    def defaults(self) -> tuple[str, ...]:
        """Those of them that it measures when nothing else is asked for."""

    @property
    def model(self) -> Model | None:
        """The model it asks; None when it computes, and so costs nothing."""

    async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
        """Measure one metric; a case that lacks what the metric needs is undefined, with the reason.

        Raises:
            JudgeFailed: the model gave nothing usable.
        """


class JudgeFailed(GenAIOpsError):
    """A call to a judge's model gave nothing usable; the text says why. The unit counts as failed."""

    http_status = 502

    def __init__(self, message: str, *, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.usage = usage
        """What a call that came back useless cost all the same; None when it never came to that."""


class Throttled(JudgeFailed):
    """The provider asks to come back later."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Refused(JudgeFailed):
    """The provider will not answer this: a filter, a guardrail, a missing permission, an unknown model."""


@dataclass(frozen=True, kw_only=True)
class JudgeOptions:
    """What a judge is given beside its name; kept with the run, so nothing here is a secret."""

    region: str = ""
    """AWS region; '' means that of the environment."""
    profile: str = ""
    """AWS profile; '' means that of the environment."""
    guardrail: str = ""
    """ID or ID:VERSION of a Bedrock guardrail that the judge's own calls pass."""
    embedding_model: str = ""
    """'' means the default of the kind of judge."""
    max_tokens: int = 4096
    temperature: float | None = None
    rubrics: Sequence[Any] = field(default_factory=tuple)
    """Rubrics (`metrics.rubric.Rubric`, or its JSON) that the run may use beside the built-in ones."""
