"""How many cases an inconclusive gate would need to be decided, if the cases to come are like those so far."""

from __future__ import annotations

import math

from genaiops_core.evaluation.verdicts.summaries import MetricResult

MAX_CASES = 1_000_000
"""With more the mean is so close to the threshold that another threshold helps more."""


def estimate_needed_cases(result: MetricResult, threshold: float) -> int | None:
    """The number of cases from which the interval would lie on one side of the threshold; None when none would.

    The mean and the share of undefined cases stay, and the interval narrows with the root of the number of cases, which
    is what the intervals of evaluations do beyond a few dozen cases. It is a rough estimate, mostly right within a factor of two.

    Args:
        result: of an inconclusive gate; it has a mean.
        threshold: of the gate, on the metric's scale.
    """
    if result.mean is None or result.low is None or result.high is None:
        return None
    cases = result.n + result.undefined
    known = result.n / cases
    # Undefined cases count at their worst and at their best, however many there are.
    lowest, highest = (
        known * result.mean + (1 - known) * end for end in (result.scale.low, result.scale.high)
    )
    if lowest > threshold:
        half, distance = result.mean - result.low, lowest - threshold
    elif highest < threshold:
        half, distance = result.high - result.mean, threshold - highest
    else:
        return None
    # Compared as roots, because the square of a ratio to a tiny distance exceeds every float.
    if known * half > distance * math.sqrt(MAX_CASES / cases):
        return None
    needed = math.ceil(cases * (known * half / distance) ** 2)
    return max(needed, cases + 1)


def describe_needed_cases(result: MetricResult, threshold: float) -> str:
    """What would decide an inconclusive gate."""
    cases = result.n + result.undefined
    needed = estimate_needed_cases(result, threshold)
    if needed is not None:
        return f"add cases: about {needed:,} cases would tell, you have {cases:,}"
    if result.undefined:
        return (
            f"give a value to the {result.undefined:,} undefined cases: more cases like these would not tell"
        )
    return "add cases: the mean is too close to the threshold to say how many"
