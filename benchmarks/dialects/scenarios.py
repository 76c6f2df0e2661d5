"""The scenarios: what an application asks, what the provider replies, and what the provider bills for it.

The last word of a scenario's name decides the reply: `cached`, `tool`, `error`, else plain. The numbers occur nowhere
else, so that a number that no span has is one that the library did not send. Rates are the public ones, in nano-USD
per token, written down here so that the console's price list is not compared with itself; what is written to a cache of Nova counts as input.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
NOVA = "amazon.nova-lite-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"
GPT = "gpt-5-mini"
EMBEDDING = "text-embedding-3-small"

USER = "ada-1815"
ORDER = "A-17-4471"
TOOL_RESULT = f"Order {ORDER} was shipped."
_MARK = re.compile(r"\[([a-z0-9-]+)\]")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one call as providers count them: `uncached` excludes what was read from and written to a cache."""

    uncached: int
    output: int
    read: int = 0
    written: int = 0
    reasoning: int = 0

    @property
    def input(self) -> int:
        return self.uncached + self.read + self.written


PLAIN = Usage(uncached=1009, output=107)
CACHED = Usage(uncached=217, output=127, read=3011, written=503)
CACHED_BY_OPENAI = Usage(uncached=1217, output=129, read=2944, reasoning=53)
"""OpenAI bills no cache writes."""
TOOL_CALL = Usage(uncached=1213, output=43)
TOOL_ANSWER = Usage(uncached=1319, output=61)
EMBEDDED = Usage(uncached=1103, output=0)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Nano-USD per token."""

    input: int
    output: int
    read: int
    written: int

    def price(self, usage: Usage) -> int:
        return (
            usage.uncached * self.input
            + usage.output * self.output
            + usage.read * self.read
            + usage.written * self.written
        )


RATES = {
    HAIKU: Rates(input=1100, output=5500, read=110, written=1375),
    NOVA: Rates(input=60, output=240, read=15, written=60),
    TITAN: Rates(input=20, output=0, read=0, written=0),
    GPT: Rates(input=250, output=2000, read=25, written=0),
    EMBEDDING: Rates(input=20, output=0, read=0, written=0),
}


@dataclass(frozen=True, kw_only=True)
class Bill:
    """One call that a provider answered."""

    scenario: str
    model: str
    usage: Usage | None
    """None for a call that failed, and for a stream whose usage the caller did not ask for."""
    is_error: bool = False


@dataclass
class Ledger:
    """Every call that the loopback provider answered."""

    bills: list[Bill] = field(default_factory=list)

    def select(self, scenario: str) -> list[Bill]:
        return [bill for bill in self.bills if bill.scenario == scenario]


def write_question(scenario: str) -> str:
    """The user's question; its mark tells the provider the scenario."""
    return f"Where is order {ORDER}? [{scenario}]"


def write_answer(scenario: str) -> str:
    return f"It left the warehouse on Monday ({scenario})."


def name_session(scenario: str) -> str:
    return f"session-{scenario}"


def find_scenario(body: Any) -> str:
    """The scenario that a request belongs to."""
    marks = _MARK.findall(body if isinstance(body, str) else json.dumps(body))
    return marks[-1] if marks else "unknown"


def find_kind(scenario: str) -> str:
    """The kind of reply of a scenario: cached, tool, error or plain."""
    kind = scenario.rsplit("-", 1)[-1]
    return kind if kind in ("cached", "tool", "error") else "plain"


def choose_usage(scenario: str, *, has_tool_result: bool, cached: Usage = CACHED) -> Usage:
    kind = find_kind(scenario)
    if kind == "tool":
        return TOOL_ANSWER if has_tool_result else TOOL_CALL
    return cached if kind == "cached" else PLAIN
