"""The protocols of a judge and of the calls of one unit; `models.protocol` has that of the model behind a judge.

    run --> unit (case, repetition, metric) --> Judge.judge(case, metric, calls) --> Judgement
                                                    |
                              Calls.ask / Calls.embed: cache, rate limits, spend limit, retries, price
                                                    |
                                             Model.ask / Model.embed

A judge handles prompts and scales, a model handles a wire protocol. Cost and persistence are the task of `Calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.protocol import Model, Prompt

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The score of one unit, or the reason why there is none, with cost and latency."""

    metric: str
    value: float | None
    reason: str
    cost_nano_usd: int | None
    """None when one of its calls has no known price."""
    latency_ms: float
    is_failed: bool = False
    """No value because the judge failed, not because the case lacks a field: another attempt may succeed."""


def _accept(_answer: Any) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class AnswerRules:
    """What an answer must meet beside its schema."""

    find_problem: Callable[[Any], str] = _accept
    """Returns what is wrong with an answer, in words for the model; '' when nothing is."""
    texts: tuple[str, ...] = ()
    """Texts of the case: a JSON object that a reply copies from them is a quotation and never the answer."""


ANY_ANSWER = AnswerRules()
"""No rule beside the schema."""


class Calls(Protocol):
    """The calls of one unit: each is rate limited, bounded by the spend limit, priced, and stored before it is used."""

    async def ask(self, prompt: Prompt, answer: type[Answer], rules: AnswerRules = ANY_ANSWER) -> Answer:
        """The answer as an object of type `answer` that meets the rules; any other is sent back for repair.

        Raises:
            CallFailed: there is no usable answer.
        """

    async def embed(self, text: str) -> tuple[float, ...]:
        """A text as a vector."""

    @property
    def cost_nano_usd(self) -> int | None:
        """Cost of the calls so far, including those of earlier attempts; None when one has no known price."""


class Judge(Protocol):
    """Measures metrics of cases."""

    @property
    def name(self) -> str:
        """The name in `--judge` and in results."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics it can measure."""

    @property
    def defaults(self) -> tuple[str, ...]:
        """The metrics of an evaluation that names none."""

    @property
    def model(self) -> Model | None:
        """The model that it calls; None when it computes all metrics, without cost."""

    async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
        """Measure one metric; a case that lacks a field of the metric is undefined, with the reason.

        Raises:
            CallFailed: the model returned nothing usable.
        """


@dataclass(frozen=True, kw_only=True)
class JudgeOptions:
    """Parameters of a judge beside its name. They are stored with the evaluation, so none is a secret."""

    region: str = ""
    """AWS region; '' means the region of the environment."""
    profile: str = ""
    """AWS profile; '' means the profile of the environment."""
    guardrail: str = ""
    """ID or ID:VERSION of a Bedrock guardrail for the judge's own calls."""
    embedding_model: str = ""
    """'' means the default of the kind of judge."""
    max_tokens: int = 4096
    temperature: float | None = None
    rubrics: Sequence[Any] = field(default_factory=tuple)
    """Rubrics (`metrics.rubric.Rubric`, or its JSON) that the evaluation may use beside the built-in ones."""
