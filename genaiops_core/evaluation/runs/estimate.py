"""What a run will take, reckoned before it is launched. A decider: counts in, bounds out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from genaiops_core.evaluation.metrics import Metric
from genaiops_core.evaluation.runs.preflight import Coverage

PROMPT_TOKENS = 2_000
"""Instructions, examples and schema around the texts of a case; those of RAGAS have 700 to 1,900."""

CHARACTERS_PER_TOKEN = 2
"""As the spend limit reckons: fewer than a tokenizer needs, so that tokens are rather too many."""

OUTPUT_TOKENS = 1_000
"""An answer of a judge seldom is longer; the least of this and what the judge may say."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A run, before it is launched."""

    cases: int
    units: int
    answers: int
    """Answers that a target has to give."""
    calls: int
    """Questions to the judge's model, at most; repairs of malformed answers and retries come on top."""
    embeddings: int
    input_tokens: int
    output_tokens: int
    """Of all calls, at most."""
    embedding_tokens: int


def estimate_run(
    *,
    metrics: Sequence[Metric],
    coverage: Coverage,
    cases: int,
    repetitions: int,
    is_generated: bool,
    max_tokens: int,
) -> Estimate:
    """Bounds from counts.

    Args:
        metrics: what each answer is scored by.
        coverage: of the dataset version.
        cases: of it that are scored.
        repetitions: answers a case.
        is_generated: whether a target answers first.
        max_tokens: the most that the judge may say in one call.
    """
    answers = cases * repetitions
    calls = sum(
        math.ceil(answers * (one.calls.asks + one.calls.asks_per_context * coverage.contexts))
        for one in metrics
    )
    embeddings = answers * sum(one.calls.embeddings for one in metrics)
    text_tokens = -(-coverage.characters // CHARACTERS_PER_TOKEN)
    return Estimate(
        cases=cases,
        units=answers * len(metrics),
        answers=answers if is_generated else 0,
        calls=calls,
        embeddings=embeddings,
        input_tokens=calls * (PROMPT_TOKENS + text_tokens),
        output_tokens=calls * min(OUTPUT_TOKENS, max_tokens),
        embedding_tokens=embeddings * text_tokens,
    )
