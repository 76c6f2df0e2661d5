"""Long lists of values in portions: a statement has a limited number of parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")

PER_STATEMENT = 400


def split_portions(values: Sequence[_T], size: int = PER_STATEMENT) -> Iterator[Sequence[_T]]:
    """Split `values` into portions of at most `size`, in their order."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
