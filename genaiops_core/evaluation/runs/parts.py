"""Which cases a run uses, and the parts in which they are scored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

UNITS_A_PART = 200
"""Of a judge that asks a model: enough for many calls under way, few enough for several workers to share a run."""
LEAST_UNITS_A_PART = 20
COMPUTED_UNITS_A_PART = 1000
_LEAST_PARTS = 12
"""Of a paid run that is large enough."""


def draw(dataset: str, version: int, numbers: Sequence[int], size: int | None) -> list[int]:
    """At most `size` of some cases, in their order.

    Drawn by hash, not by chance: the same dataset and size give the same cases, so that runs can be compared, and a
    smaller sample is part of a larger one.
    """
    if size is None or size >= len(numbers):
        return list(numbers)

    def lot(number: int) -> bytes:
        return hashlib.sha256(f"{dataset}:{version}:{number}".encode()).digest()

    return sorted(sorted(numbers, key=lot)[:size])


def units_a_part(units: int, *, is_computed: bool) -> int:
    """How large the parts of a run of so many units are."""
    if is_computed:
        return COMPUTED_UNITS_A_PART
    return min(UNITS_A_PART, max(LEAST_UNITS_A_PART, units // _LEAST_PARTS))


def split(numbers: Sequence[int], units_a_case: int, units_a_part: int) -> list[list[int]]:
    """Case numbers in parts of about so many units, at least one case each."""
    size = max(1, units_a_part // max(1, units_a_case))
    return [list(numbers[start : start + size]) for start in range(0, len(numbers), size)]
