"""A metric in code: whether an answer keeps to a length, which no model has to judge.

    pip install ./examples/code_metric
    genaiops metric list
    genaiops evaluate --suite cases.jsonl --judge offline --min-brevity 0.8 --output results.json

The console finds it by the entry point in pyproject.toml. A metric takes a case (`input`, `answer`, `contexts`, `reference`,
`metadata`) and gives a value from 0 to 1, None where it does not apply, or a pair of either and a reason.
"""

from __future__ import annotations

from typing import Any

MOST_WORDS = 60


def brevity(case: Any) -> tuple[float | None, str]:
    """1 up to 60 words, then less, down to 0 at twice as many."""
    words = len(case.answer.split())
    if not words:
        return None, "the answer has no words"
    return max(0.0, min(1.0, 2 - words / MOST_WORDS)), f"{words} words"


brevity.title = "Brevity"
brevity.needs = ("answer",)
