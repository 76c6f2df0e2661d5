"""Calls of a unit that go straight to the model: no journal, no pace, no prices; one repair of a malformed answer."""

from __future__ import annotations

import asyncio
from typing import Any

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import create_judge as judge_of
from genaiops_core.evaluation.judges.answers import MalformedAnswer, build_repair_prompt, parse_answer
from genaiops_core.evaluation.judges.protocol import (
    ANY_ANSWER,
    Answer,
    AnswerRules,
    Judge,
    Judgement,
    JudgeOptions,
)
from genaiops_core.evaluation.models.protocol import CallFailed, Model, Prompt


class DirectCalls:
    def __init__(self, model: Model | None) -> None:
        self.model = model
        self.prompts: list[Prompt] = []
        self.embedded: list[str] = []
        self.cost_nano_usd: int | None = 0

    async def ask(self, prompt: Prompt, answer: type[Answer], rules: AnswerRules = ANY_ANSWER) -> Answer:
        assert self.model is not None
        self.prompts.append(prompt)
        reply = await self.model.ask(prompt)
        try:
            return parse_answer(reply, answer, rules)
        except MalformedAnswer as problem:
            repaired_reply = await self.model.ask(build_repair_prompt(prompt, reply, str(problem)))
        try:
            return parse_answer(repaired_reply, answer, rules)
        except MalformedAnswer as problem:
            raise CallFailed(f"malformed: {problem}") from problem

    async def embed(self, text: str) -> tuple[float, ...]:
        assert self.model is not None
        self.embedded.append(text)
        return (await self.model.embed(text)).vector


def judge_case(
    judge_or_name: Judge | str, metric: str, case: Case, **options: Any
) -> tuple[Judgement, DirectCalls]:
    """One metric of one case, and what was asked for it."""
    judging = (
        judge_of(judge_or_name, JudgeOptions(**options)) if isinstance(judge_or_name, str) else judge_or_name
    )
    calls = DirectCalls(judging.model)

    async def judge() -> Judgement:
        try:
            return await judging.judge(case, metric, calls)
        finally:
            if judging.model is not None:
                await judging.model.close()

    return asyncio.run(judge()), calls
