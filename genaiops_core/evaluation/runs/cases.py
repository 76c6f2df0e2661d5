"""Which cases of a dataset version an evaluation scores (all usable ones, a split or a sample), and in which batches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import search
from genaiops_core.evaluation.datasets.search import CaseFilter
from genaiops_core.evaluation.datasets.versions import DatasetVersion

UNITS_PER_BATCH = 200
"""For a judge that calls a model: enough for many calls in flight, few enough for several workers to share a run."""
MIN_UNITS_PER_BATCH = 20
COMPUTED_UNITS_PER_BATCH = 1000
_MIN_BATCHES = 12
"""Batches of a paid run, if it is large enough: several workers can share it."""


def count_available(connection: sa.Connection, dataset_version: DatasetVersion, split: str) -> int:
    """How many cases can be scored, without generated cases that wait for review.

    Args:
        connection: of the database.
        dataset_version: the dataset version.
        split: one of its splits; '' means all cases.

    Raises:
        BadInput: the split has no case, or all its cases wait for review.
    """
    available = len(_list_usable_cases(connection, dataset_version, split))
    if available:
        return available
    name = f"{dataset_version.dataset} v{dataset_version.version}"
    facets = search.count_facets(connection, dataset_version.dataset, dataset_version.version)
    unusable = facets.splits.get(split, 0) if split else dataset_version.cases
    if unusable:
        raise BadInput(f"All {unusable:,} cases of {name} wait for review; accept some first.")
    splits = ", ".join(
        f"{split_name} ({count:,} cases)" for split_name, count in facets.splits.items() if split_name
    )
    raise BadInput(
        f"{name} has no case in the split '{split}'; "
        + (f"its splits are {splits}." if splits else "its cases have no split.")
    )


def select_cases(
    connection: sa.Connection, dataset_version: DatasetVersion, split: str, size: int | None
) -> list[int]:
    """The numbers of the cases to score, at most `size`; the selection is always the same."""
    numbers = _list_usable_cases(connection, dataset_version, split)
    return sample_cases(dataset_version.dataset, dataset_version.version, numbers, size)


def filter_usable(split: str) -> CaseFilter:
    """The filter of cases that can be scored: of one split, or of all with '', without those that wait for review."""
    return CaseFilter(split=split or None, is_usable=True)


def sample_cases(dataset: str, version: int, numbers: Sequence[int], size: int | None) -> list[int]:
    """At most `size` of the case numbers, in their order.

    The sample is chosen by hash, not at random: the same dataset and size give the same cases, so evaluations can be
    compared, and a smaller sample is a subset of a larger one.
    """
    if size is None or size >= len(numbers):
        return list(numbers)

    def hash_key(number: int) -> bytes:
        return hashlib.sha256(f"{dataset}:{version}:{number}".encode()).digest()

    return sorted(sorted(numbers, key=hash_key)[:size])


def choose_batch_size(units: int, *, is_computed: bool) -> int:
    """Units per batch of a run with this many units."""
    if is_computed:
        return COMPUTED_UNITS_PER_BATCH
    return min(UNITS_PER_BATCH, max(MIN_UNITS_PER_BATCH, units // _MIN_BATCHES))


def split_into_batches(numbers: Sequence[int], units_per_case: int, units_per_batch: int) -> list[list[int]]:
    """Case numbers in batches of about `units_per_batch` units, at least one case each."""
    size = max(1, units_per_batch // max(1, units_per_case))
    return [list(numbers[start : start + size]) for start in range(0, len(numbers), size)]


def _list_usable_cases(connection: sa.Connection, dataset_version: DatasetVersion, split: str) -> list[int]:
    return search.list_case_numbers(
        connection, dataset_version.dataset, dataset_version.version, filter_usable(split)
    )
