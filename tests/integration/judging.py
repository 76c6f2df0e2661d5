"""Judges and models for tests: a model in this process that does as it is told, and prices for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges.protocol import Calls, Judgement, JudgeOptions
from genaiops_core.evaluation.models.protocol import Embedding, Message, Prompt, Reply, Usage
from genaiops_core.pricing.imports import import_prices, read_prices

MODEL = "test-model"


class Value(BaseModel):
    """What the judge of these tests asks for."""

    value: float


class SlowModel:
    """Answers after `gate` opens, with what `reply` makes of the number of the call and the prompt."""

    provider = "test"
    name = MODEL
    embedding_name = ""

    def __init__(self, reply: Callable[[int, Prompt], str] = lambda number, prompt: '{"value": 0.5}') -> None:
        self.prompts: list[Prompt] = []
        self.embedded: list[str] = []
        self.gate: asyncio.Event | None = None
        self.most_under_way = self.under_way = 0
        self.is_closed = False
        self._reply = reply

    async def ask(self, prompt: Prompt) -> Reply:
        self.prompts.append(prompt)
        number = len(self.prompts)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(0)
            text = self._reply(number, prompt)
        finally:
            self.under_way -= 1
        return Reply(text=text, usage=Usage(input_tokens=100, output_tokens=10), latency_ms=1.0)

    async def embed(self, text: str) -> Embedding:
        self.embedded.append(text)
        return Embedding(vector=(0.25, 0.5), usage=Usage(input_tokens=7), latency_ms=1.0)

    async def close(self) -> None:
        self.is_closed = True


class OneCallJudge:
    """Asks its model once a unit."""

    def __init__(self, model: Any, metrics: Iterable[str] = ("faithfulness", "answer_relevancy")) -> None:
        self.name = f"test:{model.name}"
        self.metrics = self.defaults = tuple(metrics)
        self.model = model

    async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
        answer = await calls.ask(question(f"{metric} of {case.input}: {case.answer}"), Value)
        return Judgement(metric=metric, value=answer.value, reason="", cost_nano_usd=None, latency_ms=1.0)


def question(text: str) -> Prompt:
    return Prompt(messages=(Message(role="user", text=text),), max_tokens=100)


def judges_by(judge: Any) -> Callable[[str, JudgeOptions | None], Any]:
    """A registry that knows one judge, for monkeypatch."""
    return lambda name, options=None: judge


def import_price(engine: sa.Engine, model: str, input_usd: float, output_usd: float) -> None:
    """A price in USD per million tokens."""
    data = json.dumps({model: [input_usd, output_usd]}).encode()
    import_prices(engine, actor="ada", prices=read_prices(data, "prices.json"), source="prices.json")
