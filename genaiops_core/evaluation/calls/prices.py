"""Costs of calls by the price list of this installation, which is reloaded while a run goes on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from genaiops_core.evaluation.judges.protocol import Judge
from genaiops_core.evaluation.metrics import lookup_metric
from genaiops_core.evaluation.models.protocol import Prompt, Usage
from genaiops_core.pricing.prices import PriceList

_MILLION = 1_000_000
_BYTES_PER_TOKEN = 2
"""Fewer bytes than any tokenizer uses per token of ordinary text, so that estimates are too high rather than too low."""
_FRAME_TOKENS = 200
"""Tokens that providers add around a prompt: roles, tools, instructions of their own."""


class Prices:
    """Costs in nano-USD; None where a price or a token count is unknown."""

    def __init__(self, prices: PriceList) -> None:
        self._prices = prices

    @classmethod
    def load(cls, connection: sa.Connection) -> Prices:
        """Read the prices of this installation."""
        return cls(PriceList.load(connection))

    @property
    def price_list(self) -> PriceList:
        """The list behind the costs."""
        return self._prices

    def refresh(self, connection: sa.Connection) -> None:
        """Read prices that were imported since the last read."""
        self._prices = self._prices.refresh(connection)

    def cost(self, provider: str, model: str, usage: Usage) -> int | None:
        """The cost of a finished call."""
        return self._prices.cost_nano_usd(
            provider,
            model,
            time.time_ns(),
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
        )

    def max_cost(self, provider: str, model: str, input_tokens: int, output_tokens: int = 0) -> int | None:
        """The cost of a call that uses at most this many tokens."""
        return self.cost(provider, model, Usage(input_tokens=input_tokens, output_tokens=output_tokens))

    def has_price(self, provider: str, model: str) -> bool:
        """Whether calls to this model can be priced."""
        # Tokens of both kinds: a price list may lack the price of one.
        return self.max_cost(provider, model, _MILLION, _MILLION) is not None


def list_called_models(judge: Judge, metric_names: Iterable[str], rubrics: Sequence[Any] = ()) -> list[str]:
    """The models that a judge calls for these metrics: its language model, its embedding model, both or none.

    Args:
        judge: the judge.
        metric_names: as in results.
        rubrics: rubrics among the metrics that are not built in, or their documents.
    """
    if judge.model is None:
        return []
    metrics = [lookup_metric(name, rubrics, judge=judge.name) for name in metric_names]
    # A metric that nobody has registered may call either model.
    asks = any(metric is None or metric.calls.asks or metric.calls.asks_per_context for metric in metrics)
    embeds = any(metric is None or metric.calls.embeddings for metric in metrics)
    names = (judge.model.name if asks else "", judge.model.embedding_name if embeds else "")
    return [name for name in names if name]


def bound_prompt_tokens(prompt: Prompt, schema_bytes: int = 0) -> int:
    """An upper bound of the input tokens of a prompt, of the same order as the true count."""
    texts = (prompt.system, *(message.text for message in prompt.messages))
    return bound_text_tokens(*texts) + schema_bytes // _BYTES_PER_TOKEN


def bound_text_tokens(*texts: str) -> int:
    """An upper bound of the tokens of texts, including what providers add."""
    return sum(len(text.encode()) for text in texts) // _BYTES_PER_TOKEN + _FRAME_TOKENS
