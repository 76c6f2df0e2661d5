"""The protocol of targets, which answer the cases of an evaluation before the answers are scored.

    evaluation --> (case, repetition) --> Target.answer --> TargetAnswer --> generated_answer --> scores

A target implements one wire protocol. Its caller stores the answers, limits the rate, retries throttled calls, and prices
them with `price_answer`. The errors are those of judge models: `Throttled` calls are retried later, `Refused` calls would
be refused again, any other `CallFailed` may succeed in another attempt.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.protocol import Prompt, Usage
from genaiops_core.pricing.prices import PriceList


@dataclass(frozen=True, kw_only=True)
class TargetAnswer:
    """The answer of a target to one case, with usage, latency and cost."""

    text: str | None
    """None if there is no answer; `problem` says why. It is not retried, because the call itself succeeded."""
    contexts: tuple[str, ...] | None = None
    """The contexts of the answer, as the target reports or received them; None if they are unknown."""
    usage: Usage = field(default_factory=Usage)
    latency_ms: float = 0.0
    """Milliseconds from sending the request to receiving the whole answer, network included."""
    cost_nano_usd: int | None = None
    """As the target reports it; None if it reports none (see `price_answer`)."""
    model: str = ""
    """The model that answered, if the target reports it; else ''."""
    problem: str = ""
    """Why there is no answer, or why it is incomplete: truncated, or stopped by a filter."""
    is_called: bool = True
    """False if the case lacks a value that the prompt requires: then no call is made and the cost is 0."""


class Target(Protocol):
    """Answers cases. Its methods run in one event loop; many answers may be in flight at once."""

    @property
    def name(self) -> str:
        """Name in the evaluation and its results, for example `bedrock:amazon.nova-pro-v1:0`; contains no secret."""

    @property
    def provider(self) -> str:
        """Name in prices and telemetry; '' if it is unknown."""

    @property
    def model(self) -> str:
        """ID of the model in prices; '' if it is unknown."""

    def prompt(self, case: Case, repetition: int = 1) -> Prompt | None:
        """Build the prompt, to estimate the cost of an answer; None if the prompt is unknown."""

    async def answer(self, case: Case, repetition: int = 1) -> TargetAnswer:
        """Make one attempt to answer a case; the answer and reference of the dataset are never sent.

        Args:
            case: its input is sent, and its contexts if the prompt has a placeholder for them.
            repetition: counted from 1.

        Raises:
            Throttled: the call must be retried later.
            Refused: the call would be refused again: a permission, an unknown model or address, an invalid request.
            CallFailed: the call failed for any other reason.
            BadInput, Misconfigured: a setting is missing or invalid, for all cases.
        """

    async def close(self) -> None:
        """Close connections."""


def price_answer(answer: TargetAnswer, target: Target, prices: PriceList, at_ns: int) -> TargetAnswer:
    """Set the cost of an answer: as the target reports it, else by the price list; None if unknown, 0 without a call.

    Args:
        answer: from `target.answer`.
        target: has provider and model, if the answer has none.
        prices: of this installation.
        at_ns: time of the call, Unix nanoseconds.
    """
    if not answer.is_called:
        return replace(answer, cost_nano_usd=0)
    if answer.cost_nano_usd is not None:
        return answer
    usage = answer.usage
    cost = prices.cost_nano_usd(
        target.provider,
        answer.model or target.model,
        at_ns,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
    )
    return replace(answer, cost_nano_usd=cost)


def apply_answer(case: Case, answer: TargetAnswer) -> Case:
    """Replace answer and contexts of a case by those of the target, for scoring.

    If the target reports no contexts, those of the dataset remain and the answer is scored with them.
    """
    contexts = case.contexts if answer.contexts is None else answer.contexts
    return replace(case, answer=answer.text, contexts=contexts)
