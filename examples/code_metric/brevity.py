"""A metric in code: whether the length of an answer is within a limit.

    pip install ./examples/code_metric
    genaiops metric list
    genaiops evaluate --suite cases.jsonl --judge offline --min-brevity 0.8 --output results.json

The entry point in pyproject.toml registers it. A metric takes a case (`input`, `answer`, `contexts`, `reference`,
`metadata`). It returns a value from 0 to 1, or None if it does not apply, optionally as a pair with a reason.
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
