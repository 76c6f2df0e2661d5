"""What a run will take, reckoned before it is launched. A decider: counts and rates in, bounds out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

CallsOf = Callable[[str], int]
"""Metric -> calls to the judge's model that one unit makes at most, repairs left out."""

PROMPT_TOKENS = 2_000
"""Instructions and examples around the texts of a case; those of RAGAS have 700 to 1,900."""

CHARACTERS_A_TOKEN = 3
"""On the short side, so that tokens are not reckoned too few; English has about four."""

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
    """To the judge's model, at most; repairs of malformed answers and retries come on top."""
    input_tokens: int
    output_tokens: int
    """Of judging, at most."""


def estimate(
    *,
    metrics: Sequence[str],
    calls_of: CallsOf,
    cases: int,
    repetitions: int,
    characters: int,
    is_generated: bool,
    max_tokens: int,
) -> Estimate:
    """Bounds from counts.

    Args:
        metrics: what each answer is scored by.
        calls_of: how many calls a unit of a metric makes; 0 where the judge computes.
        cases: to be scored.
        repetitions: answers a case.
        characters: of the texts of an average case.
        is_generated: whether a target answers first.
        max_tokens: the most that the judge may say in one call.
    """
    answers = cases * repetitions
    calls = answers * sum(calls_of(name) for name in metrics)
    return Estimate(
        cases=cases,
        units=answers * len(metrics),
        answers=answers if is_generated else 0,
        calls=calls,
        input_tokens=calls * (PROMPT_TOKENS + -(-characters // CHARACTERS_A_TOKEN)),
        output_tokens=calls * min(OUTPUT_TOKENS, max_tokens),
    )
