"""What calls cost: the price list of this installation, read again while a run goes on."""

from __future__ import annotations

import time

import sqlalchemy as sa

from genaiops_core.evaluation.judges.protocol import Prompt, Usage
from genaiops_core.pricing.prices import PriceList

_MILLION = 1_000_000
_BYTES_A_TOKEN = 2
"""Fewer than any tokenizer needs for ordinary text of any script, so that an estimate is rather too high."""
_FRAME_TOKENS = 200
"""What providers add around a prompt: roles, tools, their own instructions."""


class Prices:
    """Costs in nano-USD; None where a price or a count of tokens is not known."""

    def __init__(self, prices: PriceList) -> None:
        self._prices = prices

    @classmethod
    def load(cls, connection: sa.Connection) -> Prices:
        """Read the prices of this installation."""
        return cls(PriceList.load(connection))

    @property
    def list(self) -> PriceList:
        """The list itself."""
        return self._prices

    def refresh(self, connection: sa.Connection) -> None:
        """Take what somebody imported since."""
        self._prices = self._prices.refreshed(connection)

    def cost(self, provider: str, model: str, usage: Usage) -> int | None:
        """Of a call that was made."""
        return self._prices.cost_nano_usd(
            provider,
            model,
            time.time_ns(),
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
        )

    def most(self, provider: str, model: str, input_tokens: int, output_tokens: int = 0) -> int | None:
        """Of a call that may take this many tokens."""
        return self.cost(provider, model, Usage(input_tokens=input_tokens, output_tokens=output_tokens))

    def knows(self, provider: str, model: str) -> bool:
        """Whether calls to this model can be priced."""
        return self.most(provider, model, _MILLION, _MILLION) is not None


def most_tokens(prompt: Prompt, schema_bytes: int = 0) -> int:
    """More input tokens than a prompt has, but not many times more."""
    texts = (prompt.system, *(message.text for message in prompt.messages))
    return text_tokens(*texts) + schema_bytes // _BYTES_A_TOKEN


def text_tokens(*texts: str) -> int:
    """More tokens than texts have, what providers add included."""
    return sum(len(text.encode()) for text in texts) // _BYTES_A_TOKEN + _FRAME_TOKENS
