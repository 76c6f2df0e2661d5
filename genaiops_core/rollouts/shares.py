"""Shares of traffic: percentages in steps of 0.01, and the steps of a rollout."""

from __future__ import annotations

import math
from collections.abc import Sequence

from genaiops_core.errors import BadInput

DEFAULT_STEPS = (1.0, 5.0, 25.0, 50.0, 100.0)
MAX_STEPS = 50


def check_percent(percent: float) -> float:
    """`percent` rounded to a share that routing stores exactly.

    Raises:
        BadInput: it is not a number from 0 to 100, or finer than 0.01.
    """
    if isinstance(percent, bool) or not math.isfinite(percent) or not 0 <= percent <= 100:
        raise BadInput(f"The canary share must be a number from 0 to 100 percent, not {percent}.")
    grains = round(percent * 100)
    # Tolerates the rounding of binary fractions such as 0.07 * 100.
    if abs(percent * 100 - grains) > 1e-6:
        raise BadInput(f"The canary share {percent} is too fine; use steps of 0.01 percent.")
    return grains / 100


def check_steps(steps: Sequence[float] | None) -> tuple[float, ...]:
    """The steps of a rollout, `DEFAULT_STEPS` when None.

    Raises:
        BadInput: there are no steps or too many, a step is 0, or they do not increase.
    """
    if steps is None:
        return DEFAULT_STEPS
    checked = tuple(check_percent(step) for step in steps)
    rising = all(low < high for low, high in zip((0.0, *checked), checked, strict=False))
    if not checked or len(checked) > MAX_STEPS or not rising:
        raise BadInput(
            f"The steps of a rollout must be 1 to {MAX_STEPS} rising percentages above 0, like 1 5 25 100."
        )
    return checked


def step_of(percent: float, steps: Sequence[float]) -> int:
    """The number, from 1, of the highest step that is at most `percent`; 0 below the first step."""
    return sum(1 for step in steps if step <= percent)
