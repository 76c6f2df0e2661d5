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

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.protocol import Model, Prompt

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


class Calls(Protocol):
    """The calls of one unit: each is kept before it counts, paced, priced, and bounded by the spend limit."""

    async def ask(self, prompt: Prompt, answer: type[Answer]) -> Answer:
        """The answer in the shape of `answer`; a malformed one is sent back to be repaired.

        Raises:
            CallFailed: no usable answer; the reason is its text.
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
            CallFailed: the model gave nothing usable.
        """


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
