"""What a target is: whoever answers the cases of a run before the answers are scored.

    run --> (case, repetition) --> Target.answer --> Answered --> generated_answer --> scored like an answer of the file

A target knows one wire protocol. It knows neither runs nor prices: who drives it keeps its answers, paces it, repeats
what was throttled, and asks `priced` for the cost. Its errors are those of judges' models: `Throttled` is asked again
later, `Refused` will be refused again, any other `CallFailed` may work another time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.protocol import Prompt, Usage
from genaiops_core.pricing.prices import PriceList


@dataclass(frozen=True, kw_only=True)
class TargetAnswer:
    """What a target answered to one case, and what that took."""

    text: str | None
    """None when it gave no answer; `problem` says why. It is not worth another attempt: the call itself went well."""
    contexts: tuple[str, ...] | None = None
    """What the answer was made from, as the target told it or was given it; None when it told nothing."""
    usage: Usage = field(default_factory=Usage)
    latency_ms: float = 0.0
    """From sending the question to having the whole answer, waiting on the network included."""
    cost_nano_usd: int | None = None
    """As the target told it; None when it told none (see `priced`)."""
    model: str = ""
    """The model that answered, where the target told it."""
    problem: str = ""
    """Why there is no answer, or what is wrong with the one there is: cut off, stopped by a filter."""
    is_called: bool = True
    """False when the case lacks what the prompt wants, so that nobody was asked and nothing is to be paid."""


class Target(Protocol):
    """Answers cases. Its methods run in one event loop; many answers may be under way at once."""

    @property
    def name(self) -> str:
        """As the run and its results say it, for example `bedrock:amazon.nova-pro-v1:0`; holds no secret."""

    @property
    def provider(self) -> str:
        """As prices and telemetry name it; '' when it is not known."""

    @property
    def model(self) -> str:
        """The id of the model, as prices name it; '' when it is not known."""

    def prompt(self, case: Case, repetition: int = 1) -> Prompt | None:
        """What a model would be asked, to reckon what an answer may cost; None when only the target knows."""

    async def answer(self, case: Case, repetition: int = 1) -> TargetAnswer:
        """One attempt to answer the input of a case; never shows it the answer of the dataset.

        Args:
            case: what is asked; its contexts are given where the prompt has a place for them.
            repetition: counted from 1.

        Raises:
            Throttled: to be asked again later.
            Refused: it would be refused again: a permission, an unknown model or address, a question it will not take.
            CallFailed: anything else that went wrong with the call.
            BadInput, Misconfigured: a setting is missing or wrong, for every case alike.
        """

    async def close(self) -> None:
        """Let go of connections."""


def price_answer(answer: TargetAnswer, target: Target, prices: PriceList, at_ns: int) -> TargetAnswer:
    """The answer with its cost: as the target told it, else by the price list; None where neither knows, 0 uncalled.

    Args:
        answered: from `target.answer`.
        target: says provider and model where the answer does not.
        prices: of this installation.
        at_ns: when it was asked, Unix nanoseconds.
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
    """The case as judges should see it: the generated answer, and the contexts it was made from.

    Where the target told no contexts those of the dataset stay: they are what the answer is measured against.
    """
    contexts = case.contexts if answer.contexts is None else answer.contexts
    return replace(case, answer=answer.text, contexts=contexts)
