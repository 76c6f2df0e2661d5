"""Which cases a run uses, and the parts in which they are scored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

UNITS_PER_BATCH = 200
"""Of a judge that asks a model: enough for many calls under way, few enough for several workers to share a run."""
MIN_UNITS_PER_BATCH = 20
COMPUTED_UNITS_PER_BATCH = 1000
_MIN_BATCHES = 12
"""Of a paid run that is large enough."""


def sample_cases(dataset: str, version: int, numbers: Sequence[int], size: int | None) -> list[int]:
    """At most `size` of some cases, in their order.

    Drawn by hash, not by chance: the same dataset and size give the same cases, so that runs can be compared, and a
    smaller sample is part of a larger one.
    """
    if size is None or size >= len(numbers):
        return list(numbers)

    def hash_key(number: int) -> bytes:
        return hashlib.sha256(f"{dataset}:{version}:{number}".encode()).digest()

    return sorted(sorted(numbers, key=hash_key)[:size])


def choose_batch_size(units: int, *, is_computed: bool) -> int:
    """How large the parts of a run of so many units are."""
    if is_computed:
        return COMPUTED_UNITS_PER_BATCH
    return min(UNITS_PER_BATCH, max(MIN_UNITS_PER_BATCH, units // _MIN_BATCHES))


def split_into_batches(numbers: Sequence[int], units_per_case: int, units_per_batch: int) -> list[list[int]]:
    """Case numbers in parts of about so many units, at least one case each."""
    size = max(1, units_per_batch // max(1, units_per_case))
    return [list(numbers[start : start + size]) for start in range(0, len(numbers), size)]
