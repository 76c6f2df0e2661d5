"""A model in this process that drafts test cases, for tests of generation from documents."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from genaiops_core.evaluation.judges.protocol import ANY_ANSWER, AnswerRules
from genaiops_core.evaluation.models.protocol import CallFailed, Prompt

LONG_SENTENCE = (
    "A parcel that is lost is paid for in full, up to the value that was declared when it was sent off. "
)


class DraftModel:
    """Implements `judges.protocol.Calls`: drafts a question about the first sentence of each passage."""

    def __init__(self, failing_text: str = "") -> None:
        self.failing_text = failing_text
        self.prompts: list[Prompt] = []

    async def ask(self, prompt: Prompt, answer: type[Any], rules: AnswerRules = ANY_ANSWER) -> Any:
        self.prompts.append(prompt)
        match = re.search(r"<passage>\n(.*)\n</passage>", prompt.messages[0].text, re.DOTALL)
        assert match is not None
        if self.failing_text and self.failing_text in match[1]:
            raise CallFailed("The model answered nothing.")
        assert issubclass(answer, BaseModel)
        first_sentence = match[1].split(". ")[0]
        return answer(question=f"Is it true: {first_sentence}?", answer="It is.", quote=first_sentence)

    async def embed(self, text: str) -> tuple[float, ...]:
        return (float(len(text)),)

    @property
    def cost_nano_usd(self) -> int | None:
        return 1_000 * len(self.prompts)
