"""Many histograms merged at once equal merging each union by itself."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import histogram
from tests.histograms import histogram_of

cells = st.lists(
    st.tuples(
        st.integers(0, 4), st.lists(st.integers(1, 10**14), max_size=20), st.sampled_from([1, 300, 70_000])
    ),
    max_size=20,
)


def blobs_of(cells: list[tuple[int, list[int], int]]) -> tuple[list[bytes], list[int]]:
    # Repeated, so that counts need one, two and four bytes.
    packed = []
    for _, values, times in cells:
        blob = histogram_of(values)
        first, counts = histogram._sum([blob]) if blob else (0, None)
        packed.append(blob if counts is None else histogram._pack(first, counts * times))
    return packed, [group for group, _, _ in cells]


@given(cells, st.sampled_from([1, 3_000_000]))
def test_grouped_equals_one_by_one(cells: list[tuple[int, list[int], int]], dense_cells: int) -> None:
    blobs, groups = blobs_of(cells)
    with mock.patch.object(histogram, "_DENSE_CELLS", dense_cells):
        percentiles = histogram.percentiles_by_group(blobs, groups, 5)
        merged = histogram.merge_by_group(blobs, groups, 5)
    for group in range(5):
        mine = [blob for blob, owner in zip(blobs, groups, strict=True) if owner == group]
        expected = histogram.percentiles(mine)
        assert percentiles[group] == (None if expected is None else pytest.approx(expected, rel=1e-12))
        assert merged[group] == histogram.merge(mine)


def test_nothing_has_no_percentiles() -> None:
    assert histogram.percentiles_by_group([b"", b""], [0, 1], 2) == [None, None]
    assert histogram.percentiles_by_group([], [], 0) == []
